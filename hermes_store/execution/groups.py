"""How the operations of a group run: one after the other, or those that are alike as one.

Some operations carry a form for many callers, `operation.together`: the server then has half the
work, and the process a third.

Groups of several connections, of this process and of other hosts, lock the rows of the sessions
they change. Each takes its sessions in the order of their ids, so that none has what another waits
for. What crosses nevertheless is a deadlock: the server ends it, and the writer tries again.
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
    """Run operations that are alike together. Raises what any of them raises."""
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
    """The id of the session that an operation is about; empty when it is about none or many."""
    first = next(iter(_arguments(turn)), "")
    found = first.get("id") if isinstance(first, dict) else getattr(first, "session_id", first)
    return found if isinstance(found, str) else ""
