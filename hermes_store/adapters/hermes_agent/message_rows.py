"""What a message of a store is to Hermes Agent: its names of columns.

Hermes gets rows as `dict(row)` of SQLite, but for `tool_calls` and the content, which it decodes.
What only Hermes knows of a message stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row, as_text
from hermes_store.models.stored import messages
from hermes_store.models.visibility import COMPACTED
from hermes_store.queries.messages import Form

__all__ = ["AS_ROWS", "MESSAGE_EXTRA", "message_of"]

MESSAGE_EXTRA: Row = {
    "effect_disposition": None,
    "reasoning_content": None,
    "codex_message_items": None,
    "observed": 0,
    "api_content": None,
}
"""What Hermes keeps of a message beside the columns, and what stands for what is not there."""
_NAMES = (
    "id",
    "session_id",
    "role",
    "content",
    "tool_call_id",
    "tool_calls",
    "tool_name",
    "timestamp",
    "token_count",
    "finish_reason",
    "reasoning",
    "external_id",
    "reasoning_details",
    "codex_reasoning_items",
    "name",
    "state",
    "extra",
)
_NOTHING = [None] * 6
"""The last columns and the format of the content, as most messages have them."""


def message_of(record: Mapping[str, Any]) -> Row:
    """A message that a method of the core gave, as Hermes' row."""
    beside = {name: value for name, value in record.items() if name not in _NAMES}
    given = {**record, "extra": {**beside, **(record["extra"] or {})}}  # an export has it on top
    [row] = _rows([(*(given[name] for name in _NAMES), None)], decode=lambda value: value)
    return row


def _rows(rows: Iterable[Any], decode: Callable[[Any], Any] = values.decode_json) -> list[Row]:
    """The columns of messages as Hermes' rows."""
    found: list[Row] = []
    # Each column by its name: a loop over the names would take twice as long.
    for (
        id_,
        of,
        role,
        content,
        call,
        calls,
        tool,
        at,
        tokens,
        reason,
        said,
        given,
        *more,
    ) in rows:
        row = {
            "id": id_,
            "session_id": of,
            "role": role,
            "content": content,
            "tool_call_id": call,
            "tool_calls": calls if calls is None else decode(calls),
            "tool_name": tool,
            "timestamp": at,
            "token_count": tokens,
            "finish_reason": reason,
            "reasoning": said,
            "reasoning_details": None,
            "codex_reasoning_items": None,
            "platform_message_id": given,
            "active": 1,
            "compacted": 0,
            **MESSAGE_EXTRA,
        }
        if more != _NOTHING:
            _complete(row, decode, *more)
        found.append(row)
    return found


def _complete(
    row: Row,
    decode: Callable[[Any], Any],
    details: Any,
    items: Any,
    name: str | None,
    state: str | None,
    extra: Any,
    content_format: str | None,
) -> None:
    """Add what few messages have."""
    if content_format is not None:
        row["content"] = decode(row["content"])
    if state is not None:
        row["active"], row["compacted"] = 0, int(state == COMPACTED)
    if name is not None:
        row["name"] = name
    for column, value in (("reasoning_details", details), ("codex_reasoning_items", items)):
        row[column] = value if value is None else as_text(decode(value))
    if extra:
        beside = decode(extra)
        row |= {key: value for key, value in beside.items() if key not in _NAMES}
        row["codex_message_items"] = as_text(row["codex_message_items"])


AS_ROWS = Form(tuple(messages.c[each] for each in (*_NAMES, "content_format")), _rows)
