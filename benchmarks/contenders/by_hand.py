"""The same work by `sqlite3` alone, as one would write it by hand: one connection and a lock.

Every message is committed before `append` returns. SQLite itself waits for other processes.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from benchmarks.corpus import Message
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.settings import Settings

JSON_COLUMNS = ("tool_calls", "reasoning_details", "codex_reasoning_items")
COLUMNS = (
    "session_id", "role", "content", "tool_call_id", "tool_calls", "tool_name", "timestamp",
    "token_count", "finish_reason", "reasoning", "reasoning_details", "codex_reasoning_items",
    "content_format",
)  # fmt: skip
INSERT = f"INSERT INTO messages ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
COUNT_IN = """
UPDATE sessions SET message_count = coalesce(message_count, 0) + ?,
    tool_call_count = coalesce(tool_call_count, 0) + ?,
    last_active = CASE WHEN last_active >= ? THEN last_active ELSE ? END
WHERE id = ?"""
CREATE = "INSERT INTO sessions (id, source, model, started_at, last_active) VALUES (?, ?, ?, ?, ?)"
CONVERSATION = """
SELECT id, timestamp, role, content, content_format, name, tool_call_id, tool_calls, tool_name,
    finish_reason, extra, reasoning, reasoning_details, codex_reasoning_items
FROM messages WHERE session_id = ? AND state IS NULL ORDER BY id"""
LISTED = (
    "id", "source", "user_id", "model", "model_config", "parent_session_id", "started_at",
    "ended_at", "end_reason", "message_count", "tool_call_count", "input_tokens", "output_tokens",
    "title", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "billing_provider",
    "billing_base_url", "billing_mode", "estimated_cost_usd", "actual_cost_usd", "cost_status",
    "cost_source", "pricing_version", "last_active", "link", "archived", "pinned", "cwd", "key",
    "api_call_count", "extra",
)  # fmt: skip
COUNTERS = {column for column in LISTED if column.endswith(("_count", "_tokens"))} | {"pinned"}


def _shown(column: str) -> str:
    """The expression for a column of the list: counters are never NULL."""
    if column == "last_active":
        return "coalesce(s.last_active, s.started_at)"
    return f"coalesce(s.{column}, 0)" if column in COUNTERS else f"s.{column}"


LIST = f"""
SELECT {", ".join(map(_shown, LISTED))}, (
    SELECT CASE WHEN content_format IS NULL
        THEN substr(ltrim(content, :blanks), 1, 200) ELSE ' ' || content END
    FROM messages
    WHERE session_id = s.id AND role = 'user' AND content IS NOT NULL ORDER BY id LIMIT 1)
FROM sessions AS s ORDER BY s.{{order}} DESC, s.id DESC LIMIT :limit OFFSET 0"""
LIST_NEWEST, LIST_ACTIVE = LIST.format(order="started_at"), LIST.format(order="last_active")
BLANKS = " \t\n\r\v\f"


def connect(path: str, settings: Settings) -> Any:
    """A connection with the pragmas that the store sets."""
    db = sqlite_driver().connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA busy_timeout=20000")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute("PRAGMA recursive_triggers=ON")
    for name in ("synchronous", "mmap_size", "cache_size", "journal_size_limit"):
        db.execute(f"PRAGMA {name}={getattr(settings, name)}")
    db.execute(f"PRAGMA wal_autocheckpoint={settings.wal_autocheckpoint}")
    return db


def row(session_id: str, message: Message) -> tuple[list[Any], int]:
    """The values of the columns, and how many tool calls the message makes."""
    values = [message.get(column) for column in COLUMNS]
    values[0], values[6] = session_id, time.time()
    for column in JSON_COLUMNS:
        if column in message:
            values[COLUMNS.index(column)] = json.dumps(message[column], ensure_ascii=False)
    return values, len(message.get("tool_calls", ()))


class ByHand:
    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.db = connect(path, settings)
        self.lock = threading.Lock()

    def close(self) -> None:
        self.db.close()

    def create_session(self, session_id: str) -> None:
        now = time.time()
        with self.lock:
            self.db.execute(CREATE, (session_id, "cli", "a-model", now, now))

    def append(self, session_id: str, message: Message) -> int:
        values, calls = row(session_id, message)
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self._count_in(session_id, 1, calls, values[6])
                message_id = self.db.execute(INSERT, values).lastrowid
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
        return message_id

    def append_many(self, session_id: str, messages: list[Message]) -> None:
        """Without the ids of the new rows, which `executemany` cannot give."""
        rows = [row(session_id, message) for message in messages]
        calls, latest = sum(calls for _, calls in rows), max(values[6] for values, _ in rows)
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                self._count_in(session_id, len(rows), calls, latest)
                self.db.executemany(INSERT, [values for values, _ in rows])
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def _count_in(self, session_id: str, added: int, calls: int, at: float) -> None:
        cursor = self.db.execute(COUNT_IN, (added, calls, at, at, session_id))
        if not cursor.rowcount:
            raise KeyError(session_id)

    def load(self, session_id: str) -> list[dict[str, Any]]:
        with self.lock:
            rows = self.db.execute(CONVERSATION, (session_id,)).fetchall()
        return [conversation_message(row) for row in rows]

    def list_newest(self, limit: int) -> list[dict[str, Any]]:
        return self._list(LIST_NEWEST, limit)

    def list_active(self, limit: int) -> list[dict[str, Any]]:
        return self._list(LIST_ACTIVE, limit)

    def _list(self, sql: str, limit: int) -> list[dict[str, Any]]:
        with self.lock:
            rows = self.db.execute(sql, {"blanks": BLANKS, "limit": limit}).fetchall()
        return [listing(row) for row in rows]


def conversation_message(row: tuple[Any, ...]) -> dict[str, Any]:
    """The dict of the full form: what a provider's API takes, and what identifies the message."""
    id_, time, role, content, form, name, call_id, calls, tool, reason, extra, *said = row
    message = {"role": role, "content": content if form is None else json.loads(content)}
    if name is not None:
        message["name"] = name
    if call_id is not None:
        message["tool_call_id"] = call_id
    if calls is not None:
        message["tool_calls"] = json.loads(calls)
    reasoning, details, codex_items = said
    if reasoning is not None:
        message["reasoning"] = reasoning
    if details is not None:
        message["reasoning_details"] = json.loads(details)
    if codex_items is not None:
        message["codex_reasoning_items"] = json.loads(codex_items)
    message["id"], message["timestamp"] = id_, time
    if tool is not None:
        message["tool_name"] = tool
    if reason is not None:
        message["finish_reason"] = reason
    return message | json.loads(extra) if extra is not None else message


def listing(row: tuple[Any, ...]) -> dict[str, Any]:
    """A session with a preview, as the store lists it."""
    session = dict(zip(LISTED, row))  # noqa: B905 - as the store does it
    for column in ("model_config", "extra"):
        if session[column] is not None:
            session[column] = json.loads(session[column])
    session["pinned"] = bool(session["pinned"])
    line = (row[-1] or "").strip().replace("\n", " ").replace("\r", " ")
    session["preview"] = line if len(line) <= 60 else line[:60] + "..."
    return session
