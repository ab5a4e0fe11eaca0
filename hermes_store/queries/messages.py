"""Messages of a session: append, read, clear. Their order is the order of insertion."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import (
    Double,
    Integer,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models import messages, sessions
from hermes_store.queries.append_together import append_together
from hermes_store.queries.rows import WRITTEN, NewRow
from hermes_store.queries.sessions import require, require_changed
from hermes_store.queries.there import require_there
from hermes_store.records import ConversationMessage, MessageRecord
from hermes_store.search.triggers import OWN

__all__ = [
    "append",
    "append_many",
    "clear",
    "conversation",
    "count",
    "get",
]

_STORED = tuple(column.name for column in messages.columns if column.name != "content_format")
"""The keys of a `MessageRecord`."""

# --- append -------------------------------------------------------------------------------------

_AT = bindparam("at", type_=Double)
_COUNT_IN = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(
        message_count=func.coalesce(sessions.c.message_count, literal_column("0"))
        + bindparam("added", type_=Integer),
        tool_call_count=func.coalesce(sessions.c.tool_call_count, literal_column("0"))
        + bindparam("calls", type_=Integer),
        last_active=case((sessions.c.last_active >= _AT, sessions.c.last_active), else_=_AT),
    )
)
_INSERT_ANY = insert(messages).returning(messages.c.id)
_INSERT = Statement(_INSERT_ANY, columns=WRITTEN)


def append(connection: OpenConnection, row: NewRow) -> int:
    """Store a message, count it in its session; return its id."""
    columns = row.columns
    _count_in(connection, columns["session_id"], 1, row.tool_calls, columns["timestamp"])
    stored = _INSERT.run(connection, **columns).fetchall()
    if not stored or not OWN.issuperset(connection.fired):
        require_there(connection, [id_ for (id_,) in stored], 1)
    return cast("int", stored[0][0])


append.together = append_together  # type: ignore[attr-defined]  # what a group runs instead


def append_many(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Store messages in their order, count them once; return their ids."""
    if not rows:
        require(connection, session_id)
        return []
    latest = max(row.columns["timestamp"] for row in rows)
    calls = sum(row.tool_calls for row in rows)
    _count_in(connection, session_id, len(rows), calls, latest)
    stored = connection.core.execute(_INSERT_ANY, [row.columns for row in rows])
    ids = sorted(stored.scalars())  # given out in the order of the rows, reported in any
    require_there(connection, ids, len(rows))
    return ids


def _count_in(
    connection: OpenConnection, session_id: str, added: int, calls: int, at: float
) -> None:
    changed = _COUNT_IN.run(connection, session=session_id, added=added, calls=calls, at=at)
    require_changed(changed, session_id)


# --- read ---------------------------------------------------------------------------------------

_OF_SESSION = messages.c.session_id == bindparam("session")
_GET = Statement(
    select(*(messages.c[name] for name in _STORED), messages.c.content_format)
    .where(_OF_SESSION)
    .order_by(messages.c.id)
)
_CONVERSATION = Statement(
    select(
        messages.c.role,
        messages.c.content,
        messages.c.content_format,
        messages.c.tool_call_id,
        messages.c.tool_calls,
        messages.c.tool_name,
        messages.c.reasoning,
        messages.c.reasoning_details,
        messages.c.codex_reasoning_items,
    )
    .where(_OF_SESSION)
    .order_by(messages.c.id)
)
_COUNT = Statement(select(func.count()).select_from(messages).where(_OF_SESSION))
_COUNT_ALL = Statement(select(func.count()).select_from(messages))


def get(connection: OpenConnection, session_id: str) -> list[MessageRecord]:
    """The messages of a session, whole."""
    decode = values.decode_json
    found: list[Any] = []
    for row in _GET.run(connection, session=session_id).fetchall():
        message = dict(zip(_STORED, row, strict=False))
        if message["tool_calls"] is not None:
            message["tool_calls"] = decode(message["tool_calls"])
        if message["reasoning_details"] is not None:
            message["reasoning_details"] = decode(message["reasoning_details"])
        if message["codex_reasoning_items"] is not None:
            message["codex_reasoning_items"] = decode(message["codex_reasoning_items"])
        if row[-1] is not None:
            message["content"] = decode(message["content"])
        found.append(message)
    return found


def conversation(connection: OpenConnection, session_id: str) -> list[ConversationMessage]:
    """The messages of a session as a provider's API takes them."""
    decode = values.decode_json
    found: list[Any] = []
    rows = _CONVERSATION.run(connection, session=session_id).fetchall()
    for role, content, content_format, call_id, calls, tool, reasoning, details, codex in rows:
        message = {"role": role, "content": content if content_format is None else decode(content)}
        if call_id is not None:
            message["tool_call_id"] = call_id
        if tool is not None:
            message["tool_name"] = tool
        if calls is not None:
            message["tool_calls"] = decode(calls)
        if role == "assistant":
            if reasoning is not None:
                message["reasoning"] = reasoning
            if details is not None:
                message["reasoning_details"] = decode(details)
            if codex is not None:
                message["codex_reasoning_items"] = decode(codex)
        found.append(message)
    return found


def count(connection: OpenConnection, session_id: str | None) -> int:
    """How many messages a session has, or all sessions have."""
    cursor = (
        _COUNT_ALL.run(connection)
        if session_id is None
        else _COUNT.run(connection, session=session_id)
    )
    return cast("int", cursor.fetchone()[0])


# --- clear --------------------------------------------------------------------------------------

_RESET = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(
        message_count=literal_column("0"),
        tool_call_count=literal_column("0"),
        last_active=sessions.c.started_at,
    )
)
_DELETE = Statement(delete(messages).where(_OF_SESSION))


def clear(connection: OpenConnection, session_id: str) -> None:
    """Delete the messages of a session, reset its counters and its last activity."""
    require_changed(_RESET.run(connection, session=session_id), session_id)
    _DELETE.run(connection, session=session_id)
