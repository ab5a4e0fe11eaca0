"""The parts of a content, in the columns of a message: text, reasoning, tool calls, a result."""

from __future__ import annotations

import json
from typing import Any

from hermes_store.shapes.exact import as_json

__all__ = ["columns_of", "parts_of"]

_CALL, _RESPONSE = "function_call", "function_response"
_USUAL = ("reasoning", "content", "calls")
"""The order in which kinds of parts stand, unless another one is noted."""


def columns_of(parts: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns that hold parts, and what no column holds: their order, and rests of parts."""
    kinds = _kinds(parts)
    of_kind = {
        kind: [part for part, its in zip(parts, kinds, strict=True) if its == kind]
        for kind in _USUAL
    }
    columns, rests = _content(of_kind["content"])
    for part in of_kind["reasoning"]:
        columns["reasoning"] = part["text"]
        rests["reasoning"] = _without(part, "text", "thought")
    if of_kind["calls"]:
        columns["tool_calls"] = [_call(part[_CALL]) for part in of_kind["calls"]]
        rests["calls"] = [_rest_of_call(part) for part in of_kind["calls"]]
    if not any(rests.get("calls", ())):
        rests.pop("calls", None)
    kept: dict[str, Any] = {name: rest for name, rest in rests.items() if rest}
    if kinds != sorted(kinds, key=_USUAL.index):
        kept["order"] = kinds
    return columns, kept


def parts_of(columns: Any, kept: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts again."""
    found = {kind: iter(parts) for kind, parts in _by_kind(columns, kept).items()}
    if "order" in kept:
        return [next(found[kind]) for kind in kept["order"]]
    return [part for kind in _USUAL for part in found[kind]]


def _kinds(parts: list[dict[str, Any]]) -> list[str]:
    """The kind of each part. Of several thoughts none is the reasoning: they would be one text."""
    thoughts = [part for part in parts if _is_thought(part)]
    return [
        "calls"
        if _is_call(part)
        else "reasoning"
        if len(thoughts) == 1 and part is thoughts[0]
        else "content"
        for part in parts
    ]


def _is_thought(part: dict[str, Any]) -> bool:
    return part.get("thought") is True and bool(part.get("text")) and _CALL not in part


def _is_call(part: dict[str, Any]) -> bool:
    return isinstance(part.get(_CALL), dict) and bool(part[_CALL].get("name"))


def _content(parts: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """One text is a text, one result of a tool is a result; all else stays a list of parts."""
    if len(parts) == 1 and isinstance(parts[0].get("text"), str):
        [part] = parts
        return {"content": part["text"]}, {"content": _without(part, "text")}
    if len(parts) == 1 and isinstance((parts[0].get(_RESPONSE) or {}).get("response"), dict):
        [part] = parts
        response = part[_RESPONSE]
        columns = {
            "content": response["response"],
            "tool_name": response.get("name"),
            "tool_call_id": response.get("id"),
        }
        rest = _without(part, _RESPONSE)
        if left := _without(response, "response", "name", "id"):
            rest[_RESPONSE] = left
        return columns, {"content": rest}
    return ({"content": parts} if parts else {}), {}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """A call as providers write it; no arguments at all are an empty text."""
    arguments = as_json("event", call["args"], is_ascii=False) if "args" in call else ""
    made = {"type": "function", "function": {"name": call["name"], "arguments": arguments}}
    return {"id": call["id"], **made} if "id" in call else made


def _rest_of_call(part: dict[str, Any]) -> dict[str, Any]:
    rest = _without(part, _CALL)
    left = _without(part[_CALL], "id", "name", "args")
    return {**rest, _CALL: left} if left else rest


def _by_kind(columns: Any, kept: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    calls = columns.get("tool_calls") or []
    rests = kept.get("calls") or [{}] * len(calls)
    found = {
        "reasoning": [],
        "content": _content_again(columns, kept.get("content", {})),
        "calls": [_call_again(*each) for each in zip(calls, rests, strict=True)],
    }
    if (reasoning := columns.get("reasoning")) is not None:
        rest = kept.get("reasoning", {})
        found["reasoning"] = [{**rest, "text": reasoning, "thought": True}]
    return found


def _content_again(columns: Any, rest: dict[str, Any]) -> list[dict[str, Any]]:
    content = columns.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [{**rest, "text": content}]
    if isinstance(content, list):
        return content
    response = {**rest.get(_RESPONSE, {}), "response": content}
    for name, column in (("name", "tool_name"), ("id", "tool_call_id")):
        if columns.get(column) is not None:
            response[name] = columns[column]
    return [{**rest, _RESPONSE: response}]


def _call_again(call: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    again = {**rest.get(_CALL, {}), "name": call["function"]["name"]}
    if "id" in call:
        again["id"] = call["id"]
    if call["function"]["arguments"]:
        again["args"] = json.loads(call["function"]["arguments"])
    return {**rest, _CALL: again}


def _without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
