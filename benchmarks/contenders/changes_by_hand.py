"""Changes and pages of a long conversation by SQL alone, as one would write it by hand."""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.contenders.by_hand import INSERT, connect, row
from benchmarks.corpus import Message
from hermes_store.settings import Settings

RECORD = (
    "id", "session_id", "role", "content", "tool_call_id", "tool_calls", "tool_name", "timestamp",
    "token_count", "finish_reason", "reasoning", "reasoning_details", "codex_reasoning_items",
    "name", "state", "external_id", "extra",
)  # fmt: skip
JSON = ("tool_calls", "reasoning_details", "codex_reasoning_items", "extra")
LIVE = "FROM messages WHERE session_id = ? AND state IS NULL"
SELECT = f"SELECT {', '.join(RECORD)}, content_format {LIVE}"
UP_TO = f"SELECT * FROM ({SELECT} AND id < ? ORDER BY id DESC LIMIT ?) AS page ORDER BY id"
FROM = f"{SELECT} AND id >= ? ORDER BY id LIMIT ?"
SET_STATE = "UPDATE messages SET state = {} WHERE session_id = ? AND state {} AND id >= ?"
REWIND = SET_STATE.format("'rewound'", "IS NULL")
RESTORE = SET_STATE.format("NULL", "= 'rewound'")
COMPACT = SET_STATE.format("'compacted'", "IS NULL")
LIVE_AGAIN = SET_STATE.format("NULL", "= 'compacted'")
FORGET = f"DELETE {LIVE} AND id >= ?"
COUNT = """
UPDATE sessions SET (message_count, tool_call_count, last_active) = (
    SELECT count(*), coalesce(sum(json_array_length({})), 0),
        coalesce(max(timestamp), sessions.started_at)
    FROM messages WHERE session_id = sessions.id AND state IS NULL)
WHERE id = ?"""


class ChangesByHand:
    """One connection to a file; each change is a transaction that counts anew."""

    BEGIN, CALLS = "BEGIN IMMEDIATE", "tool_calls"

    def __init__(self, path: Any) -> None:
        self.path = path
        self.db = self.connected(path)
        self.close = self.db.close

    @staticmethod
    def connected(path: Any) -> Any:
        return connect(str(path), Settings())

    @staticmethod
    def sql(statement: str) -> str:
        return statement

    def rewind(self, session_id: str, first: int) -> None:
        self._change((REWIND, (session_id, first)), session_id)

    def restore(self, session_id: str, first: int) -> None:
        self._change((RESTORE, (session_id, first)), session_id)

    def compact(self, session_id: str, summary: Message) -> None:
        new = (INSERT, row(session_id, summary)[0])
        self._change((COMPACT, (session_id, 0)), session_id, new)

    def undo_compact(self, session_id: str) -> None:
        """The session is what it was before its messages were compacted."""
        self._change((FORGET, (session_id, 0)), session_id, (LIVE_AGAIN, (session_id, 0)))

    def _change(self, first: tuple[str, Any], session_id: str, *more: tuple[str, Any]) -> None:
        self.db.execute(self.BEGIN)
        for statement, values in (first, *more, (COUNT.format(self.CALLS), (session_id,))):
            self.db.execute(self.sql(statement), values)
        self.db.execute("COMMIT")

    def page(self, session_id: str, around: int, limit: int) -> list[dict[str, Any]]:
        """A message, and `limit` on each side of it."""
        before = self.db.execute(self.sql(UP_TO), (session_id, around, limit)).fetchall()
        behind = self.db.execute(self.sql(FROM), (session_id, around, limit + 1)).fetchall()
        return [record(found) for found in (*before, *behind)]


def record(found: Any) -> dict[str, Any]:
    """A message as the store gives it."""
    message = dict(zip(RECORD, found, strict=False))
    for name in JSON:
        if message[name] is not None:
            message[name] = json.loads(message[name])
    if found[-1] is not None:
        message["content"] = json.loads(message["content"])
    return message


def summary() -> Message:
    """What stands for the messages that are compacted."""
    return {"role": "system", "content": f"What was said before {time.time():.0f}."}
