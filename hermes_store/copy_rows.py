"""The rows of a store as a server can hold them, in the order of their ids.

SQLite checks neither types nor, in files of other tools, references: what no column of PostgreSQL
would take is put right here, in the same way at every reading, and counted on request.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import cached_property
from typing import Any

from sqlalchemy import Column, Connection, Integer, Select, Table, Text, func, select

from hermes_store import engine as engines
from hermes_store.models import messages, sessions

__all__ = ["Rows"]

Row = dict[str, Any]

_FETCHED_AT_ONCE = 100
_GREATEST_WHOLE = 2**63


class Rows:
    """What `connection` reads of a store."""

    def __init__(self, connection: Connection, *, keeps_nul: bool = True) -> None:
        self._connection = connection
        self._keeps_nul = keeps_nul

    def each(
        self, table: Table, repaired: MutableMapping[str, int] | None = None, after: Any = None
    ) -> Iterator[Row]:
        """All rows after an id; `repaired` is told what was put right."""
        counted = Counter({"sessions without an id: left out": self._without_id(table)})
        found = self._stream(_select(table, after))
        if table is sessions:
            found = heapq.merge(found, self._missing_sessions, key=lambda row: row["id"])
        for row in found:
            yield self._put_right(table, row, counted)
        if repaired is not None:
            repaired.update({what: number for what, number in counted.items() if number})

    def count(self, table: Table, until: Any = None) -> int:
        """How many rows there are, or up to an id."""
        statement = select(func.count()).select_from(table).where(table.c.id.is_not(None))
        if until is not None:
            statement = statement.where(table.c.id <= until)
        missing = len(self._missing_sessions) if table is sessions else 0
        return self._connection.execute(statement).scalar_one() + missing

    def _without_id(self, table: Table) -> int:
        if table is not sessions:
            return 0
        statement = select(func.count()).select_from(sessions).where(sessions.c.id.is_(None))
        return self._connection.execute(statement).scalar_one()

    def last(self, table: Table) -> Any:
        """The greatest id; for messages 0 when there is none."""
        return self._connection.execute(select(func.max(table.c.id))).scalar_one() or 0

    def last_message_id(self) -> int:
        """The greatest id that was ever given to a message."""
        stored: int = self.last(messages)
        return max(engines.last_id(self._connection, messages.name), stored)

    def known_sessions(self, rows: Iterable[Mapping[str, Any]]) -> set[str]:
        """Those of the ids of `rows` that are here as well."""
        ids = [row["id"] for row in rows]
        found = self._connection.scalars(select(sessions.c.id).where(sessions.c.id.in_(ids)))
        return {*found, *(row["id"] for row in self._missing_sessions)}

    def _stream(self, statement: Select[Any]) -> Iterator[Row]:
        streamed = statement.execution_options(yield_per=_FETCHED_AT_ONCE)
        with self._connection.execute(streamed) as rows:
            for row in rows:
                yield dict(row._mapping)  # noqa: SLF001 - the documented name

    @cached_property
    def _missing_sessions(self) -> list[Row]:
        """Sessions that messages name and that do not exist: their messages shall not be lost."""
        known = select(sessions.c.id).where(sessions.c.id == messages.c.session_id)
        first, last = func.min(messages.c.timestamp), func.max(messages.c.timestamp)
        statement = (
            select(messages.c.session_id, first, last, func.count())
            .where(~known.exists())
            .group_by(messages.c.session_id)
            .order_by(messages.c.session_id)
        )
        return [
            {**dict.fromkeys(sessions.columns.keys()), "id": id_, "source": "unknown", "made": True}
            | {"started_at": start, "last_active": end, "message_count": number}
            for id_, start, end, number in self._connection.execute(statement)
        ]

    # --- what no server would take ----------------------------------------------------------------

    def _put_right(self, table: Table, row: Row, repaired: Counter[str]) -> Row:
        if row.pop("made", False):
            repaired["messages without their session: it was made"] += row["message_count"]
        if row.pop("parent_exists", True) is None and row["parent_session_id"] is not None:
            row["parent_session_id"] = None
            repaired["parents that do not exist"] += 1
        for column in table.columns:
            value = row[column.name]
            fitting = self._fitting(column, value)
            if fitting is not value:
                row[column.name] = fitting
                repaired[f"values of {table.name}.{column.name} that do not fit"] += 1
        return row

    def _fitting(self, column: Column[Any], value: Any) -> Any:
        """`value` itself, or what of it fits into the column."""
        if value is None:
            return None if column.nullable else _default(column)
        if isinstance(column.type, Text):
            return self._text(value)
        if isinstance(column.type, Integer):
            return _whole(value)
        number = value if isinstance(value, float) else _number(value)
        return _default(column) if number is None and not column.nullable else number

    def _text(self, value: Any) -> str:
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        text = value if isinstance(value, str) else str(value)
        return text if self._keeps_nul or "\0" not in text else text.replace("\0", "\ufffd")


def _select(table: Table, after: Any) -> Select[Any]:
    statement = select(table).where(table.c.id.is_not(None)).order_by(table.c.id)
    if table is sessions:
        parents = sessions.alias()
        same = parents.c.id == sessions.c.parent_session_id
        statement = statement.add_columns(parents.c.id.label("parent_exists"))
        statement = statement.outerjoin(parents, same)
    return statement if after is None else statement.where(table.c.id > after)


def _default(column: Column[Any]) -> Any:
    return "unknown" if isinstance(column.type, Text) else 0.0


def _whole(value: Any) -> int | None:
    if isinstance(value, int) and -_GREATEST_WHOLE <= value < _GREATEST_WHOLE:
        return value
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if -_GREATEST_WHOLE <= whole < _GREATEST_WHOLE else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
