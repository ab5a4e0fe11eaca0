"""The rows of a store as another database can hold them, in the order of their ids.

SQLite checks neither types nor, in files of other tools, references: what no column of PostgreSQL
would take is put right here, in the same way at every reading, and counted on request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Table,
    false,
    func,
    inspect,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy import column as named

from hermes_store.database.connection import OpenConnection
from hermes_store.models.stored import TABLES, messages, sessions, usage
from hermes_store.queries.leases import held
from hermes_store.transfer.equal_usage import added_up
from hermes_store.transfer.fitting_values import fitting

__all__ = ["Row", "Source", "by_key", "in_pieces", "key_in_words", "keys_of", "with_keys"]

Row = dict[str, Any]
_KEYS_AT_ONCE = 500  # builds of SQLite allow 999 parameters
_CHARACTERS_AT_ONCE = 2_000_000


def keys_of(table: Table) -> list[str]:
    """Names of the columns that tell one row from another."""
    return [column.name for column in table.primary_key.columns]


def by_key(table: Table, rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    """Rows by their keys."""
    names = keys_of(table)
    return {tuple(row[name] for name in names): row for row in rows}


def key_in_words(key: tuple[Any, ...]) -> str:
    """A key as an error names it."""
    return ", ".join(map(str, key))


def with_keys(table: Table, rows: list[Row], of: FromClause | None = None) -> ColumnElement[bool]:
    """The condition that a row of a table (or of a query of it) has the key of one of `rows`."""
    keys = [(table if of is None else of).c[name] for name in keys_of(table)]
    wanted = list(by_key(table, rows))
    if len(keys) == 1:
        return keys[0].in_([key for (key,) in wanted])
    return tuple_(*keys).in_(wanted)


def in_pieces(table: Table, rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Lists of rows, bounded in number and in length of text."""
    most = _KEYS_AT_ONCE // len(keys_of(table))
    piece: list[Row] = []
    characters = 0
    for row in rows:
        piece.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(piece) == most or characters >= _CHARACTERS_AT_ONCE:
            yield piece
            piece, characters = [], 0
    if piece:
        yield piece


_FETCHED_AT_ONCE = 50


class Source:
    """A store that is read, for a database that has the character NUL or has not."""

    def __init__(self, connection: OpenConnection, *, keeps_nul: bool) -> None:
        self._connection = connection
        self._fits = {
            each.name: [(column.name, fitting(column, keeps_nul)) for column in each.columns]
            for each in TABLES
        }
        self._put_right_keys: dict[str, set[tuple[Any, ...]]] = {}

    def each(
        self,
        of: Table,
        *,
        after: int | None = None,
        until: int | None = None,
        remarks: Counter[str] | None = None,
    ) -> Iterator[Row]:
        """All rows, or those after an id and up to another; `remarks` is told what is put right."""
        told = Counter[str]() if remarks is None else remarks
        rows = _rows(of, after, until).order_by(*keys_of(of))
        with self._connection.core.execute(
            rows.execution_options(yield_per=_FETCHED_AT_ONCE)
        ) as found:
            names = tuple(found.keys())
            right = (self._put_right(of, dict(zip(names, row, strict=True)), told) for row in found)
            yield from added_up(right, told) if of is usage else right

    def count(self, of: Table, *, until: int | None = None) -> int:
        """How many rows there are, or up to an id."""
        counted = select(func.count()).select_from(_rows(of, None, until).subquery())
        return self._connection.core.execute(counted).scalar_one()

    def last_message_id(self) -> int:
        """The greatest id that was ever given to a message."""
        return self._connection.backend.last_id(self._connection.core, messages.name)

    def lacks(self, of: Table, keys: list[Row]) -> list[Row]:
        """Those of `keys` that no row has, as the other database holds keys."""
        rows = _rows(of, None, None).subquery()
        names = keys_of(of)
        found = select(*(rows.c[name] for name in names)).where(with_keys(of, keys, rows))
        held = {tuple(row) for row in self._connection.core.execute(found)}
        missing = {key: row for key, row in by_key(of, keys).items() if key not in held}
        put_right = self._keys_put_right(of) if missing else set()
        return [row for key, row in missing.items() if key not in put_right]

    def _keys_put_right(self, of: Table) -> set[tuple[Any, ...]]:
        """The keys that the other database holds in place of some that it could not take."""
        if of is messages:
            return set()
        if of.name not in self._put_right_keys:
            rows, fits = _rows(of, None, None).subquery(), dict(self._fits[of.name])
            found = self._connection.core.execute(select(*(rows.c[name] for name in keys_of(of))))
            both = ((row, tuple(fits[name](row[name]) for name in row)) for row in found.mappings())
            self._put_right_keys[of.name] = {
                fitted for row, fitted in both if fitted != tuple(row.values())
            }
        return self._put_right_keys[of.name]

    def left_out(self, of: Table) -> dict[str, int]:
        """What another database has no place for, and how much of it there is."""
        number = {}
        if of is sessions:
            number["sessions without an id, left out"] = self._number(of, of.c.id.is_(None))
            number["leases that are held now, left out"] = len(held(self._connection))
        if of is usage:
            orphans = self._number(of, ~_has_session(of))
            number["records of usage of sessions that do not exist, left out"] = orphans
        for found in inspect(self._connection.core).get_columns(of.name):
            name = found["name"]
            is_made = "computed" in found or str(found["type"]) == "TSVECTOR"  # by the database
            if name not in of.columns and not is_made:
                stored = named(name).is_not(None)
                number[f"values of {of.name}.{name}, left out"] = self._number(of, stored)
        return {what: how_many for what, how_many in number.items() if how_many}

    def _number(self, of: Table, condition: Any) -> int:
        counted = select(func.count()).select_from(of).where(condition)
        return self._connection.core.execute(counted).scalar_one()

    def _put_right(self, of: Table, row: Row, remarks: Counter[str]) -> Row:
        if row.pop("made", False):
            remarks["sessions that only messages named, made"] += 1
        if not row.pop("has_parent", True) and row["parent_session_id"] is not None:
            row["parent_session_id"] = row["link"] = None
            remarks["parents that do not exist, taken away"] += 1
        for name, fit in self._fits[of.name]:
            value = row[name]
            row[name] = fitted = fit(value)
            if fitted is not value and fitted != value:
                remarks[f"values of {of.name}.{name}, made to fit"] += 1
        return row


# --- rows ---------------------------------------------------------------------------------------


def _all_sessions() -> Any:
    """Those that are stored, and those that only messages name: no message shall be lost."""
    others = sessions.alias()

    def exists(session_id: Any) -> Any:
        stored = select(others.c.id).where(others.c.id == session_id).exists()
        return stored.correlate_except(others)

    named_by_messages = select(messages.c.id).where(
        messages.c.session_id == sessions.c.parent_session_id
    )
    has_parent = or_(exists(sessions.c.parent_session_id), named_by_messages.exists())
    made_of = {
        "id": messages.c.session_id,
        "source": literal("unknown"),
        "started_at": func.min(messages.c.timestamp),
        "last_active": func.max(messages.c.timestamp),
        "message_count": func.count(),
    }
    stored = select(sessions, has_parent.label("has_parent"), false().label("made"))
    made = select(
        *(made_of.get(each.name, null()).label(each.name) for each in sessions.columns),
        true().label("has_parent"),
        true().label("made"),
    )
    return union_all(
        stored.where(sessions.c.id.is_not(None)),
        made.where(~exists(messages.c.session_id)).group_by(messages.c.session_id),
    )


_ALL_SESSIONS = _all_sessions()


def _has_session(of: Table) -> ColumnElement[bool]:
    """Whether the session of a row is among `_all_sessions`."""
    stored = select(sessions.c.id).where(sessions.c.id == of.c.session_id)
    named = select(messages.c.id).where(messages.c.session_id == of.c.session_id)
    return or_(stored.exists(), named.exists())


def _rows(of: Table, after: int | None, until: int | None) -> Any:
    """The rows of a table, or the messages after an id and up to another."""
    if of is sessions:
        return _ALL_SESSIONS
    rows = select(of)
    if of is usage:
        rows = rows.where(_has_session(of))
    if after is not None:
        rows = rows.where(messages.c.id > after)
    return rows if until is None else rows.where(messages.c.id <= until)
