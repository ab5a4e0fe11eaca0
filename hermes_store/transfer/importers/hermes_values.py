"""Values of Hermes Agent's file as an import takes them.

Values of a wrong type are put right, and each time that is told.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hermes_store import values
from hermes_store.errors import InvalidArgumentError

__all__ = [
    "LONGEST_ID",
    "Note",
    "Row",
    "altered",
    "in_json",
    "json_of",
    "moment_of",
    "number_of",
    "readable",
    "shown",
    "text_of",
    "whole_of",
    "without_defaults",
]

Row = dict[str, Any]
T = TypeVar("T")
Note = Callable[[str], None]
"""Told what was altered."""

LONGEST_ID = 480
"""Characters of a text that stands in an index, or in a key beside other texts."""
_YEAR_9950 = 251_820_000_000.0


def readable(value: Any) -> str:
    """A value as a text that can be part of a key."""
    given = "" if value is None else value
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return values.optional_text("text", text.replace("\0", "\ufffd")[:LONGEST_ID]) or ""


def without_defaults(row: Row, defaults: Mapping[str, str | None]) -> Row:
    """A row as JSON can hold it, without what is NULL or what its table declares as the default."""
    return {
        name: shown(value)
        for name, value in row.items()
        if name != "rowid_" and value is not None and not _is_default(value, defaults.get(name))
    }


def _is_default(value: Any, default: str | None) -> bool:
    return default is not None and str(value) == default.strip("'")


def shown(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def altered(value: T, what: str, note: Note) -> T:
    """`value`, which was something else: that is told."""
    note(f"{what} is {value!r} now")
    return value


def text_of(value: Any, name: str, note: Note) -> str | None:
    """A text as it is, and of any other value what can be read."""
    if value is None or isinstance(value, str):
        return value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    note(f"{name} was stored as {type(value).__name__}, and is a text now")
    return text


def json_of(value: Any, note: Note) -> Any:
    """What a text of JSON says; the text where it is not JSON."""
    if value is None or value == "":
        return None
    text = text_of(value, "JSON", note)
    return in_json(values.decode_json(text), text, note)


def in_json(value: Any, text: Any, note: Note) -> Any:
    """What a text of JSON says; the text where JSON of a store cannot hold it, as with NaN."""
    try:
        values.encode_json("it", [value])  # which may stand in `extra`, so one level is left
    except InvalidArgumentError as exc:
        note(f"JSON {exc.problem}: it is a text now")
        return text
    return value


def number_of(value: Any, name: str, note: Note) -> float | None:
    """A finite number, or None."""
    if value is None or (isinstance(value, (int, float)) and math.isfinite(value)):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return altered(None, f"{name} {value!r}", note)
    usable = number if math.isfinite(number) else None
    return altered(usable, f"{name} {value!r}", note)


def moment_of(value: Any, name: str, note: Note) -> float | None:
    """A time in epoch seconds before the year 9950, or None."""
    number = number_of(value, name, note)
    if number is None or 0 <= number < _YEAR_9950:
        return number
    return altered(None, f"{name} {value!r}", note)


def whole_of(value: Any, name: str, note: Note) -> int:
    """A whole number of which sums can be made; 0 for what is no number."""
    if isinstance(value, int) and abs(value) <= values.GREATEST_COUNT:
        return value
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        number = 0
    bounded = max(-values.GREATEST_COUNT, min(number, values.GREATEST_COUNT))
    if value != bounded:
        note(f"{name} {value!r} is {bounded} now")
    return bounded
