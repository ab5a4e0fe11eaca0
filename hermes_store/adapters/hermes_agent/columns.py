"""What a session of a store is to Hermes Agent: its names of columns.

Hermes gets rows as `dict(row)` of SQLite: JSON stays a text, a flag is 0 or 1. What only Hermes
knows of a session stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = [
    "SESSION_EXTRA",
    "Row",
    "as_text",
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

_NOT_HERMES_OWN = ("link", "last_active", "preview", "said")


def as_text(value: Any) -> str | None:
    """JSON as Hermes stores it; a text is taken as written."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def session_of(record: Mapping[str, Any]) -> Row:
    """A session of the store as Hermes' row of `sessions`."""
    row: Row = {**record, **SESSION_EXTRA}
    for name in _NOT_HERMES_OWN:
        row.pop(name, None)
    row["session_key"] = row.pop("key")
    if row["model_config"] is not None:
        row["model_config"] = as_text(row["model_config"])
    row["archived"] = int(row["archived"] is not None)
    row["pinned"] = int(row["pinned"] or 0)
    if extra := row.pop("extra"):
        known = {name: value for name, value in extra.items() if name not in record}
        row |= known
        row["origin_json"] = as_text(row["origin_json"])
    return row


def stored_session(row: Mapping[str, Any]) -> Row:
    """A row of the table `sessions`, where JSON is text, as Hermes' row."""
    return session_of({**row, "extra": json.loads(row["extra"]) if row["extra"] else None})
