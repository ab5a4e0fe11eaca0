"""Changes of a conversation that is there: replaced, compacted, taken back, given back, deleted.

Each is called in one transaction, and leaves the counters of the session right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError, MessageNotFoundError, SessionNotFoundError
from hermes_store.models.stored import messages
from hermes_store.models.visibility import COMPACTED, REWOUND, visible
from hermes_store.queries import appends
from hermes_store.queries.messages import records, select_records
from hermes_store.queries.recount import recount
from hermes_store.queries.rows import NewRow, changed_columns
from hermes_store.records import MessageRecord

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

_IDS_AT_ONCE = 900  # builds of SQLite allow 999 parameters

_OF_SESSION = messages.c.session_id == bindparam("session")
_LIVE = (_OF_SESSION, visible("live"))
_FROM = messages.c.id >= bindparam("first")
_THE_ONE = messages.c.id == bindparam("one")

_DELETE_LIVE = Statement(delete(messages).where(*_LIVE))
_DELETE_ONE = Statement(delete(messages).where(_OF_SESSION, _THE_ONE))
_COMPACT = Statement(update(messages).where(*_LIVE).values(state=literal_column(f"'{COMPACTED}'")))
_REWIND = Statement(
    update(messages).where(*_LIVE, _FROM).values(state=literal_column(f"'{REWOUND}'"))
)
_RESTORE = Statement(
    update(messages)
    .where(_OF_SESSION, _FROM, messages.c.state == literal_column(f"'{REWOUND}'"))
    .values(state=literal_column("NULL"))
)
_others = messages.alias("live")
_TAKEN = Statement(
    select(func.min(_others.c.external_id))
    .select_from(messages)
    .join(
        _others,
        and_(
            _others.c.session_id == messages.c.session_id,
            _others.c.external_id == messages.c.external_id,
            visible("live", _others),
        ),
    )
    .where(_OF_SESSION, _FROM, messages.c.state == literal_column(f"'{REWOUND}'"))
)
_GET_ONE = Statement(select_records().where(_THE_ONE))
_NEWEST = Statement(select_records().where(visible("live")).order_by(messages.c.id.desc()).limit(1))


def get_one(connection: OpenConnection, session_id: str, message_id: int) -> MessageRecord:
    """A message of a session, in any state. Raises `MessageNotFoundError`."""
    rows = _GET_ONE.run(connection, session=session_id, one=message_id).fetchall()
    if not rows:
        raise MessageNotFoundError(session_id, message_id)
    return records(rows)[0]


def replace_all(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Delete the live messages of a session and store others; return their ids."""
    _DELETE_LIVE.run(connection, session=session_id)
    return _stored(connection, session_id, rows)


def compact(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Compact the live messages of a session and store others; return the ids of those."""
    _COMPACT.run(connection, session=session_id)
    return _stored(connection, session_id, rows)


def _stored(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    _count(connection, session_id)
    return appends.append_many(connection, session_id, rows)


def _count(connection: OpenConnection, session_id: str) -> None:
    if recount(connection, session_id) is None:
        raise SessionNotFoundError(session_id)


def rewind(connection: OpenConnection, session_id: str, message_id: int) -> MessageRecord:
    """Take back a live user message and all live ones behind it; return that message."""
    taken_back = get_one(connection, session_id, message_id)
    if taken_back["role"] != "user" or taken_back["state"] is not None:
        raise InvalidArgumentError(
            "message_id",
            f"{message_id} is not a live message of the user",
            "give the id of one, as get_messages() returns it",
        )
    _REWIND.run(connection, session=session_id, first=message_id)
    _count(connection, session_id)
    return taken_back


def restore(connection: OpenConnection, session_id: str, message_id: int) -> int:
    """Give back what was taken back from a message on; return how many came back."""
    get_one(connection, session_id, message_id)
    _refuse_taken_ids(connection, session_id, message_id)
    restored = _RESTORE.run(connection, session=session_id, first=message_id).rowcount
    _count(connection, session_id)
    return cast("int", restored)


def _refuse_taken_ids(connection: OpenConnection, session_id: str, message_id: int) -> None:
    """Refuse to make two live messages of one foreign id."""
    taken = _TAKEN.run(connection, session=session_id, first=message_id).fetchone()[0]
    if taken is not None:
        raise InvalidArgumentError(
            "message_id",
            f"a live message has the external_id {taken!r} of one that would come back",
            "delete that message first",
        )


def pop(connection: OpenConnection, session_id: str) -> MessageRecord | None:
    """Delete the newest live message of a session; return it, or None when there is none."""
    rows = _NEWEST.run(connection, session=session_id).fetchall()
    if not rows:
        return None
    newest = records(rows)[0]
    _DELETE_ONE.run(connection, session=session_id, one=newest["id"])
    _count(connection, session_id)
    return newest


def delete_messages(connection: OpenConnection, session_id: str, ids: Sequence[int]) -> int:
    """Delete messages of a session, whatever their state; return how many there were."""
    deleted = 0
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = messages.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        where = (messages.c.session_id == session_id, some)
        deleted += connection.core.execute(delete(messages).where(*where)).rowcount
    _count(connection, session_id)
    return deleted


def replace_one(
    connection: OpenConnection, session_id: str, message_id: int, fields: dict[str, Any]
) -> MessageRecord:
    """Give fields of a message other values; return the message as it is now."""
    columns = changed_columns(dict(get_one(connection, session_id, message_id)), fields)
    _replace(tuple(columns)).run(
        connection,
        session=session_id,
        one=message_id,
        **{f"new_{name}": value for name, value in columns.items()},
    )
    _count(connection, session_id)
    return get_one(connection, session_id, message_id)


@lru_cache(maxsize=64)
def _replace(names: tuple[str, ...]) -> Statement:
    new = {name: bindparam(f"new_{name}", type_=messages.c[name].type) for name in names}
    return Statement(update(messages).where(_OF_SESSION, _THE_ONE).values(new))
