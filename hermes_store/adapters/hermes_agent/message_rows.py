"""What a message of a store is to Hermes Agent: its names of columns.

Hermes gets rows as `dict(row)` of SQLite, but for `tool_calls` and the content, which it decodes.
What only Hermes knows of a message stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row, as_text
from hermes_store.models.stored import messages
from hermes_store.models.visibility import COMPACTED
from hermes_store.queries.dicts import Dicts
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
_SAME = (
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
    "reasoning_details",
    "codex_reasoning_items",
)
_KEYS = {"external_id": "platform_message_id", "name": "name"}
_EMPTY: Row = {
    **dict.fromkeys(_SAME),
    "platform_message_id": None,
    "active": 1,
    "compacted": 0,
    **MESSAGE_EXTRA,
}
_NAMES = (*_SAME, *_KEYS, "state", "extra")


def message_of(record: Mapping[str, Any]) -> Row:
    """A message that a method of the core gave, as Hermes' row."""
    beside = {name: value for name, value in record.items() if name not in _NAMES}
    given = {**record, "extra": {**beside, **(record["extra"] or {})}}  # an export has it on top
    row: Row = _DECODED.of([(*(given[name] for name in _NAMES), None)])[0]
    return row


def _dicts(decode: Callable[[Any], Any]) -> Dicts:
    """What makes Hermes' rows of the columns `_READ` of messages."""

    def add_extra(row: Row, extra: Any) -> None:
        if extra:
            beside = decode(extra)
            row |= {key: value for key, value in beside.items() if key not in _NAMES}
            row["codex_message_items"] = as_text(row["codex_message_items"])

    def text(value: Any) -> str | None:
        return as_text(decode(value))

    return Dicts(
        _READ,
        _EMPTY,
        {
            "content": decode,
            "tool_calls": decode,
            "reasoning_details": text,
            "codex_reasoning_items": text,
        },
        only_if={"content": "content_format"},
        keys=_KEYS,
        changes={"state": _add_state, "extra": add_extra},
    )


def _add_state(row: Row, state: str) -> None:
    row["active"], row["compacted"] = 0, int(state == COMPACTED)


_READ = (*_NAMES, "content_format")
_DECODED = _dicts(lambda value: value)
_STORED = _dicts(values.decode_json)


def _made(rows: Iterable[Sequence[Any]]) -> list[Row]:
    return _STORED.of(rows)


AS_ROWS = Form(tuple(messages.c[each] for each in _READ), _made)
