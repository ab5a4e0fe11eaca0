"""Messages of a session: append, read, clear. Their order is the order of insertion."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
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
from hermes_store.models.stored import messages, names, sessions
from hermes_store.queries.append_together import append_together
from hermes_store.queries.rows import NewRow, alike
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
    "count_in",
    "get",
]

_KEYS = names(messages)
"""The keys of a `MessageRecord`."""
_JSON = names(messages, "json")

# --- append -------------------------------------------------------------------------------------

_FORMAT = ("content_format",)
_ADDED = ("tool_call_id", "tool_calls", "tool_name")
"""What a message of a conversation has besides role and content, when it is stored."""
_OF_ASSISTANT = ("reasoning", "reasoning_details", "codex_reasoning_items")
_NOTHING_ADDED = (None,) * len(_ADDED + _OF_ASSISTANT)

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
_INSERT = insert(messages).returning(messages.c.id)


@lru_cache(maxsize=256)
def _insert_of(columns: tuple[str, ...]) -> Statement:
    """INSERT of the columns that a message has: what it lacks, the database fills."""
    return Statement(_INSERT, columns=columns)


def append(connection: OpenConnection, row: NewRow) -> int:
    """Store a message, count it in its session; return its id."""
    columns = row.columns
    count_in(connection, columns["session_id"], 1, row.tool_calls, columns["timestamp"])
    stored = _insert_of(tuple(columns)).run(connection, **columns).fetchall()
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
    count_in(connection, session_id, len(rows), calls, latest)
    stored = connection.core.execute(_INSERT, alike(rows))
    ids = sorted(stored.scalars())  # given out in the order of the rows, reported in any
    require_there(connection, ids, len(rows))
    return ids


def count_in(
    connection: OpenConnection, session_id: str, added: int, calls: int, at: float
) -> None:
    """Add messages to what a session keeps of them. Raises `SessionNotFoundError`."""
    changed = _COUNT_IN.run(connection, session=session_id, added=added, calls=calls, at=at)
    require_changed(changed, session_id)


# --- read ---------------------------------------------------------------------------------------

_OF_SESSION = messages.c.session_id == bindparam("session")
_IN_ORDER = select().where(_OF_SESSION).order_by(messages.c.id)
_GET = Statement(_IN_ORDER.with_only_columns(*(messages.c[name] for name in (*_KEYS, *_FORMAT))))
_CONVERSATION = Statement(
    _IN_ORDER.with_only_columns(
        *(messages.c[name] for name in ("role", "content", *_FORMAT, *_ADDED, *_OF_ASSISTANT))
    )
)
_COUNT = Statement(select(func.count()).select_from(messages).where(_OF_SESSION))
_COUNT_ALL = Statement(select(func.count()).select_from(messages))


def get(connection: OpenConnection, session_id: str) -> list[MessageRecord]:
    """The messages of a session, whole."""
    decode = values.decode_json
    found: list[Any] = []
    for row in _GET.run(connection, session=session_id).fetchall():
        message = dict(zip(_KEYS, row))  # noqa: B905 - the format stands behind the keys
        for name in _JSON:
            if message[name] is not None:
                message[name] = decode(message[name])
        if row[-1] is not None:
            message["content"] = decode(message["content"])
        found.append(message)
    return found


def conversation(connection: OpenConnection, session_id: str) -> list[ConversationMessage]:
    """The messages of a session as a provider's API takes them."""
    found: list[Any] = []
    for row in _CONVERSATION.run(connection, session=session_id).fetchall():
        role, content, content_format = row[:3]
        if content_format is not None:
            content = values.decode_json(content)
        message = {"role": role, "content": content}
        if row[3:] != _NOTHING_ADDED:
            _add(message, zip(_ADDED, row[3:]))  # noqa: B905 - those of assistants stand behind
            if role == "assistant":
                _add(message, zip(_OF_ASSISTANT, row[3 + len(_ADDED) :], strict=True))
        found.append(message)
    return found


def _add(message: dict[str, Any], stored: Iterable[tuple[str, Any]]) -> None:
    for name, value in stored:
        if value is not None:
            message[name] = values.decode_json(value) if name in _JSON else value


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
