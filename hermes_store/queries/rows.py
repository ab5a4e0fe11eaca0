"""A message on its way in: checked, encoded, ready to be stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages

__all__ = ["NewRow", "new_row", "new_rows"]

WRITTEN = tuple(column.name for column in messages.columns if column.name != "id")
_KEYWORDS = frozenset(WRITTEN) - {"session_id", "content_format"}


class NewRow(NamedTuple):
    """A message ready to be stored: its columns, and how many tool calls it makes."""

    columns: dict[str, Any]
    tool_calls: int

    @property
    def session_id(self) -> str:
        """The session that it belongs to."""
        return cast("str", self.columns["session_id"])


def new_row(
    *,
    session_id: str,
    role: str,
    content: Any = None,
    tool_name: str | None = None,
    tool_calls: Any = None,
    tool_call_id: str | None = None,
    token_count: int | None = None,
    finish_reason: str | None = None,
    reasoning: str | None = None,
    reasoning_details: Any = None,
    codex_reasoning_items: Any = None,
    timestamp: float | None = None,
) -> NewRow:
    """Check and encode a message. Raises `InvalidArgumentError`."""
    stored_content, content_format = values.content(content)
    columns = {
        "session_id": session_id,
        "role": values.text("role", role),
        "content": stored_content,
        "tool_call_id": values.optional_text("tool_call_id", tool_call_id),
        "tool_calls": values.encode_json("tool_calls", tool_calls),
        "tool_name": values.optional_text("tool_name", tool_name),
        "timestamp": values.seconds("timestamp", timestamp),
        "token_count": None if token_count is None else values.count("token_count", token_count),
        "finish_reason": values.optional_text("finish_reason", finish_reason),
        "reasoning": values.optional_text("reasoning", reasoning),
        "reasoning_details": values.encode_json("reasoning_details", reasoning_details),
        "codex_reasoning_items": values.encode_json("codex_reasoning_items", codex_reasoning_items),
        "content_format": content_format,
    }
    return NewRow(columns, _number_of_calls(tool_calls))


def _number_of_calls(tool_calls: Any) -> int:
    return len(tool_calls) if isinstance(tool_calls, list) else int(bool(tool_calls))


def new_rows(session_id: str, given: Any) -> list[NewRow]:
    """Check and encode a list of messages; an error names the message by its place."""
    if isinstance(given, (str, bytes, dict)) or not isinstance(given, Sequence):
        raise InvalidArgumentError("messages", "is no list", "give a list of dicts")
    return [_new_row_of(session_id, place, message) for place, message in enumerate(given)]


def _new_row_of(session_id: str, place: int, message: Any) -> NewRow:
    here = f"messages[{place}]"
    if not isinstance(message, dict) or "role" not in message:
        raise InvalidArgumentError(here, "has no role", "give a dict with 'role' and 'content'")
    unknown = sorted(str(key) for key in message.keys() - _KEYWORDS)
    if unknown:
        raise InvalidArgumentError(
            here, f"has unknown keys: {', '.join(unknown)}", f"use {', '.join(sorted(_KEYWORDS))}"
        )
    try:
        return new_row(session_id=session_id, **message)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{here}.{exc.argument}", exc.problem, exc.remedy) from exc
