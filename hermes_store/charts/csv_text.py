"""Rows of a report as CSV, as spreadsheets and `csv` read it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hermes_store.values.pictures import one_line

__all__ = ["csv_text"]

_FORMULA = ("=", "+", "-", "@")
"""What a cell begins with that a spreadsheet computes."""


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return a line of names, and a line for each row. What is not known is an empty cell.

    Texts are in one line, with pictures of control characters. One that a spreadsheet would
    compute gets an apostrophe before it: ids and names come from other programs.
    """
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow([_cell(row[name]) for name in columns])
    return written.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, (str, bytes)):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
