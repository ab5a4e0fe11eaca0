"""Messages of several callers stored by one statement, on databases that merge groups."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import messages
from hermes_store.queries.rows import NewRow, alike
from hermes_store.queries.there import require_there

__all__ = ["append_together"]

_TYPES = {float: "float8", int: "bigint"}


@lru_cache(maxsize=64)
def _statement(names: tuple[str, ...]) -> str:
    """INSERT of messages with these columns, each given as an array."""
    listed = ", ".join(names)
    arrays = ", ".join(f"CAST(%({name})s AS {_type(name)}[])" for name in names)
    return f"""\
WITH given AS (
    SELECT * FROM unnest({arrays}, CAST(%(calls)s AS bigint[]))
        WITH ORDINALITY AS given({listed}, calls, place)),
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
INSERT INTO messages ({listed})
SELECT {", ".join(f"given.{name}" for name in names)}
FROM given JOIN counted ON counted.id = given.session_id ORDER BY place
RETURNING id, session_id"""  # noqa: S608 - of the names of columns


def _type(name: str) -> str:
    return _TYPES.get(messages.c[name].type.python_type, "text")


def append_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, count them in their sessions; return their ids, in order."""
    given = alike(rows)
    arrays = {name: [row[name] for row in given] for name in given[0]}
    calls = [row.tool_calls for row in rows]
    stored = connection.execute(_statement(tuple(arrays)), {**arrays, "calls": calls}).fetchall()
    if len(stored) < len(rows):
        known = {session_id for _, session_id in stored}
        for missing in set(arrays["session_id"]) - known:
            raise SessionNotFoundError(missing)
    ids = sorted(message_id for message_id, _ in stored)  # given out in order, reported in any
    require_there(connection, ids, len(rows))
    return ids
