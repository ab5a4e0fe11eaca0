"""Messages of a session: append, read, clear. Their order is the order of insertion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)

from hermes_store import values
from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages, names, sessions
from hermes_store.models.visibility import visible
from hermes_store.queries.as_text import as_text
from hermes_store.queries.dicts import Dicts
from hermes_store.queries.sessions import require_changed
from hermes_store.queries.there import require_none_left
from hermes_store.records import MessageRecord

__all__ = [
    "RECORDS",
    "Form",
    "clear",
    "count",
    "get",
    "get_all",
    "of_session",
    "records",
    "select_records",
]

_JSON = names(messages, "json")
_KEYS = (*(name for name in names(messages) if name not in _JSON), *_JSON)
"""The keys of a `MessageRecord`: behind the others those that most messages lack."""
_READ = (*_KEYS, "content_format")

# --- read ---------------------------------------------------------------------------------------


def of_session() -> ColumnElement[bool]:
    """The condition that a message is of the session given by the parameter `session`."""
    return messages.c.session_id == bindparam("session")


@dataclass(frozen=True, eq=False)
class Form:
    """What is read of each message, and what becomes of the rows."""

    columns: tuple[ColumnElement[Any], ...]
    made: Callable[[list[Any]], list[Any]]


def select_records() -> Select[Any]:
    """SELECT of the messages of a session, for `records`."""
    return select(*RECORDS.columns).where(of_session())


_DICTS = Dicts(
    _READ,
    dict.fromkeys(_KEYS),
    dict.fromkeys(("content", *_JSON), values.decode_json),
    only_if={"content": "content_format"},
)


def records(rows: Iterable[Sequence[Any]]) -> list[MessageRecord]:
    """The dicts of the rows that `select_records` gave."""
    return _DICTS.of(rows)


_COLUMNS = tuple(as_text(messages.c[name]) for name in _READ)
RECORDS = Form(_COLUMNS, records)
"""Every column that callers see, as a `MessageRecord`."""


_OF_SESSION = of_session()
_GET = Statement(select_records().where(visible("live")).order_by(messages.c.id))
_GET_ALL = Statement(select_records().order_by(messages.c.id))
_LIVE = select(func.count()).select_from(messages).where(visible("live"))
_COUNT = Statement(_LIVE.where(_OF_SESSION))
_COUNT_ALL = Statement(_LIVE)


@runs("one")
def get(connection: OpenConnection, session_id: str) -> list[MessageRecord]:
    """The live messages of a session, whole."""
    return records(_GET.run(connection, session=session_id).fetchall())


def get_all(connection: OpenConnection, session_id: str) -> list[MessageRecord]:
    """The messages of a session in any state, whole."""
    return records(_GET_ALL.run(connection, session=session_id).fetchall())


def count(connection: OpenConnection, session_id: str | None) -> int:
    """How many live messages a session has, or all sessions have."""
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
_ONE = Statement(select(literal_column("1")).where(_OF_SESSION).limit(1))


def clear(connection: OpenConnection, session_id: str) -> None:
    """Delete the messages of a session, reset its counters and its last activity."""
    require_changed(_RESET.run(connection, session=session_id), session_id)
    _DELETE.run(connection, session=session_id)
    require_none_left(connection, "messages", _ONE, session=session_id)
