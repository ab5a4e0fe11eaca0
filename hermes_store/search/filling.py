"""Fill the column `folded` of messages that are there already, some at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from hermes_store.database.connection import OpenConnection
from hermes_store.search.searched import folded

__all__ = ["fill", "fill_those"]

_SELECT = "SELECT id, folded, content, content_format, tool_name, tool_calls FROM messages WHERE "
_BETWEEN = text(f"{_SELECT} id BETWEEN :first AND :last")
_THOSE = text(f"{_SELECT} id IN :ids").bindparams(bindparam("ids", expanding=True))
_IDS_AT_ONCE = 500
_SET = text("UPDATE messages SET folded = :now WHERE id = :id")


def fill(connection: OpenConnection, first: int, last: int) -> None:
    """Bring `folded` up to date from one id to another, wherever it is not."""
    _fill(connection, _BETWEEN, first=first, last=last)


def fill_those(connection: OpenConnection, ids: Collection[int]) -> None:
    """Bring `folded` of messages up to date, wherever it is not."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        _fill(connection, _THOSE, ids=ordered[start : start + _IDS_AT_ONCE])


def _fill(connection: OpenConnection, texts: TextClause, **which: Any) -> None:
    with connection.backend.undecodable_as_bytes(connection.core):
        rows = connection.core.execute(texts, which).all()
    changed = [{"id": id_, "now": now} for id_, stored, now in map(_row, rows) if now != stored]
    if changed:
        connection.core.execute(_SET, changed)


def _row(row: Sequence[Any]) -> tuple[int, str | None, str | None]:
    """Id, what is stored, and what shall be: nothing for text that is not valid UTF-8."""
    try:
        stored, *texts = (each.decode() if isinstance(each, bytes) else each for each in row[1:])
    except UnicodeDecodeError:
        return row[0], "", None
    return row[0], stored, folded(*texts)
