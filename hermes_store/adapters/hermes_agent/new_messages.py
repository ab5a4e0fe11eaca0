"""Messages as Hermes gives them, as the store takes them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.taken import as_taken, text_of_id
from hermes_store.adapters.hermes_agent.unknown import kept
from hermes_store.queries.rows import new_row

__all__ = [
    "as_core_takes",
    "content_of",
    "keep_aside",
    "keep_beside",
    "new_message",
    "new_messages",
    "when",
]

T = TypeVar("T")

_ASSISTANT_ONLY = (
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "codex_reasoning_items",
    "codex_message_items",
)
_GIVEN = (
    "role",
    "content",
    "tool_name",
    "tool_calls",
    "tool_call_id",
    "token_count",
    "finish_reason",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "codex_reasoning_items",
    "codex_message_items",
    "platform_message_id",
    "observed",
    "effect_disposition",
    "timestamp",
    "api_content",
)
"""The keys of a message in the order that `new_message` takes their values."""
_OF_THE_ROW = ("id", "session_id", "active", "compacted")
_KNOWN = {*_GIVEN, *_OF_THE_ROW, "message_id"}
_A_MOMENT = 1e-6


def new_message(
    role: Any,
    content: Any,
    tool_name: Any,
    tool_calls: Any,
    tool_call_id: Any,
    token_count: Any,
    finish_reason: Any,
    reasoning: Any,
    reasoning_content: Any,
    reasoning_details: Any,
    codex_reasoning_items: Any,
    codex_message_items: Any,
    platform_message_id: Any,
    observed: Any,
    effect_disposition: Any,
    timestamp: Any,
    api_content: Any,
) -> Row:
    """A message as the core's `append_message` takes it: what is empty is not stored."""
    row = {
        "role": role or "unknown",
        "content": content if isinstance(content, str) else content_of(content),
        "tool_name": tool_name or None,
        "tool_calls": tool_calls or None,
        "tool_call_id": tool_call_id or None,
        "token_count": token_count,
        "finish_reason": finish_reason or None,
        "reasoning": reasoning or None,
        "reasoning_details": reasoning_details or None,
        "codex_reasoning_items": codex_reasoning_items or None,
        "timestamp": timestamp if timestamp is None else when(timestamp, None),
    }
    # Each by itself, because most messages have none of them.
    if reasoning_content is not None:
        keep_beside(row, reasoning_content=reasoning_content)
    if codex_message_items:
        keep_beside(row, codex_message_items=codex_message_items)
    if observed:
        keep_beside(row, observed=1)
    if effect_disposition is not None:
        keep_beside(row, effect_disposition=effect_disposition)
    if isinstance(api_content, str):
        keep_beside(row, api_content=api_content)
    if platform_message_id:
        row["external_id"] = text_of_id(platform_message_id)
        if not values.is_external_id(row["external_id"]):
            keep_aside(row)
    return row


def new_messages(messages: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Messages of a conversation, each later than the one before unless it has a time of its own.

    Reasoning is the assistant's alone. Keys with an underscore are Hermes' own notes of a moment.
    """
    rows, now = [], time.time()
    for given in messages:
        row = _of_conversation(_as_its_role(given))
        if row["timestamp"] is None:
            row["timestamp"] = now
        rows.append(row)
        now = max(now, row["timestamp"]) + _A_MOMENT
    return _with_ids_once(rows)


def _of_conversation(given: Mapping[str, Any]) -> Row:
    sent = {"platform_message_id": given.get("message_id")} | {
        name: value for name, value in given.items() if value is not None
    }
    row = new_message(*map(sent.get, _GIVEN))
    more = {name: value for name, value in given.items() if _is_unknown(name)}
    if found := kept("message", more):
        keep_beside(row, **found)
    return row


def content_of(value: Any) -> Any:
    """Text, a list or a dict; what is neither becomes the text of it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, (str, list, dict)):
        return value
    try:
        return str(value)
    except ValueError:  # an int of thousands of digits
        return values.shown(value)


def when(value: Any, otherwise: T) -> float | T:
    """A time in epoch seconds; one that cannot be used is `otherwise`."""
    try:
        moment = float(value.timestamp() if hasattr(value, "timestamp") else value)
    except (TypeError, ValueError, OverflowError):
        return otherwise
    return moment if math.isfinite(moment) and 0 <= moment < values.YEAR_10000 else otherwise


def keep_beside(row: Row, **beside: Any) -> None:
    """Keep in `extra` what has no column."""
    row["extra"] = {**row.get("extra", {}), **beside}


def keep_aside(row: Row) -> None:
    """Keep the platform id of a message in `extra`, because it cannot be the message's own here."""
    keep_beside(row, platform_message_id=row.pop("external_id"))


def as_core_takes(row: Row) -> Row:
    """A message that the core refuses, because of a value, as the core takes it."""
    return as_taken(row, partial(new_row, session_id="s"))


def _as_its_role(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given.get("role") == "assistant":
        return given
    return {name: value for name, value in given.items() if name not in _ASSISTANT_ONLY}


def _is_unknown(name: Any) -> bool:
    return isinstance(name, str) and name not in _KNOWN and not name.startswith("_")


def _with_ids_once(rows: list[Row]) -> list[Row]:
    """Of messages with one platform id the first one has it; the others keep it in `extra`."""
    taken = set[Any]()
    for row in rows:
        name = row.get("external_id")
        if name is not None and name in taken:
            keep_aside(row)
        taken.add(name)
    return rows
