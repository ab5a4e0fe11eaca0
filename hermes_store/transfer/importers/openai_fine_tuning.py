"""Examples for fine-tuning chat models: JSON lines with `messages` and perhaps `tools`.

The format is `FineTuneChatRequestInput` of https://github.com/openai/openai-openapi.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.transfer.importers.log_fields import (
    content_of,
    list_of,
    made_id,
    object_of,
    rest_of,
    text_of,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, session

__all__ = ["looks", "read"]

_SOURCE = "openai-fine-tuning"
_OURS = "started_at"
"""What every session that this package exported has besides its messages."""
_COLUMNS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is an example."""
    messages = value.get("messages")
    return isinstance(messages, list) and bool(messages) and _OURS not in value


def read(reading: Reading) -> Iterator[Session]:
    """The examples of a file. They have no times: that of the file counts."""
    for _, value in reading.records():
        if not isinstance(value.get("messages"), list):
            reading.bad("not an example: it has no list 'messages'")
            continue
        messages = [object_of(each) for each in value["messages"]]
        roles = {each.get("role"): each.get("content") for each in reversed(messages) if _is(each)}
        written = reading.file.written
        yield session(
            _SOURCE,
            made_id(_SOURCE, value),
            partial(_messages, messages),
            started=written,
            ended=written,
            extra=rest_of(value, {"messages"}),
            system_prompt=text_of(roles.get("system")) or text_of(roles.get("developer")),
        )


def _is(message: dict[str, Any]) -> bool:
    return text_of(message.get("role")) is not None


def _messages(messages: list[dict[str, Any]]) -> Iterator[Message]:
    for each in messages:
        rest = rest_of(each, _COLUMNS)
        yield {
            "role": text_of(each.get("role")) or "user",
            "content": content_of(each.get("content")),
            "name": text_of(each.get("name")),
            "tool_calls": list_of(each.get("tool_calls")) or None,
            "tool_call_id": text_of(each.get("tool_call_id")),
            "extra": {_SOURCE: rest} if rest else None,
        }
