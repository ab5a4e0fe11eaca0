"""Text that others wrote, as a terminal may get it.

A terminal obeys control characters, and some characters of Unicode turn the text around them or
cannot be seen. All of them are shown as pictures. Neither rich nor SQLAlchemy is imported here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

__all__ = [
    "as_json",
    "escaped_json",
    "hide_passwords",
    "in_one_line",
    "is_plain",
    "like",
    "listed",
    "one_line",
    "plain",
]

_MOST_NAMES = 5

_C0 = [code for code in range(0x20) if code not in (0x09, 0x0A)]
_OTHERS = (
    *range(0x80, 0xA0),  # C1: some terminals obey them
    0x2028,  # ends of lines
    0x2029,
    *range(0x202A, 0x202F),  # directions of writing
    *range(0x2066, 0x206A),
    *range(0xE0000, 0xE0080),  # tags: invisible text
)
_PICTURES = {code: chr(0x2400 + code) for code in _C0} | {0x7F: "\u2421"}
_PICTURES |= {code: f"<U+{code:04X}>" for code in _OTHERS}
_LINE_ENDS = {0x09: "\u2409", 0x0A: "\u240a"}
_IN_ONE_LINE = _PICTURES | _LINE_ENDS


def _escape(code: int) -> str:
    units = chr(code).encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


_ESCAPES = {code: _escape(code) for code in (0x7F, *_OTHERS)}  # json writes those of C0 itself


def plain(text: str | bytes | None) -> str:
    """Return `text` with what steers a terminal as pictures; line ends and tabs stay."""
    return _read(text).replace("\r\n", "\n").translate(_PICTURES)


def one_line(text: str | bytes | None) -> str:
    """Return `plain` text with line ends and tabs as pictures: for ids, names and paths."""
    return _read(text).translate(_IN_ONE_LINE)


def _read(text: str | bytes | None) -> str:
    """A text, also where another program stored it as bytes."""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text or ""


def in_one_line(text: str | bytes | None) -> str:
    """Return `plain` text with line ends and runs of blanks as one blank: for titles."""
    return " ".join(plain(text).split())


def is_plain(text: str) -> bool:
    """Return whether `text` is one line that needs no pictures."""
    return one_line(text) == text


def as_json(value: Any, *, ascii_only: bool = False, indent: int | None = None) -> str:
    """Return JSON of a value, with texts where a store holds them as bytes."""
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent, default=_text_of_bytes)


def _text_of_bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return _read(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def escaped_json(document: str) -> str:
    """Return JSON of the same value, with what steers a terminal as escapes."""
    return document.translate(_ESCAPES)


_IN_URL = re.compile(r"(\w:/+[^\s:/@?]*:)[^\s@]*@")
_IN_QUERY = re.compile(r"([?&\s]\w*password=)[^\s&'\"]+", re.IGNORECASE)


def hide_passwords(text: str) -> str:
    """Return `text` with passwords of URLs as `***`, also of those that are mistyped."""
    return _IN_QUERY.sub(r"\1***", _IN_URL.sub(r"\1***@", text))


# --- names in a sentence --------------------------------------------------------------------------


def like(name: str, names: Iterable[str]) -> str:
    """Return the question after a name that does not exist; nothing when none is like it."""
    from difflib import get_close_matches  # 3 ms that only a mistake takes

    found = get_close_matches(name, names, n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def listed(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    """Return the first of `names`, and how many more there are."""
    shown = [one_line(name) for name in names]
    more = f", and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more
