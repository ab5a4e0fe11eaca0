"""Fill the column `folded` of messages that are there already, some at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from hermes_store.search.searched import folded

__all__ = ["fill"]

_FIRST_TO_LAST = {
    "sqlite": """\
SELECT id, CAST(folded AS BLOB), CAST(content AS BLOB), content_format, CAST(tool_name AS BLOB),
    CAST(tool_calls AS BLOB)
FROM messages WHERE id BETWEEN ? AND ?""",
    "postgresql": """\
SELECT id, folded, content, content_format, tool_name, tool_calls
FROM messages WHERE id BETWEEN %s AND %s""",
}
_SET = {
    "sqlite": "UPDATE messages SET folded = ? WHERE id = ?",
    "postgresql": "UPDATE messages SET folded = %s WHERE id = %s",
}


def fill(connection: Connection, first: int, last: int) -> None:
    """Bring `folded` up to date from one id to another, wherever it is not."""
    rows = connection.exec_driver_sql(_FIRST_TO_LAST[connection.dialect.name], (first, last))
    changed = [(now, id_) for id_, stored, now in map(_row, rows) if now != stored]
    if changed:
        connection.exec_driver_sql(_SET[connection.dialect.name], changed)


def _row(row: Sequence[Any]) -> tuple[int, str | None, str | None]:
    """Id, what is stored, and what shall be: nothing for text that is not valid UTF-8."""
    try:
        stored, *texts = (each.decode() if isinstance(each, bytes) else each for each in row[1:])
    except UnicodeDecodeError:
        return row[0], "", None
    return row[0], stored, folded(*texts)
