"""Fill the column `folded` of messages that are there already, some at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, TextClause, bindparam, select, text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.models.stored import messages
from hermes_store.search.searched import folded

__all__ = ["fill", "fill_those", "outdated"]

_COLUMNS = ("id", "folded", "content", "content_format", "tool_name", "tool_calls")
_SELECT = select(*(messages.c[name] for name in _COLUMNS)).order_by(messages.c.id)
_BETWEEN = _SELECT.where(messages.c.id.between(bindparam("first"), bindparam("last")))
# A server's row is locked, so that its text is not changed by an agent before `folded` is stored.
_THOSE = _SELECT.where(messages.c.id.in_(bindparam("ids", expanding=True))).with_for_update(
    key_share=True
)
_AT_ONCE = 400  # a row that is changed has two parameters


def fill(connection: OpenConnection, first: int, last: int) -> None:
    """Bring `folded` up to date from one id to another; nobody else may write meanwhile."""
    _set(connection, _changes(connection, _BETWEEN, first=first, last=last))


def outdated(connection: OpenConnection, first: int, last: int) -> list[int]:
    """The ids of messages, from one to another, whose `folded` is not up to date."""
    return [id_ for id_, _ in _changes(connection, _BETWEEN, first=first, last=last)]


def fill_those(connection: OpenConnection, ids: Collection[int]) -> None:
    """Bring `folded` of messages up to date, wherever it is not."""
    for some in pieces(sorted(ids), _AT_ONCE):
        _set(connection, _changes(connection, _THOSE, ids=some))


def _changes(
    connection: OpenConnection, texts: Select[Any], **which: Any
) -> list[tuple[int, str | None]]:
    """Ids, and what `folded` shall be."""
    with connection.backend.undecodable_as_bytes(connection.core):
        rows = connection.core.execute(texts, which).all()
    return [(id_, now) for id_, stored, now in map(_row, rows) if now != stored]


def _set(connection: OpenConnection, changes: Sequence[tuple[int, str | None]]) -> None:
    """In statements of many rows: after each FTS5 writes what it holds in memory as a segment."""
    for some in pieces(changes, _AT_ONCE):
        values: dict[str, Any] = {f"id{n}": id_ for n, (id_, _) in enumerate(some)}
        values |= {f"now{n}": now for n, (_, now) in enumerate(some)}
        connection.core.execute(_set_of(len(some)), values)


@cache
def _set_of(number: int) -> TextClause:
    rows = (f"(CAST(:id{n} AS bigint), CAST(:now{n} AS text))" for n in range(number))
    return text(
        f"WITH those (id, now) AS (VALUES {', '.join(rows)})"  # noqa: S608 - names of parameters
        " UPDATE messages SET folded = those.now FROM those WHERE messages.id = those.id"
    )


def _row(row: Sequence[Any]) -> tuple[int, str | None, str | None]:
    """Id, what is stored, and what shall be: nothing for text that is not valid UTF-8."""
    try:
        stored, *texts = (each.decode() if isinstance(each, bytes) else each for each in row[1:])
    except UnicodeDecodeError:
        return row[0], "", None
    return row[0], stored, folded(*texts)
