"""Appends on a server, where a message brings the words along that it is found by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from hermes_store.database.connection import OpenConnection
from hermes_store.database.postgresql_arrays import ARRAYS
from hermes_store.database.postgresql_errors import COLUMN_MISSING, state_of
from hermes_store.models.stored import messages
from hermes_store.queries.rows import NewRow, alike
from hermes_store.queries.sessions import require
from hermes_store.queries.there import require_there
from hermes_store.search.postgresql_words import words_of

__all__ = ["append_together", "insert_one", "noticing_no_place", "with_words"]

_TYPES = {float: "float8", int: "bigint"}


def insert_one(connection: OpenConnection, columns: Mapping[str, Any]) -> int | None:
    """Store one row; return its id, or None when a foreign trigger kept it out."""
    given = with_words(connection, columns)
    returned = _run(connection, _insert_row(tuple(given)), given).fetchone()
    return None if returned is None else cast("int", returned[0])


def with_words(connection: OpenConnection, columns: Mapping[str, Any]) -> dict[str, Any]:
    """A row with the words that it is found by, where there is a column for them."""
    return {**columns, "search": words_of(columns)} if connection.takes_words else dict(columns)


@contextmanager
def noticing_no_place(connection: OpenConnection) -> Iterator[None]:
    """After an error of this block: what runs again brings no words where they have no column."""
    try:
        yield
    except connection.errors as exc:
        is_missing = state_of(exc) == COLUMN_MISSING
        connection.takes_words = connection.backend.takes_words and not is_missing
        raise


def _run(connection: OpenConnection, statement: str, parameters: dict[str, Any]) -> Any:
    with noticing_no_place(connection):
        return connection.execute(statement, parameters)


@lru_cache(maxsize=64)
def _insert_row(names: tuple[str, ...]) -> str:
    values = ", ".join(
        f"CAST(%({name})s AS tsvector)" if name == "search" else f"%({name})s" for name in names
    )
    return f"INSERT INTO messages ({', '.join(names)}) VALUES ({values}) RETURNING id"  # noqa: S608 - of the names of columns


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
SELECT {", ".join(map(_taken, names))}
FROM given JOIN counted ON counted.id = given.session_id ORDER BY place
RETURNING id, session_id"""  # noqa: S608 - of the names of columns


def _type(name: str) -> str:
    return "text" if name == "search" else _TYPES.get(messages.c[name].type.python_type, "text")


def _taken(name: str) -> str:
    return "CAST(given.search AS tsvector)" if name == "search" else f"given.{name}"


def append_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, count them in their sessions; return their ids, in order."""
    stored = _stored(connection, rows)
    ids = [message_id for message_id, _ in stored]
    if len(ids) == len(rows):
        require_there(connection, ids, len(rows))
        return ids
    late = {row.session_id for row in rows} - {session_id for _, session_id in stored}
    for session_id in late:
        require(connection, session_id)
    # They came after the statement looked, unless a trigger took their messages away.
    again = [row for row in rows if row.session_id in late]
    later = [message_id for message_id, _ in _stored(connection, again)] if again else []
    require_there(connection, ids + later, len(rows))
    of = {True: iter(later), False: iter(ids)}
    return [next(of[row.session_id in late]) for row in rows]


def _stored(connection: OpenConnection, rows: Sequence[NewRow]) -> list[tuple[int, str]]:
    """Store the messages whose sessions are there; return their ids, in order, and sessions."""
    given = [with_words(connection, columns) for columns in alike(rows)]
    arrays = {name: ARRAYS[_type(name)](row[name] for row in given) for name in given[0]}
    calls = ARRAYS["bigint"](row.tool_calls for row in rows)
    stored = _run(connection, _statement(tuple(arrays)), {**arrays, "calls": calls})
    return sorted(stored.fetchall())  # ids are given out in order, and reported in any
