"""Append messages: one, a list, or those of several callers by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import (
    Double,
    Integer,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages, sessions
from hermes_store.models.visibility import visible
from hermes_store.queries.rows import NewRow, in_slices
from hermes_store.queries.sessions import require, require_changed
from hermes_store.queries.there import require_there
from hermes_store.search.triggers import OWN
from hermes_store.search.waiting import is_long, may_wait

__all__ = ["append", "append_many", "append_once", "count_in", "known"]

_AT = bindparam("at", type_=Double)
_COUNT_IN = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(
        message_count=func.coalesce(sessions.c.message_count, literal_column("0"))
        + bindparam("added", type_=Integer),
        tool_call_count=func.coalesce(sessions.c.tool_call_count, literal_column("0"))
        + bindparam("calls", type_=Integer),
        last_active=case((sessions.c.last_active >= _AT, sessions.c.last_active), else_=_AT),
    )
)


def append(connection: OpenConnection, row: NewRow) -> int:
    """Store a message, count it in its session; return its id."""
    columns = row.columns
    count_in(connection, columns["session_id"], 1, row.tool_calls, columns["timestamp"])
    stored: Any = _inserted(connection, columns)
    if stored is None or not OWN.issuperset(connection.fired):
        require_there(connection, [] if stored is None else [stored], 1)
    id_: int = stored
    return id_


def _inserted(connection: OpenConnection, columns: dict[str, Any]) -> int | None:
    """Store one row; return its id, or None when a foreign trigger kept it out."""
    stored: int | None
    if connection.backend.is_server:
        stored = _of_servers().insert_one(connection, columns)
        return stored
    names = _USUAL if _ARE_USUAL(columns) else _with_unusual(columns)
    waits = may_wait(connection, columns)
    inserted = connection.execute(_insert_row(names), (*map(columns.get, names), waits))
    stored = inserted.lastrowid if inserted.rowcount else None
    return stored


def append_many(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Store messages in their order, count them once; return their ids.

    One whose `external_id` the session has, or an earlier one of `rows` has, is not stored again.
    """
    if not any("external_id" in row.columns for row in rows):
        return _insert_many(connection, session_id, rows)
    keys = [row.columns.get("external_id", place) for place, row in enumerate(rows)]
    ids: dict[str | int, int] = {}
    new: dict[str | int, NewRow] = {}
    for key, row in zip(keys, rows, strict=True):
        there = None if key in new else _known(connection, row)
        if there is not None:
            ids[key] = there
        else:
            new.setdefault(key, row)
    ids.update(zip(new, _insert_many(connection, session_id, list(new.values())), strict=True))
    return [ids[key] for key in keys]


def _insert_many(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    if not rows:
        require(connection, session_id)
        return []
    return append_together(connection, rows)


def append_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, of several callers maybe, and count them; return their ids, in order."""
    if connection.backend.is_server:
        ids: list[int] = _of_servers().append_together(connection, rows)
        return ids
    of_sessions: dict[str, list[NewRow]] = {}
    for row in rows:
        of_sessions.setdefault(row.columns["session_id"], []).append(row)
    for session_id, some in of_sessions.items():
        latest = max(row.columns["timestamp"] for row in some)
        count_in(connection, session_id, len(some), sum(row.tool_calls for row in some), latest)
    return _insert_together(connection, rows)


append.together = append_together  # type: ignore[attr-defined]  # what a group runs instead


def _insert_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    unusual = [row.columns for row in rows if not _ARE_USUAL(row.columns)]
    names = _with_unusual(chain.from_iterable(unusual))
    width = len(names) + 1
    most = connection.core.dialect.insertmanyvalues_max_parameters // (width + 1)
    at_once = min(_MOST_ROWS, 1 << most.bit_length() - 1)
    ids: list[int] = []
    for slice_ in in_slices(rows, at_once, _MOST_TEXT):
        places = 1 << (len(slice_) - 1).bit_length()
        values: list[Any] = []
        for row in slice_:
            values += map(row.columns.get, names)
            values.append(None if is_long(row.columns) else 1)
        if slice_[-1] is rows[-1]:
            values[-1] = may_wait(connection, rows[-1].columns, among=len(rows))
        values += [None] * (places * width - len(values))
        stored = connection.execute(_insert_rows(names, places), (*values, len(slice_))).fetchall()
        ids += sorted(id_ for (id_,) in stored)  # given out in their order, reported in any
    require_there(connection, ids, len(rows))
    return ids


# SQLite takes more than a millisecond to prepare an INSERT, since the triggers of the index are a
# part of it. So most messages share a statement, and a list of messages one with places to spare.

_USUAL = (
    "session_id", "role", "content", "timestamp", "folded", "finish_reason", "reasoning",
    "token_count", "tool_call_id", "tool_calls", "tool_name",
)  # fmt: skip
"""Columns that are given to SQLite also where they are NULL; none of them has a default."""
_ARE_USUAL = frozenset(_USUAL).issuperset
_MOST_ROWS = 256
_MOST_TEXT = 1 << 20
"""Characters of an INSERT, but for its last row: SQLite holds two copies of them."""


def _with_unusual(names: Iterable[str]) -> tuple[str, ...]:
    """The usual columns and the others among `names`, each once."""
    return tuple(dict.fromkeys((*_USUAL, *names)))


@lru_cache(maxsize=64)
def _insert_row(columns: tuple[str, ...]) -> str:
    return f"""\
INSERT INTO messages ({", ".join(columns)}, may_wait) VALUES {_places(columns)}"""  # noqa: S608 - of the names of columns


@lru_cache(maxsize=64)
def _insert_rows(columns: tuple[str, ...], places: int) -> str:
    """INSERT of the first of so many rows, as many as its last parameter says; reports their ids.

    As one statement they write the search index once.
    """
    rows = ", ".join([_places(columns)] * places)
    return f"""\
INSERT INTO messages ({", ".join(columns)}, may_wait)
SELECT * FROM (VALUES {rows}) LIMIT ? RETURNING id"""  # noqa: S608 - as above


def _places(columns: tuple[str, ...]) -> str:
    """For the values of the columns, and for `may_wait`."""
    return f"({', '.join('?' * len(columns))}, ?)"


def count_in(
    connection: OpenConnection, session_id: str, added: int, calls: int, at: float
) -> None:
    """Add messages to what a session keeps of them. Raises `SessionNotFoundError`."""
    changed = _COUNT_IN.run(connection, session=session_id, added=added, calls=calls, at=at)
    require_changed(changed, session_id)


# --- messages that another system has given an id -------------------------------------------------

_KNOWN = Statement(
    select(messages.c.id).where(
        messages.c.session_id == bindparam("session"),
        messages.c.external_id == bindparam("given"),
        visible("live"),
    )
)


def append_once(connection: OpenConnection, row: NewRow) -> int:
    """Store a message unless its session has one with its `external_id`; return that one's id."""
    there = _known(connection, row)
    return append(connection, row) if there is None else there


def _known(connection: OpenConnection, row: NewRow) -> int | None:
    return known(connection, row.session_id, row.columns.get("external_id"))


def known(connection: OpenConnection, session_id: str, given: str | None) -> int | None:
    """The id of the live message of a session that has an `external_id`; None when none has it."""
    if given is None:
        return None
    found = _KNOWN.run(connection, session=session_id, given=given).fetchone()
    return None if found is None else cast("int", found[0])


# --- on a server ----------------------------------------------------------------------------------


@cache
def _of_servers() -> Any:
    """What a file needs no import of."""
    from hermes_store.queries import appends_on_servers  # noqa: PLC0415 - only where it is used

    return appends_on_servers
