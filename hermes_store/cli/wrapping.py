"""Lines broken to the width of a terminal, so that each begins where we say.

A terminal continues a long line in its first column. There it would look like the beginning of
something else: a stored text could forge the head of a message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

__all__ = ["cut", "wrapped"]

_TAB = 8


def wrapped(line: str, width: int) -> Iterator[str]:
    """Yield `line` in pieces that are at most `width` columns wide, broken at blanks if possible.

    Counts every character as one column at least, so that a piece is never wider.
    """
    line = line.expandtabs(_TAB)
    width = max(width, 2)
    while (end := _fitting(line, width)) < len(line):
        blank = line.rfind(" ", 1, end + 1)
        if blank > 0 and not line[:blank].isspace():
            yield line[:blank]
            line = line[blank + 1 :]
        else:
            yield line[:end]
            line = line[end:]
    yield line


def cut(line: str, width: int) -> str:
    """Return `line`, or as much of it as fits into `width` columns, with an ellipsis."""
    end = _fitting(line, width)
    return line if end == len(line) else line[: _fitting(line, width - 1)] + "…"


def _fitting(line: str, width: int) -> int:
    """How many characters of `line` fit into `width` columns."""
    if line.isascii() or len(line) * 2 <= width:
        return min(len(line), width)
    columns = 0
    for index, character in enumerate(line):
        columns += 2 if _may_be_wide(character) else 1
        if columns > width:
            return index
    return len(line)


def _may_be_wide(character: str) -> bool:
    """Whether a terminal may draw it in two columns: each Unicode makes more symbols wide."""
    if unicodedata.east_asian_width(character) in "WF":
        return True
    return character > "\u2600" and unicodedata.category(character) in {"So", "No"}
