"""Values that an import takes though no caller may give them any more.

A store may hold them, because the original and other tools checked nothing, or because sums grow
beyond what one call may add. What export writes of them, import stores again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_store import values
from hermes_store.models.visibility import state_of_flags

__all__ = [
    "stored_count",
    "stored_extra",
    "stored_flag",
    "stored_key",
    "stored_state",
    "stored_text",
]


def stored_text(argument: str, value: Any) -> str:
    """A text, also an empty one."""
    return "" if value == "" else values.text(argument, value)


def stored_key(argument: str, value: Any) -> str | None:
    """A text of an index, or None."""
    return None if value is None else values.indexed(argument, stored_text(argument, value))


def stored_flag(argument: str, value: Any) -> int:
    """0 or 1; what is not known is 0."""
    return int(value or 0) if value in (None, 0, 1) else int(values.truth(argument, value))


def stored_count(argument: str, value: Any) -> int:
    """A whole number that a column of eight bytes holds; None is 0."""
    if type(value) is int and -values.GREATEST_SUM <= value <= values.GREATEST_SUM:
        return value
    return values.count(argument, value)


def stored_extra(argument: str, value: Any) -> str | None:
    """JSON of an object; where a store held something else there, JSON of that."""
    if isinstance(value, Mapping):
        return values.encode_object(argument, value)
    return values.encode_json(argument, value)


def stored_state(given: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The state of a message, and its other fields.

    Newer files of the original say it by `active`, and by `compacted` of what is not active. With a
    `state` these are keys of the message's own. A state that this version does not know stays: no
    reader takes such a message for a live one.
    """
    others = dict(given)
    if "state" in others:
        state = others.pop("state")
        return None if state is None else stored_text("state", state), others
    if others.get("active", 1) not in (0, 1, None):
        return None, others
    return state_of_flags(others.pop("active", None), others.pop("compacted", None)), others
