"""Appends to a file, by few texts of an INSERT, since each takes long to prepare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any

from hermes_store.database.connection import OpenConnection
from hermes_store.database.sqlite_ids import refuse_no_id
from hermes_store.queries.rows import NewRow, in_slices
from hermes_store.queries.session_changes import count_in
from hermes_store.queries.there import require_there
from hermes_store.search.triggers import may_hinder
from hermes_store.search.waiting import is_long, may_wait

__all__ = ["append_together", "insert_one"]


def insert_one(connection: OpenConnection, columns: Mapping[str, Any]) -> int | None:
    """Store one row; return its id, or None when a foreign trigger kept it out."""
    unusual = () if _ARE_USUAL(columns) else _unusual(columns)
    waits = may_wait(connection, columns)
    given = (*map(columns.get, _USUAL, _NULLS), *map(columns.get, unusual), waits)
    inserted = _insert(connection, _insert_row(unusual), given)
    stored: int | None = inserted.lastrowid if inserted.rowcount else None
    return stored


def append_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, count them in their sessions; return their ids, in order."""
    of_sessions: dict[str, list[NewRow]] = {}
    for row in rows:
        of_sessions.setdefault(row.columns["session_id"], []).append(row)
    for session_id, some in of_sessions.items():
        latest = max(row.columns["timestamp"] for row in some)
        count_in(connection, session_id, len(some), sum(row.tool_calls for row in some), latest)
    return _insert_together(connection, rows)


def _insert_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    with_unusual = [row.columns for row in rows if not _ARE_USUAL(row.columns)]
    unusual = _unusual(chain.from_iterable(with_unusual))
    width = len(_USUAL) + len(unusual) + 1
    most = connection.core.dialect.insertmanyvalues_max_parameters // (width + 1)
    at_once = min(_MOST_ROWS, 1 << most.bit_length() - 1)
    ids: list[int] = []
    for slice_ in in_slices(rows, at_once, _MOST_TEXT):
        places = 1 << (len(slice_) - 1).bit_length()
        values: list[Any] = []
        for row in slice_:
            values += map(row.columns.get, _USUAL, _NULLS)
            values += map(row.columns.get, unusual)
            values.append(_NULL if is_long(row.columns) else 1)
        if slice_[-1] is rows[-1]:
            values[-1] = may_wait(connection, rows[-1].columns, among=len(rows))
        values += [_NULL] * (places * width - len(values))
        ids += _insert_slice(connection, unusual, places, (*values, len(slice_)))
    require_there(connection, ids, len(rows))
    return ids


def _insert_slice(
    connection: OpenConnection, unusual: tuple[str, ...], places: int, parameters: tuple[Any, ...]
) -> Sequence[int]:
    """Run an INSERT of rows; return their ids. They follow each other if no trigger takes some."""
    insert = _insert_rows(unusual, places)
    if may_hinder(connection):
        stored = _insert(connection, f"{insert} RETURNING id", parameters).fetchall()
        return sorted(id_ for (id_,) in stored)  # given out in their order, reported in any
    inserted = _insert(connection, insert, parameters)
    return range(inserted.lastrowid - inserted.rowcount + 1, inserted.lastrowid + 1)


def _insert(connection: OpenConnection, statement: str, parameters: tuple[Any, ...]) -> Any:
    """Run an INSERT. Raises `StoreUnavailableError` where there is no greater id to give."""
    try:
        return connection.execute(statement, parameters)
    except connection.errors as exc:
        refuse_no_id(connection.dbapi, exc)
        raise


# SQLite takes more than a millisecond to prepare an INSERT, since the triggers of the index are a
# part of it. So most messages share a statement, and a list of messages one with places to spare.

_USUAL = (
    "session_id", "role", "content", "timestamp", "folded", "finish_reason", "reasoning",
    "token_count", "tool_call_id", "tool_calls", "tool_name",
)  # fmt: skip
"""Columns that are given to SQLite also where they are NULL; none of them has a default."""
_ARE_USUAL = frozenset(_USUAL).issuperset
_NEVER_NULL = frozenset({"session_id", "role", "timestamp"})
_NULL = -1
"""Stands for NULL, as no usual column has it: Python's driver takes eight times as long for None.

Of the others, a number that a program has added a column for may be it.
"""
_NULLS = repeat(_NULL)
_MOST_ROWS = 256
_MOST_TEXT = 1 << 20
"""Characters of an INSERT, but for its last row: SQLite holds two copies of them."""


def _unusual(names: Iterable[str]) -> tuple[str, ...]:
    """Those among `names` that are not usual, each once."""
    return tuple(dict.fromkeys(name for name in names if name not in _USUAL))


@lru_cache(maxsize=64)
def _insert_row(unusual: tuple[str, ...]) -> str:
    return f"""\
INSERT INTO messages ({", ".join((*_USUAL, *unusual))}, may_wait)
VALUES {_places(unusual)}"""  # noqa: S608 - of the names of columns


@lru_cache(maxsize=64)
def _insert_rows(unusual: tuple[str, ...], places: int) -> str:
    """INSERT of the first of so many rows, as many as its last parameter says.

    As one statement they write the search index once.
    """
    rows = ", ".join([_places(unusual)] * places)
    return f"""\
INSERT INTO messages ({", ".join((*_USUAL, *unusual))}, may_wait)
SELECT * FROM (VALUES {rows}) LIMIT ?"""  # noqa: S608 - as above


def _places(unusual: tuple[str, ...]) -> str:
    """For the values of the usual columns, of the others, and for `may_wait`."""
    usual = ("?" if name in _NEVER_NULL else f"nullif(?, {_NULL})" for name in _USUAL)
    return f"({', '.join((*usual, *'?' * len(unusual)))}, nullif(?, {_NULL}))"
