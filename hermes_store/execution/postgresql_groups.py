"""How a group of operations runs on PostgreSQL: in few statements, and locking in one order.

A message appended by itself takes two statements. The appends of a group are one: the server then
has half the work, and the process a third.

Groups of several connections, of this process and of other hosts, lock the rows of the sessions
they change. Each takes its sessions in the order of their ids, so that none has what another waits
for. What crosses nevertheless is a deadlock: the server ends it, and the writer tries again.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, cast

from sqlalchemy import Connection

from hermes_store.errors import SessionNotFoundError
from hermes_store.execution.turns import Operation, Turn
from hermes_store.models import messages as table
from hermes_store.queries import messages
from hermes_store.queries.messages import NewRow

__all__ = ["run_group"]


def run_group(connection: Connection, turns: Sequence[Turn]) -> None:
    """Run the operation of each turn and set its result. Raises what any of them raises."""
    for function, some in groupby(sorted(turns, key=_session), _function):
        alike = list(some)
        if function is messages.append and len(alike) > 1:
            rows = [_arguments(turn)[0] for turn in alike]
            for turn, message_id in zip(alike, _append(connection, rows), strict=True):
                turn.result = message_id
        else:
            for turn in alike:
                turn.run(connection)


def _function(turn: Turn) -> Any:
    return turn.operation.function if isinstance(turn.operation, Operation) else turn.operation


def _arguments(turn: Turn) -> tuple[Any, ...]:
    return turn.operation.args if isinstance(turn.operation, Operation) else ()


def _session(turn: Turn) -> str:
    """The id of the session that an operation is about; empty when it is about none or many."""
    first = next(iter(_arguments(turn)), "")
    if isinstance(first, NewRow):
        return cast("str", first.columns["session_id"])
    if isinstance(first, dict):
        first = first.get("id", "")
    return first if isinstance(first, str) else ""


# --- messages of several callers ------------------------------------------------------------------

_COLUMNS = [column for column in table.columns if column.name != "id"]
_NAMES = ", ".join(column.name for column in _COLUMNS)
_TYPES = {float: "float8", int: "bigint"}
_ARRAYS = ", ".join(
    f"CAST(%({column.name})s AS {_TYPES.get(column.type.python_type, 'text')}[])"
    for column in _COLUMNS
)
_APPEND = f"""\
WITH given AS (
    SELECT * FROM unnest({_ARRAYS}, CAST(%(calls)s AS bigint[]))
        WITH ORDINALITY AS given({_NAMES}, calls, place)),
summed AS (
    SELECT session_id, count(*) AS added, sum(calls) AS calls, max(timestamp) AS at
    FROM given GROUP BY session_id),
locked AS (
    SELECT id FROM sessions WHERE id IN (SELECT session_id FROM summed)
    ORDER BY id FOR NO KEY UPDATE),
counted AS (
    UPDATE sessions AS s SET message_count = coalesce(s.message_count, 0) + summed.added,
        tool_call_count = coalesce(s.tool_call_count, 0) + summed.calls,
        last_active = greatest(s.last_active, summed.at)
    FROM summed JOIN locked ON locked.id = summed.session_id
    WHERE s.id = locked.id RETURNING s.id)
INSERT INTO messages ({_NAMES})
SELECT {", ".join(f"given.{column.name}" for column in _COLUMNS)}
FROM given JOIN counted ON counted.id = given.session_id ORDER BY place
RETURNING id, session_id"""  # noqa: S608 - of the names of columns


def _append(connection: Connection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, count them in their sessions; return their ids, in order."""
    arrays = {column.name: [row.columns[column.name] for row in rows] for column in _COLUMNS}
    calls = [row.tool_calls for row in rows]
    dbapi: Any = connection.connection.dbapi_connection
    stored = dbapi.execute(_APPEND, {**arrays, "calls": calls}).fetchall()
    if len(stored) < len(rows):
        known = {session_id for _, session_id in stored}
        raise SessionNotFoundError(next(s for s in arrays["session_id"] if s not in known))
    return sorted(message_id for message_id, _ in stored)  # given out in order, reported in any
