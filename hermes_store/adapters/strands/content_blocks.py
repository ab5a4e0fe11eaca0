"""Content blocks of a message, in the columns of a message.

Blocks that the columns can give back equal stand there: one text, the calls of tools at the end,
the reasoning at the beginning, the result of one tool. Other blocks are the content as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hermes_store import values
from hermes_store.records import MessageRecord
from hermes_store.shapes.exact import as_json

__all__ = ["Columns", "columns_of", "message_of"]

Columns = dict[str, Any]
Block = Any
_ROLES = ("user", "assistant", "system")
_CALL = frozenset({"toolUseId", "name", "input"})


def columns_of(message: Any) -> tuple[Columns, dict[str, Any]]:
    """Return the columns that hold a message, and what they do not hold."""
    role = message.get("role") if isinstance(message, dict) else None
    blocks = message.get("content") if isinstance(message, dict) else None
    if role not in _ROLES or not isinstance(blocks, list):
        return {"role": role if role in _ROLES else "system"}, {"whole": message}
    rest = {key: value for key, value in message.items() if key not in {"role", "content"}}
    kept: dict[str, Any] = {"rest": rest} if rest else {}
    if blocks and all(_is_only(block, "toolResult") for block in blocks):
        columns, more = _results(blocks)
        return columns, {**kept, **more, "role": role}
    columns, more = _said(blocks)
    return {"role": role, **columns}, {**kept, **more}


def message_of(record: MessageRecord, kept: Mapping[str, Any]) -> Any:
    """Return the message that columns hold with what they do not hold."""
    if "whole" in kept:
        return kept["whole"]
    role = kept.get("role") or ("user" if record["role"] == "tool" else record["role"])
    is_result = "result" in kept or (record["role"] == "tool" and record["tool_call_id"])
    blocks = _result_block(record, kept) if is_result else _blocks(record, kept)
    return {**kept.get("rest", {}), "role": role, "content": blocks}


# --- what is said, thought and called -------------------------------------------------------------


def _said(blocks: list[Block]) -> tuple[Columns, dict[str, Any]]:
    columns: Columns = {}
    kept: dict[str, Any] = {}
    thought = _thought(blocks[0]) if blocks else None
    if thought is not None:
        columns["reasoning"] = thought["text"]
        kept = {"signature": thought["signature"]} if "signature" in thought else {}
    first, end = int(thought is not None), len(blocks)
    while end > first and _is_call(blocks[end - 1]):
        end -= 1
    if blocks[end:]:
        columns["tool_calls"] = [_call(block["toolUse"]) for block in blocks[end:]]
    return {**columns, **_content(blocks[first:end])}, kept


def _blocks(record: MessageRecord, kept: Mapping[str, Any]) -> list[Block]:
    blocks = _content_blocks(record["content"])
    if record["reasoning"] is not None:
        signature = {"signature": kept["signature"]} if "signature" in kept else {}
        thought = {"text": record["reasoning"], **signature}
        blocks.insert(0, {"reasoningContent": {"reasoningText": thought}})
    calls = record["tool_calls"]
    return [*blocks, *map(_call_block, calls if isinstance(calls, list) else [])]


def _content(blocks: list[Block]) -> Columns:
    """The content of blocks: of one text that text, of no block nothing."""
    if len(blocks) == 1 and _is_only(blocks[0], "text") and isinstance(blocks[0]["text"], str):
        return {"content": blocks[0]["text"]}
    return {"content": blocks} if blocks else {}


def _content_blocks(content: Any) -> list[Block]:
    if content is None:
        return []
    return [*content] if isinstance(content, list) else [{"text": content}]


def _thought(block: Block) -> dict[str, str] | None:
    """The text of a block of reasoning, and its signature; None for other blocks."""
    inner = block["reasoningContent"] if _is_only(block, "reasoningContent") else None
    thought: Any = inner["reasoningText"] if inner and _is_only(inner, "reasoningText") else None
    if not isinstance(thought, dict) or "text" not in thought:
        return None
    is_plain = thought.keys() <= {"text", "signature"} and all(
        isinstance(each, str) for each in thought.values()
    )
    return thought if is_plain else None


def _is_call(block: Block) -> bool:
    call = block["toolUse"] if _is_only(block, "toolUse") else None
    if not isinstance(call, dict) or call.keys() != _CALL:
        return False
    return isinstance(call["toolUseId"], str) and isinstance(call["name"], str)


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = as_json("input", call["input"], is_ascii=False)
    function = {"name": call["name"], "arguments": arguments}
    return {"id": call["toolUseId"], "type": "function", "function": function}


def _call_block(call: Any) -> Block:
    """The block of a call; another program may have stored one of another form."""
    made: dict[str, Any] = call if isinstance(call, dict) else {}
    inner = made.get("function")
    function: dict[str, Any] = inner if isinstance(inner, dict) else made
    called_with = values.decode_json(function.get("arguments"))
    return {
        "toolUse": {
            "toolUseId": made.get("id"),
            "name": function.get("name"),
            "input": called_with,
        }
    }


# --- what tools gave back -------------------------------------------------------------------------


def _results(blocks: list[Block]) -> tuple[Columns, dict[str, Any]]:
    """Of one result its id, its content and the rest; several results are the content."""
    result = blocks[0]["toolResult"]
    call_id = result.get("toolUseId") if isinstance(result, dict) else None
    if len(blocks) > 1 or not isinstance(call_id, str) or not _is_list(result.get("content")):
        return {"role": "tool", "content": blocks}, {}
    rest = {key: value for key, value in result.items() if key not in {"toolUseId", "content"}}
    columns = {"role": "tool", "tool_call_id": call_id, **_content(result["content"])}
    return columns, {"result": rest}


def _result_block(record: MessageRecord, kept: Mapping[str, Any]) -> list[Block]:
    result = {
        **kept.get("result", {"status": "success"}),
        "toolUseId": record["tool_call_id"],
        "content": _content_blocks(record["content"]),
    }
    return [{"toolResult": result}]


def _is_only(block: Block, key: str) -> bool:
    return isinstance(block, dict) and block.keys() == {key}


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
