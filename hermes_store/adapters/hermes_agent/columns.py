"""What a session of a store is to Hermes Agent: its names of columns.

Hermes gets rows as `dict(row)` of SQLite: JSON stays a text, a flag is 0 or 1. What only Hermes
knows of a session stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hermes_store.queries.sessions import NAMES
from hermes_store.values import decode_json

__all__ = [
    "SESSION_COLUMNS",
    "SESSION_EXTRA",
    "Row",
    "add_extra",
    "as_text",
    "session_of",
    "session_of_columns",
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

_NOT_HERMES_OWN = ("link", "last_active")
_HERMES_OWN = tuple(name for name in NAMES if name not in {*_NOT_HERMES_OWN, "extra"})
SESSION_COLUMNS = (*_HERMES_OWN, "extra", "last_active")
"""What is read of a session."""
_KEYS = tuple("session_key" if name == "key" else name for name in _HERMES_OWN)
_EMPTY: Row = {**dict.fromkeys(_KEYS), **SESSION_EXTRA}


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
    add_extra(row, row.pop("extra"))
    return row


def stored_session(row: Mapping[str, Any]) -> Row:
    """A row of the table `sessions`, where JSON is text, as Hermes' row."""
    return session_of_columns([row[name] for name in SESSION_COLUMNS])


def session_of_columns(values: Sequence[Any]) -> Row:
    """The columns `SESSION_COLUMNS` of a session as Hermes' row."""
    found = _EMPTY.copy()  # which has the size of the row: half the time of a new dict
    found.update(zip(_KEYS, values))  # noqa: B905 - the last two columns have no key
    found["archived"] = 0 if found["archived"] is None else 1
    found["pinned"] = found["pinned"] or 0
    if values[-2]:
        add_extra(found, decode_json(values[-2]))
    return found


def add_extra(found: Row, extra: Any) -> None:
    """Add what has no column to Hermes' row of a session; other programs may write other JSON."""
    if isinstance(extra, Mapping):
        found |= {name: value for name, value in extra.items() if name not in NAMES}
        found["origin_json"] = as_text(found["origin_json"])
