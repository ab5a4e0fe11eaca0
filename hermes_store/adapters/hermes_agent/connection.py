"""`_conn`: Hermes' own SQL on its own tables, for the few places of it that use the connection.

On a SQLite file it is a connection of its own. There, `sessions`, `messages` and so on are
temporary views with Hermes' columns, so that its queries run unchanged. What writes to `sessions`
and `messages`, but for an INSERT of messages, is done by the repository in a transaction of the
store: counters, links and times of activity follow. SQLite refuses other writes. On a server only
the statement that reopens a session is understood.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from hermes_store.adapters.hermes_agent.columns import SESSION_EXTRA, Row
from hermes_store.adapters.hermes_agent.compression import LOCK
from hermes_store.adapters.hermes_agent.message_rows import MESSAGE_EXTRA
from hermes_store.database.sums import sum_of_halves
from hermes_store.errors import InvalidArgumentError

__all__ = ["ReopeningOnly", "Writes", "connection_of"]

_SESSIONS = {
    **{
        name: name
        for name in (
            "id",
            "source",
            "user_id",
            "model",
            "model_config",
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
            "last_active",
            "pinned",
        )
    },
    "session_key": "key",
    "archived": "archived IS NOT NULL",
    **{
        name: f"coalesce(json_extract(extra, '$.{name}'), {json.dumps(default)})"
        for name, default in SESSION_EXTRA.items()
    },
}
_MESSAGES = {
    **{
        name: name
        for name in (
            "id",
            "session_id",
            "role",
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
    },
    "content": (
        "CASE content_format WHEN 'json' THEN char(0) || 'json:' || content ELSE content END"
    ),
    "platform_message_id": "coalesce(external_id, json_extract(extra, '$.platform_message_id'))",
    "active": "state IS NULL",
    "compacted": "coalesce(state = 'compacted', 0)",
    **{
        name: f"coalesce(json_extract(extra, '$.{name}'), {json.dumps(default)})"
        for name, default in MESSAGE_EXTRA.items()
    },
}
_USAGE = {
    "session_id": "session_id",
    "model": "model",
    "billing_provider": "provider",
    "billing_base_url": "base_url",
    "billing_mode": "mode",
    "task": "task",
    "api_call_count": sum_of_halves("calls"),
    **{
        f"{kind}_tokens": sum_of_halves(f"{kind}_tokens")
        for kind in ("input", "output", "cache_read", "cache_write", "reasoning")
    },
    "estimated_cost_usd": "coalesce(sum(estimated_cost_usd), 0)",
    "actual_cost_usd": "coalesce(sum(actual_cost_usd), 0)",
    "cost_status": "NULL",
    "cost_source": "NULL",
    "first_seen": "min(first_at)",
    "last_seen": "max(last_at)",
}
_META = {
    "key": "key",
    "value": "CASE json_type(value) WHEN 'text' THEN json_extract(value, '$') ELSE value END",
}
_DELETE_SESSION = """CREATE TEMP TRIGGER hermes_delete_session INSTEAD OF DELETE ON sessions BEGIN
SELECT hermes_delete_session(OLD.id); END"""
_DELETE_MESSAGE = """CREATE TEMP TRIGGER hermes_delete_message INSTEAD OF DELETE ON messages BEGIN
SELECT hermes_delete_message(OLD.session_id, OLD.id); END"""
_LOCKS = {
    "session_id": f"substr(name, {len(LOCK) + 1})",
    "holder": "holder",
    "acquired_at": "acquired_at",
    "expires_at": "expires_at",
}
_GROUPS = " GROUP BY session_id, task, model, provider, base_url, mode"


def _view(name: str, columns: dict[str, str], source: str) -> str:
    listed = ", ".join(f"{meaning} AS {column}" for column, meaning in columns.items())
    return f"CREATE TEMP VIEW {name} AS SELECT {listed} FROM main.{source}"  # noqa: S608 - our own names


def _instead(kind: str, name: str, columns: dict[str, str]) -> str:
    """The trigger of an INSERT or UPDATE: the id, then names and values of what is new."""
    before, id_ = ("OLD.{}", "OLD.id") if kind == "update" else ("NULL", "NEW.id")
    new = ", ".join(
        f"CASE WHEN NEW.{each} IS NOT {before.format(each)} THEN '{each}' END, NEW.{each}"
        for each in columns
    )
    return (
        f"CREATE TEMP TRIGGER hermes_{kind}_{name} INSTEAD OF {kind} ON {name} BEGIN "
        f"SELECT hermes_{kind}_{name}({id_}, {new}); END"
    )


_SCHEMA = (
    _view("sessions", _SESSIONS, "sessions"),
    _view("messages", _MESSAGES, "messages"),
    _view("session_model_usage", _USAGE, f"usage{_GROUPS}"),
    _view("state_meta", _META, "meta"),
    _view("compression_locks", _LOCKS, f"leases WHERE substr(name, 1, {len(LOCK)}) = '{LOCK}'"),
    _instead("insert", "sessions", _SESSIONS),
    _instead("update", "sessions", _SESSIONS),
    _instead("update", "messages", _MESSAGES),
    _DELETE_SESSION,
    _DELETE_MESSAGE,
)


class Writes(Protocol):
    """What a statement on the connection asks of the store."""

    def update_row(self, table: str, row_id: Any, columns: Row) -> None:
        """Change columns of a row of `sessions` or `messages`."""

    def insert_session(self, session_id: Any, columns: Row) -> None:
        """Store a session."""

    def delete_session(self, session_id: str) -> None:
        """Delete a session that nothing belongs to."""

    def delete_message(self, session_id: str, message_id: int) -> None:
        """Delete a message."""


def connection_of(driver: Any, path: str, writes: Writes, version: int, *, read_only: bool) -> Any:
    """A connection to a store's file with Hermes' tables, whose schema has a version."""
    uri = f"{Path(path).as_uri()}?mode={'ro' if read_only else 'rw'}"
    connection = driver.connect(uri, uri=True, check_same_thread=False, isolation_level=None)
    connection.row_factory = driver.Row
    connection.execute("PRAGMA foreign_keys=ON")
    for table in ("sessions", "messages"):
        update = partial(writes.update_row, table)
        connection.create_function(f"hermes_update_{table}", -1, _with_columns(update))
    connection.create_function("hermes_insert_sessions", -1, _with_columns(writes.insert_session))
    connection.create_function("hermes_delete_session", 1, writes.delete_session)
    connection.create_function("hermes_delete_message", 2, writes.delete_message)
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute(f"CREATE TEMP VIEW schema_version AS SELECT {version} AS version")
    return connection


def _with_columns(write: Callable[[Any, Row], None]) -> Callable[..., None]:
    """What `_instead` calls; of a column that is not new None stands for the name."""

    def call(row_id: Any, *columns: Any) -> None:
        given = dict(zip(columns[::2], columns[1::2], strict=True))
        given.pop(None, None)
        if given:
            write(row_id, given)

    return call


class ReopeningOnly:
    """Stands for `_conn` where the store is on a server."""

    def __init__(self, reopen: Callable[[str], None]) -> None:
        self._reopen = reopen

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Reopen a session. Raises `InvalidArgumentError` for any other statement."""
        if not " ".join(sql.split()).startswith("UPDATE sessions SET ended_at = NULL"):
            problem = "is written for SQLite, and this store is on a server"
            raise InvalidArgumentError("sql", problem, "use the methods of SessionDB")
        self._reopen(parameters[0])

    def commit(self) -> None:
        """Nothing is left to commit."""
