"""How the operations of a group run: one after the other, or equal operations as one.

Some operations have a form for many callers, `operation.together`: fewer statements, and on a
server fewer ways to it.

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

__all__ = ["run_group"]


def run_group(connection: OpenConnection, turns: Sequence[Turn]) -> None:
    """Run the operations, and set the result of each turn. Raises what any of them raises."""
    if len(turns) == 1:
        turns[0].run(connection)
        return
    ordered = sorted(turns, key=_session) if connection.backend.locks_rows else turns
    for function, some in groupby(ordered, _function):
        _run_alike(connection, function, list(some))


def _run_alike(connection: OpenConnection, function: Any, turns: Sequence[Turn]) -> None:
    """Run operations of the same function."""
    together = getattr(function, "together", None)
    if together is None or len(turns) == 1:
        for turn in turns:
            turn.run(connection)
        return
    results = together(connection, [_arguments(turn)[0] for turn in turns])
    for turn, result in zip(turns, results, strict=True):
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
