"""Text that others wrote, as a terminal may get it: as pictures, or escaped in JSON.

Neither rich nor SQLAlchemy is imported here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from hermes_store.values.pictures import OTHERS, in_one_line, one_line, plain, read

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


def _escape(code: int) -> str:
    units = chr(code).encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


_ESCAPES = {code: _escape(code) for code in (0x7F, *OTHERS)}  # json writes those of C0 itself


def is_plain(text: str) -> bool:
    """Return whether `text` is one line that needs no pictures."""
    return one_line(text) == text


def as_json(value: Any, *, ascii_only: bool = False, indent: int | None = None) -> str:
    """Return JSON of a value: bytes of a store as texts, and numbers that JSON has not as null."""
    written = partial(
        json.dumps, ensure_ascii=ascii_only, indent=indent, allow_nan=False, default=_text_of_bytes
    )
    try:
        return written(value)
    except ValueError:
        return written(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [*map(_finite, value)] if isinstance(value, (list, tuple)) else value


def _text_of_bytes(value: Any) -> str:
    if isinstance(value, bytes):
        return read(value)
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
