"""The chat format of OpenAI's supervised fine-tuning: an object with `messages` on each line.

Source: `FineTuneChatRequestInput` in OpenAI's API reference, and its guide "Supervised
fine-tuning". OpenAI refuses a line with any other key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hermes_store.records import SessionExport
from hermes_store.transfer.exporters.training import LeftOut, calls_of, live_messages, tools_of

__all__ = ["training_example"]

_ROLES = {"system", "user", "assistant", "tool"}
_PARTS = {"text", "image_url"}


def training_example(session: SessionExport, left_out: LeftOut) -> dict[str, Any] | None:
    """Return the live messages of a session as an example; None when there are none.

    `left_out` gets what the format cannot hold.
    """
    messages = [
        message
        for row in live_messages(session, left_out)
        if (message := _message(row, left_out)) is not None
    ]
    if not messages:
        left_out["sessions without messages"] += 1
        return None
    prompt = {"role": "system", "content": session["system_prompt"]}
    if prompt["content"] and messages[0] != prompt:
        messages.insert(0, prompt)
    tools = tools_of(session)
    return {"messages": messages, **({"tools": tools} if tools else {})}


def _message(row: dict[str, Any], left_out: LeftOut) -> dict[str, Any] | None:
    role = row["role"]
    if role not in _ROLES:
        left_out[f"messages with the role {role}"] += 1
        return None
    if role == "tool" and not row["tool_call_id"]:
        left_out["tool results without the id of a call"] += 1
        return None
    message = {"role": role, "content": _content(row["content"], left_out)}
    if calls := calls_of(row, left_out):
        message["tool_calls"] = [_call(each, number) for number, each in enumerate(calls)]
    elif message["content"] is None:
        message["content"] = ""
    if row["name"] and role != "tool":
        message["name"] = row["name"]
    if role == "tool":
        message["tool_call_id"] = row["tool_call_id"]
    return message


def _content(content: Any, left_out: LeftOut) -> Any:
    if content is None or isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    held = [part for part in parts if isinstance(part, Mapping) and part.get("type") in _PARTS]
    left_out["parts that are neither text nor image"] += len(parts) - len(held)
    return held or None


def _call(call: Mapping[str, Any], number: int) -> dict[str, Any]:
    function = call["function"]
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments or {}, ensure_ascii=False)
    return {
        "id": call.get("id") or f"call_{number}",
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }
