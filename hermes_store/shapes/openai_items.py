"""Items of the Responses API and messages: one item is one message, and comes back equal.

What an item has beside the columns stands in the message's `extra`. An item that has nothing else
needs no `extra`, so that a message of another program reads as an item, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from hermes_store.records import MessageRecord, NewMessage
from hermes_store.shapes.exact import exactly, whole_of
from hermes_store.shapes.kept import kept_of, unless_altered

__all__ = ["item_of", "message_of"]

_MINE = "openai_agents"
"""The key in `extra`. There stand the name of a shape, and what the columns do not hold."""
_WHOLE = "whole"
"""In place of a shape: the item as it is."""
_ROLES = frozenset({"user", "assistant", "system", "developer", "tool"})

Item = Mapping[str, Any]
Columns = dict[str, Any]


def message_of(item: Any) -> NewMessage:
    """Return the message that holds an item. Raises `NotJsonError`."""
    columns, kept = _taken(item)
    columns, kept = exactly("items", item, columns, kept)
    extra = {"extra": {_MINE: kept}} if kept else {}
    return cast("NewMessage", {**columns, **extra})


def item_of(record: MessageRecord) -> Any:
    """Return the item that a message holds; of a message that came another way, one like it."""
    kept = kept_of(record, _MINE)
    likely = _SHAPES[_likely_shape(record)]
    if kept is None:
        return likely.fields(record)
    if isinstance(kept, dict) and kept.keys() == {_WHOLE}:
        return kept[_WHOLE]
    if (whole := whole_of(kept)) is not None:
        return whole
    return unless_altered(lambda: _of_shape(record, kept)) or likely.fields(record)


def _of_shape(record: MessageRecord, kept: dict[str, Any]) -> Item:
    [(name, rest)] = kept.items()
    return {**rest, **_SHAPES[name].fields(record)}


def _taken(item: Any) -> tuple[Columns, dict[str, Any]]:
    """The columns of an item, and what they do not hold, under its shape; empty for nothing."""
    for name, shape in _SHAPES.items() if isinstance(item, dict) else ():
        columns = shape.columns(item)
        if columns is not None:
            rest = {key: value for key, value in item.items() if key not in shape.keys}
            return columns, {name: rest} if rest or name not in _PLAIN else {}
    return {"role": _speaker(item)}, {_WHOLE: item}


def _speaker(item: Any) -> str:
    """Whose an item is that fits no shape. What nobody says, as a compaction, is the system's."""
    said = item if isinstance(item, dict) else {}
    role, kind = said.get("role"), said.get("type")
    if isinstance(role, str) and role in _ROLES:
        return role
    kind = kind if isinstance(kind, str) else ""
    if kind.endswith("_output"):
        return "tool"
    return "assistant" if kind == "reasoning" or kind.endswith("_call") else "system"


# --- the shapes: which keys of an item stand in columns -------------------------------------------


class _Shape(NamedTuple):
    """Items of one form."""

    keys: tuple[str, ...]
    """The keys of an item that the columns hold."""
    columns: Callable[[Item], Columns | None]
    """The columns of the message; None when an item has another form."""
    fields: Callable[[MessageRecord], dict[str, Any]]
    """Those keys with their values."""


def _call(kind: str, id_key: str, arguments_key: str) -> _Shape:
    """Calls of tools: items of one type."""
    keys = (id_key, "name", arguments_key)

    def columns(item: Item) -> Columns | None:
        call_id, name, arguments = map(item.get, keys)
        if item.get("type") != kind or not _are_texts(call_id, name, arguments):
            return None
        function = {"name": name, "arguments": arguments}
        call = {"id": call_id, "type": "function", "function": function}
        return {"role": "assistant", "tool_calls": [call]}

    def fields(record: MessageRecord) -> dict[str, Any]:
        [call] = record["tool_calls"]
        values = (call["id"], *(call["function"][key] for key in ("name", "arguments")))
        return {"type": kind, **dict(zip(keys, values, strict=True))}

    return _Shape(("type", *keys), columns, fields)


def _result(item: Item) -> Columns | None:
    kind, call_id, output = map(item.get, ("type", "call_id", "output"))
    if not _are_texts(kind, call_id) or not str(kind).endswith("_output") or not _fits(output):
        return None
    return {"role": "tool", "tool_call_id": call_id, "content": output}


def _result_of_function(item: Item) -> Columns | None:
    return _result(item) if item.get("type") == "function_call_output" else None


def _result_fields(record: MessageRecord) -> dict[str, Any]:
    return {"call_id": record["tool_call_id"], "output": record["content"]}


def _said(item: Item) -> Columns | None:
    role, content = item.get("role"), item.get("content")
    is_said = isinstance(role, str) and role in _ROLES and _fits(content)
    return {"role": role, "content": content} if is_said else None


def _thought(key: str, part: str) -> _Shape:
    """Reasoning with its texts under `key`: one is the `reasoning`, several are its details."""

    def columns(item: Item) -> Columns | None:
        parts = item.get(key)
        if item.get("type") != "reasoning" or not isinstance(parts, list) or not parts:
            return None
        if len(parts) > 1:
            return {"role": "assistant", "reasoning_details": parts}
        text = parts[0].get("text") if isinstance(parts[0], dict) else None
        is_plain = _are_texts(text) and parts[0] == {"type": part, "text": text}
        return {"role": "assistant", "reasoning": text} if is_plain else None

    def fields(record: MessageRecord) -> dict[str, Any]:
        text = record["reasoning"]
        parts = record["reasoning_details"] if text is None else [{"type": part, "text": text}]
        return {"type": "reasoning", key: parts}

    return _Shape(("type", key), columns, fields)


def _are_texts(*given: Any) -> bool:
    return all(isinstance(each, str) for each in given)


def _fits(content: Any) -> bool:
    return isinstance(content, (str, list, dict))


_SHAPES = {
    "call": _call("function_call", "call_id", "arguments"),
    "custom_call": _call("custom_tool_call", "call_id", "input"),
    "mcp_call": _call("mcp_call", "id", "arguments"),
    "result": _Shape(
        ("type", "call_id", "output"),
        _result_of_function,
        lambda record: {"type": "function_call_output", **_result_fields(record)},
    ),
    "other_result": _Shape(("call_id", "output"), _result, _result_fields),
    "summary": _thought("summary", "summary_text"),
    "thinking": _thought("content", "reasoning_text"),
    "said": _Shape(
        ("role", "content"),
        _said,
        lambda record: {"role": record["role"], "content": record["content"]},
    ),
}
_PLAIN = frozenset({"call", "result", "summary", "said"})
"""The shapes that a message without `extra` can have."""


def _likely_shape(record: MessageRecord) -> str:
    """The shape of a message without `extra`."""
    calls = record["tool_calls"]
    if record["role"] == "tool" and record["tool_call_id"] is not None:
        return "result"
    if record["content"] is not None:
        return "said"
    if isinstance(calls, list) and len(calls) == 1 and _is_call(calls[0]):
        return "call"
    has_thought = record["reasoning"] is not None or record["reasoning_details"] is not None
    return "summary" if has_thought else "said"


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and {"name", "arguments"} <= function.keys() and "id" in call
