"""What a training format can hold of a session, and the count of what it cannot."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from hermes_store.records import MessageRecord, SessionExport

__all__ = ["LeftOut", "arguments_of", "calls_of", "live_messages", "text_of", "tools_of"]

LeftOut = Counter[str]
"""What is left out, in words, and how often."""

_SAID = ("reasoning", "reasoning_details", "codex_reasoning_items")
_OF_THE_STORE = frozenset(MessageRecord.__annotations__)


def live_messages(session: SessionExport, left_out: LeftOut) -> Iterator[dict[str, Any]]:
    """Yield the messages that a model was given; note what no training format holds of them."""
    for message in session["messages"]:
        row: dict[str, Any] = {**message}
        if row.get("state"):
            left_out[f"{row['state']} messages"] += 1
            continue
        if any(row.get(name) for name in _SAID):
            left_out["reasoning"] += 1
        others = row.keys() - _OF_THE_STORE or row.get("extra")
        left_out["messages with further fields"] += bool(others)
        yield row


def text_of(content: Any, left_out: LeftOut) -> str:
    """Return the text of a content; note its parts that are not text."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    texts = [part["text"] for part in parts if _is_text(part)]
    left_out["parts that are not text"] += len(parts) - len(texts)
    return "\n".join(texts)


def _is_text(part: Any) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def calls_of(message: Mapping[str, Any], left_out: LeftOut) -> list[dict[str, Any]]:
    """Return the calls of functions in a message, as OpenAI has them; note the others."""
    calls = message.get("tool_calls") or []
    calls = calls if isinstance(calls, list) else [calls]
    functions = [each for each in calls if _is_function(each)]
    left_out["tool calls of another form"] += len(calls) - len(functions)
    return functions


def _is_function(call: Any) -> bool:
    function = call.get("function") if isinstance(call, Mapping) else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def arguments_of(call: Mapping[str, Any]) -> Any:
    """Return the arguments of a call as a value; a text that is not JSON as it is."""
    arguments = call["function"].get("arguments") or {}
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return arguments


def tools_of(session: SessionExport) -> list[Any]:
    """Return the tools that the session keeps, under `tools` of `extra` or `model_config`."""
    for kept in (session["extra"], session["model_config"]):
        tools = kept.get("tools") if isinstance(kept, Mapping) else None
        if isinstance(tools, list) and all(map(_is_function, tools)):
            return tools
    return []
