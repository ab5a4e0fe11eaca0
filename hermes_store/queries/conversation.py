"""The messages of a session as a provider's API takes them, in two forms.

The strict form has what chat completions take, and what the provider itself had sent. The full form
also says which message it is, when it was stored, and what only programs look at.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from hermes_store import values
from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages
from hermes_store.models.visibility import Include, visible
from hermes_store.queries.as_text import as_text
from hermes_store.records import ConversationMessage

__all__ = ["conversation"]

_COLUMNS = (
    "id",
    "timestamp",
    "role",
    "content",
    "content_format",
    "name",
    "tool_call_id",
    "tool_calls",
    "tool_name",
    "finish_reason",
    "extra",
    "reasoning",
    "reasoning_details",
    "codex_reasoning_items",
)


def _statement(include: Include) -> Statement:
    return Statement(
        select(*(as_text(messages.c[name]) for name in _COLUMNS))
        .where(messages.c.session_id == bindparam("session"), visible(include))
        .order_by(messages.c.id)
    )


_LIVE, _ALL = _statement("live"), _statement("all")


@runs("one")
def conversation(
    connection: OpenConnection, session_id: str, *, strict: bool, include: Include
) -> list[ConversationMessage]:
    """The messages of a session in their order, in the strict form or in the full one."""
    decode = values.decode_json
    found: list[Any] = []
    statement = _LIVE if include == "live" else _ALL
    rows = statement.run(connection, session=session_id).fetchall()
    # Each column by its name and each test by itself: loops would take twice as long.
    for (
        id_, time, role, content, form, name, call_id, calls, tool, reason, extra,
        reasoning, details, codex,
    ) in rows:  # fmt: skip
        message = {"role": role, "content": content if form is None else decode(content)}
        if name is not None:
            message["name"] = name
        if call_id is not None:
            message["tool_call_id"] = call_id
        if calls is not None:
            message["tool_calls"] = decode(calls)
        if role == "assistant" and (reasoning or details is not None or codex is not None):
            _add_what_was_said(message, reasoning, details, codex)
        if not strict:
            message["id"], message["timestamp"] = id_, time
            if tool is not None:
                message["tool_name"] = tool
            if reason is not None:
                message["finish_reason"] = reason
        if extra is not None and (not strict or role == "assistant"):
            _add_extra(message, decode(extra))
        found.append(message)
    return found


def _add_what_was_said(message: dict[str, Any], reasoning: Any, details: Any, codex: Any) -> None:
    """Add the keys that only assistants have. An empty reasoning is left out."""
    if reasoning:
        message["reasoning"] = reasoning
    if details is not None:
        message["reasoning_details"] = values.decode_json(details)
    if codex is not None:
        message["codex_reasoning_items"] = values.decode_json(codex)


def _add_extra(message: dict[str, Any], extra: Any) -> None:
    """What has no column, at the top level; a column wins over a key of its name."""
    if isinstance(extra, dict):  # other tools may write other JSON
        for name, value in extra.items():
            message.setdefault(name, value)
