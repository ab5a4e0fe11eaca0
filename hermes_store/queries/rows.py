"""A message on its way in: checked, encoded, ready to be stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import Kind, kinds, messages

__all__ = ["KEYWORDS", "NewRow", "alike", "new_row", "new_rows", "number_of_calls"]

Check = Callable[[str, Any], Any]

_CHECKS: dict[Kind, Check] = {
    "text": values.optional_text,
    "json": values.encode_json,
    "whole": values.count,
    "number": values.number,
}
_OPTIONAL = {name: _CHECKS[kind] for name, kind in kinds(messages).items() if kind in _CHECKS}
"""How the value of each column is checked; those below have rules of their own."""
for _name in ("id", "session_id", "role", "timestamp"):
    del _OPTIONAL[_name]

KEYWORDS = frozenset({"role", "content", "timestamp", *_OPTIONAL})
"""The keys of a message that is given."""


class NewRow(NamedTuple):
    """A message ready to be stored: the columns that it has, and how many tool calls it makes."""

    columns: dict[str, Any]
    tool_calls: int

    @property
    def session_id(self) -> str:
        """The session that it belongs to."""
        return cast("str", self.columns["session_id"])


def new_row(
    *,
    session_id: str,
    role: Any,
    content: Any = None,
    timestamp: Any = None,
    tool_calls: Any = None,
    **others: Any,
) -> NewRow:
    """Check and encode a message; `others` are of `KEYWORDS`. Raises `InvalidArgumentError`."""
    stored_content, content_format = values.content(content)
    columns = {
        "session_id": session_id,
        "role": values.text("role", role),
        "content": stored_content,
        "timestamp": values.seconds("timestamp", timestamp),
    }
    if content_format is not None:
        columns["content_format"] = content_format
    if tool_calls is not None:
        columns["tool_calls"] = values.encode_json("tool_calls", tool_calls)
    for name, value in others.items():
        if value is not None:
            columns[name] = _OPTIONAL[name](name, value)
    return NewRow(columns, number_of_calls(tool_calls))


def number_of_calls(tool_calls: Any) -> int:
    """How many calls a message counts for."""
    return len(tool_calls) if isinstance(tool_calls, list) else int(bool(tool_calls))


def alike(rows: Sequence[NewRow]) -> list[dict[str, Any]]:
    """The columns of each row; what one of them has, all have."""
    columns = dict.fromkeys(name for row in rows for name in row.columns)
    return [{**columns, **row.columns} for row in rows]


def new_rows(session_id: str, given: Any) -> list[NewRow]:
    """Check and encode a list of messages; an error names the message by its place."""
    if isinstance(given, (str, bytes, dict)) or not isinstance(given, Sequence):
        raise InvalidArgumentError("messages", "is not a list", "give a list of dicts")
    return [_new_row_of(session_id, place, message) for place, message in enumerate(given)]


def _new_row_of(session_id: str, place: int, message: Any) -> NewRow:
    here = f"messages[{place}]"
    if not isinstance(message, dict) or "role" not in message:
        raise InvalidArgumentError(here, "has no role", "give a dict with 'role' and 'content'")
    unknown = sorted(str(key) for key in message.keys() - KEYWORDS)
    if unknown:
        raise InvalidArgumentError(
            here, f"has unknown keys: {', '.join(unknown)}", f"use {', '.join(sorted(KEYWORDS))}"
        )
    try:
        return new_row(session_id=session_id, **message)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{here}.{exc.argument}", exc.problem, exc.remedy) from exc
