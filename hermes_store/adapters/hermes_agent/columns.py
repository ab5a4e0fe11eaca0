"""What a session of a store is to Hermes Agent: its names of columns.

Hermes gets rows as `dict(row)` of SQLite: JSON stays a text, a flag is 0 or 1. What only Hermes
knows of a session stands in `extra` under Hermes' own name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hermes_store.queries.dicts import Dicts
from hermes_store.queries.sessions import NAMES
from hermes_store.values import decode_json

__all__ = [
    "SESSION_COLUMNS",
    "SESSION_EXTRA",
    "Row",
    "as_text",
    "dicts",
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
SESSION_COLUMNS = tuple(name for name in NAMES if name not in _NOT_HERMES_OWN)
"""What is read of a session."""
_RENAMED = {"key": "session_key"}
_NO_KEY = ("link", "extra")


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


def add_extra(found: Row, extra: Any) -> None:
    """Add what has no column to Hermes' row of a session; other programs may write other JSON."""
    if isinstance(extra, Mapping):
        found |= {name: value for name, value in extra.items() if name not in NAMES}
        found["origin_json"] = as_text(found["origin_json"])


def dicts(
    columns: Sequence[str],
    empty: Mapping[str, Any] | None = None,
    forms: Mapping[str, Callable[[Any], Any]] | None = None,
) -> Dicts:
    """What makes Hermes' rows of columns of sessions and others, by `empty` and `forms`."""
    keys = {name: _RENAMED.get(name, name) for name in columns if name not in _NO_KEY}
    flags = {"archived": 0, "pinned": 0}
    return Dicts(
        columns,
        {**dict.fromkeys(keys.values()), **flags, **SESSION_EXTRA, **(empty or {})},
        {"archived": lambda _: 1, **(forms or {})},
        keys=keys,
        changes={"extra": _add_stored_extra},
    )


def _add_stored_extra(found: Row, extra: str) -> None:
    if extra:
        add_extra(found, decode_json(extra))


_DICTS = dicts(SESSION_COLUMNS)


def session_of_columns(values: Sequence[Any]) -> Row:
    """The columns `SESSION_COLUMNS` of a session as Hermes' row."""
    found: Row = _DICTS.of([values])[0]
    return found
