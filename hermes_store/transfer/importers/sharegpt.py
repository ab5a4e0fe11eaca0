"""Conversations in the form of ShareGPT, as training data has them: JSON lines or an array.

The format is that of https://github.com/hiyouga/LLaMA-Factory (data/README.md, "Sharegpt Format")
and of FastChat: `conversations` with `from` and `value`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.transfer.importers.log_fields import (
    content_of,
    made_id,
    object_of,
    rest_of,
    text_of,
    tool_call,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, session

__all__ = ["looks", "read"]

_SOURCE = "sharegpt"
_ROLES = {
    "human": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function_response": "tool",
}


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is a conversation."""
    return isinstance(value.get("conversations"), list)


def read(reading: Reading) -> Iterator[Session]:
    """The conversations of a file. They have no times: that of the file counts."""
    for _, value in reading.records():
        if not looks(value):
            reading.bad("not a conversation: it has no list 'conversations'")
            continue
        said = value["conversations"]
        written = reading.file.written
        yield session(
            _SOURCE,
            made_id(_SOURCE, value),  # ids repeat from file to file, first turns within one
            partial(_messages, said),
            started=written,
            ended=written,
            title=value.get("title"),
            extra=rest_of(value, {"conversations", "system", "model", "title"}),
            system_prompt=text_of(value.get("system")),
            model=text_of(value.get("model")),
        )


def _messages(said: list[Any]) -> Iterator[Message]:
    for each in said:
        turn = each if isinstance(each, dict) else {"value": each}
        speaker = text_of(turn.get("from")) or text_of(turn.get("role")) or "user"
        rest = rest_of(turn, {"from", "role", "value", "content"})
        content = turn["value"] if "value" in turn else turn.get("content")
        yield {
            "role": _ROLES.get(speaker, speaker),
            **_said(speaker, content),
            "extra": {_SOURCE: rest} if rest else None,
        }


def _said(speaker: str, content: Any) -> Message:
    """The text of a turn, or the calls of tools that it writes as JSON: an object, or a list."""
    if speaker == "function_call":
        try:
            given = json.loads(content)
        except (TypeError, ValueError, RecursionError):
            given = None
        calls = [object_of(each) for each in (given if isinstance(given, list) else [given])]
        names = [text_of(call.get("name")) for call in calls]
        if names and all(names):
            pairs = zip(names, calls, strict=True)
            return {
                "tool_calls": [
                    tool_call("", name, call.get("arguments")) for name, call in pairs if name
                ]
            }
    return {"content": content_of(content)}
