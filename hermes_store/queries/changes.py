"""Changes of a conversation that is there: replaced, compacted, taken back, given back, deleted.

Each is called in one transaction, and leaves the counters of the session right. Each locks the
session before it looks at a message: on a server an append, or another change, is wholly before it
or wholly after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError, MessageNotFoundError, SessionNotFoundError
from hermes_store.models.stored import messages
from hermes_store.models.visibility import COMPACTED, REWOUND, visible
from hermes_store.queries import appends
from hermes_store.queries.messages import records, select_records
from hermes_store.queries.recount import lock, recount
from hermes_store.queries.rows import NewRow, changed_columns
from hermes_store.queries.there import require_none_left, some_left
from hermes_store.records import MessageRecord
from hermes_store.search import waiting
from hermes_store.search.choice import index_waiting_of
from hermes_store.search.filling import fill_those

__all__ = [
    "compact",
    "delete_messages",
    "get_one",
    "pop",
    "replace_all",
    "replace_one",
    "restore",
    "rewind",
]

_OF_SESSION = messages.c.session_id == bindparam("session")
_FROM = messages.c.id >= bindparam("first")
_THE_ONE = messages.c.id == bindparam("one")
_IS_REWOUND = messages.c.state == literal_column(f"'{REWOUND}'")
_LIVE = and_(_OF_SESSION, visible("live"))
_LIVE_FROM = and_(_LIVE, _FROM)
_REWOUND_FROM = and_(_OF_SESSION, _FROM, _IS_REWOUND)


def _set_state(where: ColumnElement[bool], state: str) -> Statement:
    return Statement(update(messages).where(where).values(state=literal_column(state)))


def _one_of(where: ColumnElement[bool]) -> Statement:
    return Statement(
        select(literal_column("1")).select_from(messages).where(where).limit(literal_column("1"))
    )


_DELETE_LIVE = Statement(delete(messages).where(_LIVE))
_DELETE_ONE = Statement(delete(messages).where(_OF_SESSION, _THE_ONE))
_COMPACT = _set_state(_LIVE, f"'{COMPACTED}'")
_REWIND = _set_state(_LIVE_FROM, f"'{REWOUND}'")
_RESTORE = _set_state(_REWOUND_FROM, "NULL")
_ONE_LIVE, _ONE_LIVE_FROM = _one_of(_LIVE), _one_of(_LIVE_FROM)
_ONE_REWOUND_FROM = _one_of(_REWOUND_FROM)
_IS_THERE = _one_of(and_(_OF_SESSION, _THE_ONE))
_TWICE = Statement(
    select(messages.c.external_id)
    .where(_OF_SESSION, messages.c.external_id.is_not(None))
    .where(or_(visible("live"), and_(_FROM, _IS_REWOUND)))
    .group_by(messages.c.external_id)
    .having(func.count() > literal_column("1"))
    .order_by(messages.c.external_id)
    .limit(literal_column("1"))
)
_GET_ONE = Statement(select_records().where(_THE_ONE))
_NEWEST = Statement(select_records().where(visible("live")).order_by(messages.c.id.desc()).limit(1))


def get_one(connection: OpenConnection, session_id: str, message_id: int) -> MessageRecord:
    """A message of a session, in any state. Raises `MessageNotFoundError`."""
    rows = _GET_ONE.run(connection, session=session_id, one=message_id).fetchall()
    if not rows:
        raise MessageNotFoundError(session_id, message_id)
    return records(rows)[0]


def _require_lock(connection: OpenConnection, session_id: str) -> None:
    if lock(connection, session_id) is None:
        raise SessionNotFoundError(session_id)


# --- all live messages ----------------------------------------------------------------------------


def replace_all(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Delete the live messages of a session and store others; return their ids."""
    return _go_on_with(connection, session_id, rows, _DELETE_LIVE)


def compact(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Compact the live messages of a session and store others; return the ids of those."""
    return _go_on_with(connection, session_id, rows, _COMPACT)


def _go_on_with(
    connection: OpenConnection, session_id: str, rows: list[NewRow], put_away: Statement
) -> list[int]:
    _require_lock(connection, session_id)
    put_away.run(connection, session=session_id)
    require_none_left(connection, "messages", _ONE_LIVE, session=session_id)
    recount(connection, session_id)
    return appends.append_many(connection, session_id, rows)


# --- the end of a conversation --------------------------------------------------------------------


def rewind(connection: OpenConnection, session_id: str, message_id: int) -> MessageRecord:
    """Take back a live user message and all live ones behind it; return that message."""
    lock(connection, session_id)
    taken_back = get_one(connection, session_id, message_id)
    if taken_back["role"] != "user" or taken_back["state"] is not None:
        raise InvalidArgumentError(
            "message_id",
            f"{message_id} is not a live message of the user",
            "give the id of one, as get_messages() returns it",
        )
    onwards = {"session": session_id, "first": message_id}
    _REWIND.run(connection, **onwards)
    require_none_left(connection, "messages", _ONE_LIVE_FROM, **onwards)
    recount(connection, session_id)
    return taken_back


def restore(connection: OpenConnection, session_id: str, message_id: int) -> int:
    """Give back what was taken back from a message on; return how many came back."""
    lock(connection, session_id)
    get_one(connection, session_id, message_id)
    _refuse_equal_ids(connection, session_id, message_id)
    restored = _RESTORE.run(connection, session=session_id, first=message_id).rowcount
    require_none_left(
        connection, "messages", _ONE_REWOUND_FROM, session=session_id, first=message_id
    )
    recount(connection, session_id)
    return cast("int", restored)


def _refuse_equal_ids(connection: OpenConnection, session_id: str, message_id: int) -> None:
    """Refuse to make two live messages of one foreign id."""
    twice = _TWICE.run(connection, session=session_id, first=message_id).fetchone()
    if twice is not None:
        raise InvalidArgumentError(
            "message_id",
            f"two messages with the external_id {twice[0]!r} would be live",
            "delete one of them first: get_messages(include='all') has their ids",
        )


# --- single messages ------------------------------------------------------------------------------


def pop(connection: OpenConnection, session_id: str) -> MessageRecord | None:
    """Delete the newest live message of a session; return it, or None when there is none."""
    lock(connection, session_id)
    with connection.backend.undecodable_replaced(connection.core):
        rows = _NEWEST.run(connection, session=session_id).fetchall()
    if not rows:
        return None
    newest = records(rows)[0]
    _DELETE_ONE.run(connection, session=session_id, one=newest["id"])
    require_none_left(connection, "messages", _IS_THERE, session=session_id, one=newest["id"])
    recount(connection, session_id)
    return newest


def delete_messages(connection: OpenConnection, session_id: str, ids: Sequence[int]) -> int:
    """Delete messages of a session, whatever their state; return how many there were."""
    _require_lock(connection, session_id)
    deleted = 0
    for some in pieces(ids):
        where = and_(messages.c.session_id == session_id, messages.c.id.in_(some))
        deleted += connection.core.execute(delete(messages).where(where)).rowcount
        if connection.core.execute(select(messages.c.id).where(where)).first():
            raise some_left("messages")
    recount(connection, session_id)
    return deleted


def replace_one(
    connection: OpenConnection, session_id: str, message_id: int, fields: dict[str, Any]
) -> MessageRecord:
    """Give fields of a message other values; return the message as it is now."""
    lock(connection, session_id)
    stored = get_one(connection, session_id, message_id)
    columns = changed_columns(dict(stored), fields)
    if not columns:
        return stored
    if stored["state"] is None:
        _refuse_known(connection, session_id, message_id, columns.get("external_id"))
    index_waiting = index_waiting_of(connection.backend)
    if index_waiting is not None and waiting.is_long(columns):
        index_waiting(connection)  # else a message that waits could become a long one
    new = {f"new_{name}": value for name, value in columns.items()}
    replace = _replace(tuple(columns))
    if not replace.run(connection, session=session_id, one=message_id, **new).rowcount:
        raise some_left("messages")
    fill_those(connection, [message_id])
    recount(connection, session_id)
    return get_one(connection, session_id, message_id)


def _refuse_known(
    connection: OpenConnection, session_id: str, message_id: int, given: str | None
) -> None:
    known = appends.known(connection, session_id, given)
    if known not in {None, message_id}:
        problem = f"{given!r} is that of the live message {known}"
        raise InvalidArgumentError("external_id", problem, "give another, or delete that message")


@lru_cache(maxsize=64)
def _replace(names: tuple[str, ...]) -> Statement:
    new = {name: bindparam(f"new_{name}", type_=messages.c[name].type) for name in names}
    return Statement(update(messages).where(_OF_SESSION, _THE_ONE).values(new))
