"""Messages of a session: append, read, clear. Their order is the order of insertion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Connection,
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
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.models import messages, sessions
from hermes_store.queries.sessions import require, require_changed
from hermes_store.records import ConversationMessage, MessageRecord
from hermes_store.search.searched import folded

__all__ = [
    "NewRow",
    "append",
    "append_many",
    "clear",
    "conversation",
    "count",
    "get",
    "new_row",
    "new_rows",
]

_HIDDEN = frozenset({"content_format", "folded"})
_STORED = tuple(column.name for column in messages.columns if column.name not in _HIDDEN)
"""The keys of a `MessageRecord`."""

_WRITTEN = tuple(column.name for column in messages.columns if column.name != "id")
_KEYWORDS = frozenset(_WRITTEN) - _HIDDEN - {"session_id"}


class NewRow(NamedTuple):
    """A message ready to be stored: its columns, and how many tool calls it makes."""

    columns: dict[str, Any]
    tool_calls: int


def new_row(
    *,
    session_id: str,
    role: str,
    content: Any = None,
    tool_name: str | None = None,
    tool_calls: Any = None,
    tool_call_id: str | None = None,
    token_count: int | None = None,
    finish_reason: str | None = None,
    reasoning: str | None = None,
    reasoning_details: Any = None,
    codex_reasoning_items: Any = None,
    timestamp: float | None = None,
) -> NewRow:
    """Check and encode a message. Raises `InvalidArgumentError`."""
    stored_content, content_format = values.content(content)
    name = values.optional_text("tool_name", tool_name)
    calls = values.encode_json("tool_calls", tool_calls)
    columns = {
        "session_id": session_id,
        "role": values.text("role", role),
        "content": stored_content,
        "tool_call_id": values.optional_text("tool_call_id", tool_call_id),
        "tool_calls": calls,
        "tool_name": name,
        "timestamp": values.seconds("timestamp", timestamp),
        "token_count": None if token_count is None else values.count("token_count", token_count),
        "finish_reason": values.optional_text("finish_reason", finish_reason),
        "reasoning": values.optional_text("reasoning", reasoning),
        "reasoning_details": values.encode_json("reasoning_details", reasoning_details),
        "codex_reasoning_items": values.encode_json("codex_reasoning_items", codex_reasoning_items),
        "content_format": content_format,
        "folded": folded(stored_content, content_format, name, calls),
    }
    return NewRow(columns, _number_of_calls(tool_calls))


def _number_of_calls(tool_calls: Any) -> int:
    return len(tool_calls) if isinstance(tool_calls, list) else int(bool(tool_calls))


def new_rows(session_id: str, given: Any) -> list[NewRow]:
    """Check and encode a list of messages; an error names the message by its place."""
    if isinstance(given, (str, bytes, dict)) or not isinstance(given, Sequence):
        raise InvalidArgumentError("messages", "is no list", "give a list of dicts")
    return [_new_row_of(session_id, place, message) for place, message in enumerate(given)]


def _new_row_of(session_id: str, place: int, message: Any) -> NewRow:
    here = f"messages[{place}]"
    if not isinstance(message, dict) or "role" not in message:
        raise InvalidArgumentError(here, "has no role", "give a dict with 'role' and 'content'")
    unknown = sorted(str(key) for key in message.keys() - _KEYWORDS)
    if unknown:
        raise InvalidArgumentError(
            here, f"has unknown keys: {', '.join(unknown)}", f"use {', '.join(sorted(_KEYWORDS))}"
        )
    try:
        return new_row(session_id=session_id, **message)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{here}.{exc.argument}", exc.problem, exc.remedy) from exc


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
_INSERT = Statement(_INSERT_ANY, columns=_WRITTEN)


def append(connection: Connection, row: NewRow) -> int:
    """Store a message, count it in its session; return its id."""
    columns = row.columns
    _count_in(connection, columns["session_id"], 1, row.tool_calls, columns["timestamp"])
    return cast("int", _INSERT.run(connection, **columns).fetchall()[0][0])


def append_many(connection: Connection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Store messages in their order, count them once; return their ids."""
    if not rows:
        require(connection, session_id)
        return []
    latest = max(row.columns["timestamp"] for row in rows)
    calls = sum(row.tool_calls for row in rows)
    _count_in(connection, session_id, len(rows), calls, latest)
    stored = connection.execute(_INSERT_ANY, [row.columns for row in rows])
    return sorted(stored.scalars())  # given out in the order of the rows, reported in any


def _count_in(connection: Connection, session_id: str, added: int, calls: int, at: float) -> None:
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


def get(connection: Connection, session_id: str) -> list[MessageRecord]:
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


def conversation(connection: Connection, session_id: str) -> list[ConversationMessage]:
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


def count(connection: Connection, session_id: str | None) -> int:
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


def clear(connection: Connection, session_id: str) -> None:
    """Delete the messages of a session, reset its counters and its last activity."""
    require_changed(_RESET.run(connection, session=session_id), session_id)
    _DELETE.run(connection, session=session_id)
