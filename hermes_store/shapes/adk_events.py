"""An event of Google's Agent Development Kit as JSON, and a message: each is made of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from hermes_store import values
from hermes_store.records import NewMessage
from hermes_store.shapes.adk_names import MINE
from hermes_store.shapes.adk_parts import columns_of, parts_of
from hermes_store.shapes.exact import exactly, whole_of

__all__ = ["json_of", "message_of"]

_SPEAKERS = {"user": "user", "model": "assistant"}


def message_of(whole: dict[str, Any], *, is_id_taken: bool = False) -> NewMessage:
    """A message that holds an event, whole. Its id stands in `extra` when another event has it."""
    columns, mine = _shaped(whole, is_id_taken=is_id_taken)
    if json_of(columns, mine) != whole:  # it is stored whole, beside its text
        mine = {"event": whole}
    columns, mine = exactly("event", whole, columns, mine)
    return cast("NewMessage", {**columns, "extra": {MINE: mine}})


# --- to a message ---------------------------------------------------------------------------------


def _shaped(whole: dict[str, Any], *, is_id_taken: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of an event, and what they do not hold."""
    rest = dict(whole)
    content = rest.pop("content", None)
    parts = (content or {}).get("parts") or []
    columns, kept = columns_of(parts)
    role = _role(content or {}, parts, rest.get("author"))
    if not is_id_taken and values.is_external_id(rest["id"]):
        columns["external_id"] = rest.pop("id")
    columns = {"role": role, **columns, **_taken(role, rest)}
    said = None if content is None else {k: v for k, v in content.items() if k != "parts"}
    mine = {
        **({"rest": rest} if rest else {}),
        **({"parts": kept} if kept else {}),
        **({"content": said} if said != _usual(role) else {}),
    }
    return columns, mine


def _role(content: dict[str, Any], parts: list[dict[str, Any]], author: Any) -> str:
    """Who speaks; an event that says nothing, such as a change of state, is the system's."""
    if not parts:
        return "system"
    if any("function_response" in part for part in parts):
        return "tool"
    otherwise = "user" if author == "user" else "assistant"
    return _SPEAKERS.get(content.get("role", ""), otherwise)


def _taken(role: str, rest: dict[str, Any]) -> dict[str, Any]:
    """Take out of an event what columns hold: time, author, the reason why the model ended."""
    taken: dict[str, Any] = {}
    if 0 <= rest["timestamp"] < values.YEAR_10000:
        taken["timestamp"] = rest.pop("timestamp")
    if "finish_reason" in rest:
        taken["finish_reason"] = rest.pop("finish_reason")
    if role == "assistant" and rest.get("author"):
        taken["name"] = rest.pop("author")
    elif role == "user" and rest.get("author") == "user":
        del rest["author"]
    return taken


def _usual(role: str) -> dict[str, str] | None:
    """What a content says besides its parts, unless another is noted."""
    usual = {"user": "user", "tool": "user", "assistant": "model"}
    return {"role": usual[role]} if role in usual else None


# --- to an event ----------------------------------------------------------------------------------


def json_of(message: Mapping[str, Any], mine: dict[str, Any]) -> dict[str, Any]:
    """The JSON of the event that a message of ours holds."""
    if (whole := mine.get("event") or whole_of(mine)) is not None:
        return cast("dict[str, Any]", whole)
    whole = {**_given_back(message), **mine.get("rest", {})}
    content = mine.get("content", _usual(message["role"]))
    parts = parts_of(message, mine.get("parts", {}))
    if content is not None:
        whole["content"] = {**content, "parts": parts} if parts else content
    return whole


def _given_back(message: Mapping[str, Any]) -> dict[str, Any]:
    names = {"external_id": "id", "timestamp": "timestamp", "finish_reason": "finish_reason"}
    found = {to: message[name] for name, to in names.items() if message.get(name) is not None}
    if message["role"] == "assistant" and message.get("name"):
        return {**found, "author": message["name"]}
    return {**found, "author": "user"} if message["role"] == "user" else found
