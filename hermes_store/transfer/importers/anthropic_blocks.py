"""The content of a message as Anthropic's API has it: blocks become messages with columns.

The kinds of blocks are those of https://docs.claude.com/en/api/messages: text, thinking, tool_use,
tool_result, image, document, and those of tools that the server runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_store.transfer.importers.log_fields import (
    content_of,
    joined,
    list_of,
    plain,
    rest_of,
    text_of,
    tool_call,
)

__all__ = ["messages_of"]

Message = dict[str, Any]
Block = dict[str, Any]


def messages_of(role: str, content: Any, tools: dict[str, str]) -> list[tuple[Message, Any]]:
    """The messages of one content, each with what its columns do not hold.

    A result of a tool is a message of its own, at its place. `tools` has the name of each tool by
    the id of its call; calls that are met are added.
    """
    if not isinstance(content, list):
        return [({"role": role, "content": content_of(content)}, None)]
    return [_of(role, some, tools) for some in _in_turns(content)] or [({"role": role}, None)]


def _in_turns(blocks: list[Any]) -> Iterator[list[dict[str, Any]]]:
    """The blocks, divided where a result of a tool stands."""
    some: list[dict[str, Any]] = []
    for each in blocks:
        block = each if isinstance(each, dict) else {"type": "other", "value": each}
        if _kind(block).endswith("tool_result"):
            yield from [some] if some else []
            yield [block]
            some = []
        else:
            some.append(block)
    if some:
        yield some


def _kind(block: dict[str, Any]) -> str:
    return text_of(block.get("type")) or "other"


def _of(role: str, blocks: list[dict[str, Any]], tools: dict[str, str]) -> tuple[Message, Any]:
    if _kind(blocks[0]).endswith("tool_result"):
        return _result(blocks[0], tools)
    thoughts, calls, said = list[Block](), list[Block](), list[Block]()
    for each in blocks:
        kind = _kind(each)
        is_thought = kind in {"thinking", "redacted_thinking"}
        (thoughts if is_thought else calls if kind.endswith("tool_use") else said).append(each)
    tools.update(
        (str(each.get("id")), name) for each in calls if (name := text_of(each.get("name")))
    )
    content = plain(said)
    message: Message = {
        "role": role,
        "content": content,
        "reasoning": joined(each.get("thinking") for each in thoughts),
        "reasoning_details": thoughts or None,
        "tool_calls": [_call(each) for each in calls] or None,
    }
    texts = [rest_of(said[0], {"type", "text"})] if isinstance(content, str) else []
    rests = [*texts, *(rest_of(each, {"type", "id", "name", "input"}) for each in calls)]
    return message, rests if any(rests) else None


def _call(block: dict[str, Any]) -> dict[str, Any]:
    return tool_call(block.get("id"), block.get("name"), block.get("input"))


def _result(block: dict[str, Any], tools: dict[str, str]) -> tuple[Message, Any]:
    call_id, content = text_of(block.get("tool_use_id")), block.get("content")
    message = {
        "role": "tool",
        "content": plain(list_of(content)) if isinstance(content, list) else content_of(content),
        "tool_call_id": call_id,
        "tool_name": text_of(block.get("name")) or tools.get(str(call_id)),
    }
    return message, [rest] if (rest := rest_of(block, {"tool_use_id", "content", "name"})) else None
