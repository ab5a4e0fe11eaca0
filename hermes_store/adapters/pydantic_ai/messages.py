"""A message of Pydantic AI and one of the store: each is made of the other."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import Any, cast

from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter

from hermes_store.adapters.pydantic_json import dumped_json
from hermes_store.records import MessageRecord, NewMessage
from hermes_store.shapes.exact import as_json, dumped, exactly, whole_of
from hermes_store.shapes.iso_times import seconds
from hermes_store.shapes.kept import AlteredError, checked, kept_of, place_of

__all__ = ["MINE", "message_of", "model_message_of", "parent_of"]

MINE = "pydantic_ai"
"""The key in `extra` of messages and sessions."""
_ROLES = {
    "user-prompt": "user",
    "tool-return": "tool",
    "retry-prompt": "tool",
    "system-prompt": "system",
}
"""Parts of a request that speak: the first kind that is there says who."""


def message_of(entry_id: str, parent_id: str | None, message: ModelMessage) -> NewMessage:
    """A message that holds an entry, whole: columns, and in `extra` what no column holds.

    Raises `NotJsonError`, also for what would not be read again: it would keep all the conversation
    from being loaded.
    """
    whole = dumped("message", partial(_json_of, message))
    columns, rest, at = _taken_out(copy.deepcopy(whole))
    kept = {"message": rest, "at": at}
    if _whole(columns, kept) != whole:  # it is stored whole, beside its text
        kept = {"message": whole, "at": {}}
    columns, kept = exactly("message", whole, columns, kept)
    made = {
        **columns,
        "external_id": entry_id,
        "timestamp": seconds(whole.get("timestamp")),
        "extra": {MINE: {"parent": parent_id, **kept}},
    }
    return cast("NewMessage", made)


def model_message_of(record: MessageRecord) -> ModelMessage:
    """The message that one of the store holds. Raises `AlteredError`."""

    def read() -> ModelMessage:
        whole = _whole(record, kept_of(record, MINE))
        [message] = ModelMessagesTypeAdapter.validate_python([whole])
        return message

    return checked(place_of(record), read)


def parent_of(record: MessageRecord) -> str | None:
    """The id of the entry before that of a message. Raises `AlteredError`."""
    parent = checked(place_of(record), lambda: kept_of(record, MINE)["parent"])
    if parent is not None and not isinstance(parent, str):
        raise AlteredError(place_of(record), "the entry before it is none")
    return parent


def _json_of(message: ModelMessage) -> dict[str, Any]:
    """The JSON of a message that can be read again. Raises pydantic's `ValidationError`."""
    [whole] = dumped_json("message", partial(ModelMessagesTypeAdapter.dump_python, [message]))
    ModelMessagesTypeAdapter.validate_python([whole])
    return cast("dict[str, Any]", whole)


def _taken_out(whole: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The columns of a message, the message without them, and where they stood."""
    parts = whole["parts"]
    role, speaking = _speaking(whole["kind"], parts)
    columns: dict[str, Any] = {"role": role}
    at: dict[str, Any] = {}
    if len(speaking) == 1 and isinstance(parts[speaking[0]].get("content"), (str, list, dict)):
        [at["content"]] = speaking
        part = parts[speaking[0]]
        columns["content"] = part.pop("content")
        for name in ("tool_name", "tool_call_id") if role == "tool" else ():
            columns[name] = part.get(name)
    elif speaking:
        columns["content"] = [parts[place] for place in speaking]
        at["parts"] = speaking
        for place in speaking:
            parts[place] = None
    if whole["kind"] == "response":
        _take_from_response(parts, columns, at)
        columns["finish_reason"] = whole.get("finish_reason")
    return columns, whole, at


def _speaking(kind: str, parts: list[dict[str, Any]]) -> tuple[str, list[int]]:
    """Who speaks, and the places of the parts that say it."""
    kinds = [part["part_kind"] for part in parts]
    if kind == "response":
        quiet = {"tool-call"} | ({"thinking"} if kinds.count("thinking") == 1 else set())
        return "assistant", [place for place, its in enumerate(kinds) if its not in quiet]
    roles = [_ROLES.get(its) for its in kinds]
    role = next((each for each in ("user", "tool", "system") if each in roles), "system")
    return role, [place for place, its in enumerate(roles) if its == role]


def _take_from_response(parts: list[Any], columns: dict[str, Any], at: dict[str, Any]) -> None:
    calls = []
    for place, part in enumerate(parts):
        if part is None or place == at.get("content"):
            continue
        if part["part_kind"] == "thinking":
            columns["reasoning"], at["reasoning"] = part.pop("content"), place
        elif part["part_kind"] == "tool-call":
            calls.append(_call(part))
            at.setdefault("calls", []).append(place)
    if calls:
        columns["tool_calls"] = calls


def _call(part: dict[str, Any]) -> dict[str, Any]:
    """A call as providers write it; the type of the arguments stays in the part."""
    args = part["args"]
    text = args if isinstance(args, str) else "" if args is None else as_json("message", args)
    part["args"] = None if args is None else type(args)()
    function = {"name": part.pop("tool_name"), "arguments": text}
    return {"id": part.pop("tool_call_id"), "type": "function", "function": function}


def _whole(record: Any, mine: dict[str, Any]) -> dict[str, Any]:
    if (exact := whole_of(mine)) is not None:
        return cast("dict[str, Any]", exact)
    whole = cast("dict[str, Any]", copy.deepcopy(mine["message"]))
    parts, at = whole["parts"], mine["at"]
    for place, part in zip(at.get("parts", ()), record.get("content") or (), strict=False):
        parts[place] = part
    for name in ("content", "reasoning"):
        if name in at:
            parts[at[name]]["content"] = record[name]
    for place, call in zip(at.get("calls", ()), record.get("tool_calls") or (), strict=False):
        part, text = parts[place], call["function"]["arguments"]
        part |= {"tool_name": call["function"]["name"], "tool_call_id": call["id"]}
        if part["args"] is not None:
            part["args"] = text if isinstance(part["args"], str) else json.loads(text)
    return whole
