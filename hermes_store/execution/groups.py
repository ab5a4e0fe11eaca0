"""How the operations of a group run: one after the other, or equal operations as one.

Some operations have a form for many callers, `operation.together`. It halves the work of the
server, and the process does a third of its own.

On a server, groups run on several connections and hosts. Each group locks the rows of the sessions
that it changes, in the order of their ids. So two groups seldom wait for each other. When they do,
the server ends the deadlock, and the writer tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from hermes_store.database.connection import OpenConnection
from hermes_store.execution.turns import Operation, Turn

__all__ = ["run_in_turn", "run_merged"]


def run_in_turn(connection: OpenConnection, turns: Sequence[Turn]) -> None:
    """Run one operation after the other, and set the result of each turn."""
    for turn in turns:
        turn.run(connection)


def run_merged(connection: OpenConnection, turns: Sequence[Turn]) -> None:
    """Run operations of the same function together. Raises what any of them raises."""
    for function, some in groupby(sorted(turns, key=_session), _function):
        alike = list(some)
        together = getattr(function, "together", None)
        if together is None or len(alike) == 1:
            run_in_turn(connection, alike)
            continue
        results = together(connection, [_arguments(turn)[0] for turn in alike])
        for turn, result in zip(alike, results, strict=True):
            turn.result = result


def _function(turn: Turn) -> Any:
    return turn.operation.function if isinstance(turn.operation, Operation) else turn.operation


def _arguments(turn: Turn) -> tuple[Any, ...]:
    return turn.operation.args if isinstance(turn.operation, Operation) else ()


def _session(turn: Turn) -> str:
    """Return the id of the session that an operation changes; empty for none or many."""
    first = next(iter(_arguments(turn)), "")
    found = first.get("id") if isinstance(first, dict) else getattr(first, "session_id", first)
    return found if isinstance(found, str) else ""
