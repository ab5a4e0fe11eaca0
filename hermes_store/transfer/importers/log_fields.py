"""Values of other programs: what they should be, or None. No value of JSON raises."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping
from hashlib import blake2b
from typing import Any

from hermes_store import values
from hermes_store.shapes import iso_times

__all__ = [
    "content_of",
    "count_of",
    "id_of",
    "joined",
    "list_of",
    "made_id",
    "object_of",
    "plain",
    "rest_of",
    "text_of",
    "time_of",
    "tool_call",
]

_MILLISECONDS = 100_000_000_000
"""In seconds that is the year 5138, in milliseconds 1973."""


def text_of(value: Any) -> str | None:
    """A text that is not empty."""
    return value if isinstance(value, str) and value else None


def object_of(value: Any) -> dict[str, Any]:
    """An object; of anything else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list; of anything else an empty one."""
    return value if isinstance(value, list) else []


def count_of(value: Any) -> int:
    """A number of tokens; of anything else 0."""
    is_count = isinstance(value, int) and 0 <= value <= values.GREATEST_COUNT
    return int(value) if is_count else 0


def id_of(value: Any) -> str | None:
    """A text that every database takes as an id."""
    return value if values.is_external_id(value) else None


def made_id(prefix: str, value: Any) -> str:
    """An id of what has none, or one that is too long: always the same for the same value."""
    written = json.dumps(value, sort_keys=True, default=str).encode()
    return f"{prefix}-{blake2b(written, digest_size=16).hexdigest()}"


def time_of(value: Any) -> float | None:
    """Unix seconds of a number of seconds, milliseconds or microseconds, or of an ISO date.

    A date without a zone is of UTC.
    """
    if isinstance(value, str):
        return iso_times.seconds(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    for unit in (1, 1_000, 1_000_000):
        if 0 <= value < _MILLISECONDS * unit:
            return value / unit
    return None


def rest_of(given: Mapping[str, Any], taken: Container[str]) -> dict[str, Any]:
    """What is not taken, but for null."""
    return {key: each for key, each in given.items() if key not in taken and each is not None}


def joined(texts: Iterable[Any]) -> str | None:
    """The texts among some values, a blank line between them."""
    return "\n\n".join(each for each in texts if text_of(each)) or None


def tool_call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """A call of a tool, as providers write it; arguments that are no text become JSON."""
    if not isinstance(arguments, str):
        arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
    function = {"name": text_of(name) or "", "arguments": arguments}
    return {"id": text_of(call_id) or "", "type": "function", "function": function}


def content_of(value: Any) -> Any:
    """What a message can say: a text, a list, an object; other values as JSON; None for nothing."""
    if value is None or isinstance(value, (str, list, dict)):
        return value or None
    return json.dumps(value)


def plain(parts: list[Any]) -> Any:
    """The text of parts that are one plain text; else the parts; None for none."""
    if len(parts) == 1 and isinstance(parts[0], dict) and text_of(parts[0].get("text")):
        return parts[0]["text"]
    return parts or None
