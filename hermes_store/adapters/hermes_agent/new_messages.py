"""Messages as Hermes gives them, as the store takes them."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.message_rows import MESSAGE_EXTRA
from hermes_store.adapters.hermes_agent.unknown import kept

__all__ = ["content_of", "keep_aside", "new_message", "new_messages", "when"]

_GREATEST_TIME = 253_402_300_800.0
_ASSISTANT_ONLY = (
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "codex_reasoning_items",
    "codex_message_items",
)
_COLUMNS = (
    "role",
    "content",
    "tool_name",
    "tool_calls",
    "tool_call_id",
    "token_count",
    "finish_reason",
    "reasoning",
    "reasoning_details",
    "codex_reasoning_items",
)
_IDS = ("platform_message_id", "message_id")
_OF_THE_ROW = ("id", "session_id", "timestamp", "active", "compacted")
_KNOWN = {*_COLUMNS, *MESSAGE_EXTRA, *_IDS, *_OF_THE_ROW}
_A_MOMENT = 1e-6


def new_message(given: Mapping[str, Any], now: float) -> Row:
    """A message for `append_messages`: what is empty is not stored, what is unknown is kept."""
    row = {name: given.get(name) or None for name in _COLUMNS}
    row["role"] = given.get("role") or "unknown"
    row["content"] = content_of(given.get("content"))
    row["token_count"] = given.get("token_count")
    row["timestamp"] = when(given.get("timestamp"), now)
    row["external_id"] = given.get("platform_message_id") or given.get("message_id") or None
    extra = {name: given.get(name) for name in MESSAGE_EXTRA}
    if not isinstance(extra["api_content"], str):
        extra["api_content"] = None
    extra["observed"] = 1 if given.get("observed") else None
    extra["codex_message_items"] = extra["codex_message_items"] or None
    row["extra"] = {name: value for name, value in extra.items() if value is not None} or None
    if row["external_id"] is not None and not values.is_external_id(row["external_id"]):
        keep_aside(row)
    return row


def new_messages(messages: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Messages of a conversation, each later than the one before unless it has a time of its own.

    Reasoning is the assistant's alone. Keys with an underscore are Hermes' own notes of a moment.
    """
    rows, now = [], time.time()
    for given in messages:
        row = new_message(_as_its_role(given), now)
        more = {name: value for name, value in given.items() if _is_unknown(name)}
        if found := kept("message", more):
            row["extra"] = {**(row["extra"] or {}), **found}
        rows.append(row)
        now = max(now, row["timestamp"]) + _A_MOMENT
    return _with_ids_once(rows)


def content_of(value: Any) -> Any:
    """Text, a list or a dict; what is neither becomes the text of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (list, dict)):
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            return str(value)
        return value
    return str(value)


def when(value: Any, otherwise: float) -> float:
    """A time in epoch seconds; one that cannot be used is `otherwise`."""
    try:
        moment = float(value.timestamp() if hasattr(value, "timestamp") else value)
    except (TypeError, ValueError, OverflowError):
        return otherwise
    return moment if math.isfinite(moment) and 0 <= moment < _GREATEST_TIME else otherwise


def _as_its_role(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given.get("role") == "assistant":
        return given
    return {name: value for name, value in given.items() if name not in _ASSISTANT_ONLY}


def _is_unknown(name: Any) -> bool:
    return isinstance(name, str) and name not in _KNOWN and not name.startswith("_")


def _with_ids_once(rows: list[Row]) -> list[Row]:
    """Of messages with one platform id the first one has it; the others keep it in `extra`."""
    taken = set[str]()
    for row in rows:
        name = row["external_id"]
        if name is not None and name in taken:
            keep_aside(row)
        taken.add(name)
    return rows


def keep_aside(row: Row) -> None:
    """Keep the platform id of a message in `extra`, because it cannot be the message's own here."""
    row["extra"] = {**(row["extra"] or {}), "platform_message_id": row["external_id"]}
    row["external_id"] = None
