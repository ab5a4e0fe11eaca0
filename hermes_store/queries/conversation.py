"""The messages of a session as a provider's API takes them, in two forms.

The strict form has what chat completions take, and what the provider itself had sent. The full form
also says which message it is, when it was stored, and what only programs look at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages, names
from hermes_store.records import ConversationMessage

__all__ = ["conversation"]

_JSON = names(messages, "json")
_OF_ASSISTANT = ("reasoning", "reasoning_details", "codex_reasoning_items")
"""What only an assistant says."""


class _Form(NamedTuple):
    always: tuple[str, ...]
    """Columns that each message has."""
    stored: tuple[str, ...]
    """Columns that are left out where they are NULL."""
    nothing: tuple[None, ...]
    """What is read of these when none is stored."""
    statement: Statement


def _form(always: tuple[str, ...], stored: tuple[str, ...]) -> _Form:
    columns = ("content_format", *always, *stored, "extra", *_OF_ASSISTANT)
    statement = (
        select(*(messages.c[name] for name in columns))
        .where(messages.c.session_id == bindparam("session"))
        .order_by(messages.c.id)
    )
    nothing = (None,) * (len(stored) + 1 + len(_OF_ASSISTANT))
    return _Form(always, stored, nothing, Statement(statement))


_STRICT = _form(("role", "content"), ("name", "tool_call_id", "tool_calls"))
_FULL = _form(
    ("role", "content", "id", "timestamp"),
    ("name", "tool_call_id", "tool_calls", "tool_name", "finish_reason"),
)


def conversation(
    connection: OpenConnection, session_id: str, *, strict: bool
) -> list[ConversationMessage]:
    """The messages of a session in their order, in the strict form or in the full one."""
    form = _STRICT if strict else _FULL
    behind = 1 + len(form.always)
    found: list[Any] = []
    for row in form.statement.run(connection, session=session_id).fetchall():
        message = dict(zip(form.always, row[1:behind], strict=True))
        if row[0] is not None:
            message["content"] = values.decode_json(message["content"])
        if row[behind:] != form.nothing:
            _add(message, zip(form.stored, row[behind:]))  # noqa: B905 - the others stand behind
            extra, *of_assistant = row[behind + len(form.stored) :]
            if message["role"] == "assistant":
                _add(message, zip(_OF_ASSISTANT, of_assistant, strict=True))
            if extra is not None and (not strict or message["role"] == "assistant"):
                _add_extra(message, values.decode_json(extra))
        found.append(message)
    return found


def _add(message: dict[str, Any], stored: Iterable[tuple[str, Any]]) -> None:
    for name, value in stored:
        if name in _JSON and value is not None:
            message[name] = values.decode_json(value)
        elif value or (value is not None and name != "reasoning"):  # nobody replays an empty one
            message[name] = value


def _add_extra(message: dict[str, Any], extra: Any) -> None:
    """What has no column, at the top level; a column wins over a key of its name."""
    if isinstance(extra, dict):  # other tools may write other JSON
        for name, value in extra.items():
            message.setdefault(name, value)
