"""A table of sessions, as wide as the terminal allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hermes_store.cli import output
from hermes_store.cli.text import in_one_line, one_line

__all__ = ["cells", "print_sessions"]

_SHORT_ID = 24
_ROOM_FOR_LONG_IDS, _ROOM_FOR_THE_MODEL, _ROOM_FOR_COUNTS = 140, 110, 60
"""Columns of a terminal."""


def print_sessions(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table of sessions, one line for each."""
    out = output.console()
    shown = [cells(row, short_date=out.width < _ROOM_FOR_THE_MODEL) for row in rows]
    names = list(shown[0])
    if out.width < _ROOM_FOR_THE_MODEL:
        names.remove("MODEL")
    if out.width < _ROOM_FOR_COUNTS:
        names = ["ID", "TITLE"]
    table = output.table(*names, right=("MSGS",))
    if out.width < _ROOM_FOR_LONG_IDS:  # a beginning of the id is enough to name a session
        table.columns[0].max_width = _SHORT_ID
    for row in shown:
        table.add_row(*(row[name] for name in names))
    output.print_table(out, table, widest="TITLE")


def cells(row: Mapping[str, Any], *, short_date: bool) -> dict[str, str]:
    """What each column says of a session."""
    active = output.when(row["last_active"])
    return {
        "ID": one_line(row["id"]),
        "TITLE": in_one_line(row["title"] or row["preview"]),
        "SOURCE": one_line(row["source"]),
        "MODEL": one_line(row["model"]),
        "MSGS": output.count(row["message_count"]),
        "LAST ACTIVE": active.partition(" ")[0] if short_date else active,
    }
