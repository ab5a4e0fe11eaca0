"""What the rows of a store are to Hermes Agent: its names of columns, in its order.

Hermes gets rows as `dict(row)` of SQLite: JSON stays a text, a flag is 0 or 1. What only Hermes
knows of a session or a message stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hermes_store.models.visibility import COMPACTED

__all__ = [
    "MESSAGE_EXTRA",
    "SESSION_COLUMNS",
    "SESSION_EXTRA",
    "Row",
    "as_text",
    "message_of",
    "session_of",
    "stored_session",
]

Row = dict[str, Any]

SESSION_EXTRA: dict[str, Any] = {
    "chat_id": None,
    "chat_type": None,
    "thread_id": None,
    "display_name": None,
    "origin_json": None,
    "expiry_finalized": 0,
    "git_branch": None,
    "git_repo_root": None,
    "handoff_state": None,
    "handoff_platform": None,
    "handoff_error": None,
    "compression_failure_cooldown_until": None,
    "compression_failure_error": None,
    "compression_fallback_streak": 0,
    "profile_name": None,
    "rewind_count": 0,
}
"""What Hermes keeps of a session beside the columns, and what stands for what is not there."""

MESSAGE_EXTRA: dict[str, Any] = {
    "effect_disposition": None,
    "reasoning_content": None,
    "codex_message_items": None,
    "observed": 0,
    "api_content": None,
}
"""As above, of a message."""

_SAME = (
    "source",
    "user_id",
    "model",
    "system_prompt",
    "parent_session_id",
    "started_at",
    "ended_at",
    "end_reason",
    "message_count",
    "tool_call_count",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cwd",
    "billing_provider",
    "billing_base_url",
    "billing_mode",
    "estimated_cost_usd",
    "actual_cost_usd",
    "cost_status",
    "cost_source",
    "pricing_version",
    "title",
    "api_call_count",
)
SESSION_COLUMNS = (
    "id",
    *_SAME,
    "session_key",
    "model_config",
    "archived",
    "pinned",
    *SESSION_EXTRA,
)


def as_text(value: Any) -> str | None:
    """JSON as Hermes stores it; a text is taken as written."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def session_of(record: Mapping[str, Any]) -> Row:
    """A session of the store as Hermes' row of `sessions`."""
    row: Row = {"id": record["id"], **{name: record.get(name) for name in _SAME}}
    row["session_key"] = record["key"]
    row["model_config"] = as_text(record["model_config"])
    row["archived"] = int(record["archived"] is not None)
    row["pinned"] = int(record["pinned"] or 0)
    row |= SESSION_EXTRA
    if extra := record["extra"]:
        row |= {
            name: value for name, value in extra.items() if name not in row or name in SESSION_EXTRA
        }
        row["origin_json"] = as_text(row["origin_json"])
    return row


def stored_session(row: Mapping[str, Any]) -> Row:
    """A row of the table `sessions`, where JSON is text, as Hermes' row."""
    return session_of({**row, "extra": json.loads(row["extra"]) if row["extra"] else None})


def message_of(record: Mapping[str, Any]) -> Row:
    """A message of the store as Hermes' row of `messages`, with its `tool_calls` decoded."""
    state, extra = record["state"], record["extra"] or {}
    return {
        **MESSAGE_EXTRA,
        **{name: value for name, value in extra.items() if name not in record},
        "id": record["id"],
        "session_id": record["session_id"],
        "role": record["role"],
        "content": record["content"],
        "tool_call_id": record["tool_call_id"],
        "tool_calls": record["tool_calls"],
        "tool_name": record["tool_name"],
        "timestamp": record["timestamp"],
        "token_count": record["token_count"],
        "finish_reason": record["finish_reason"],
        "reasoning": record["reasoning"],
        "reasoning_details": as_text(record["reasoning_details"]),
        "codex_reasoning_items": as_text(record["codex_reasoning_items"]),
        "codex_message_items": as_text(extra.get("codex_message_items")),
        "platform_message_id": record["external_id"] or extra.get("platform_message_id"),
        "active": int(state is None),
        "compacted": int(state == COMPACTED),
    }
