"""Counters of a session from its messages, for writes that do not count as they append."""

from __future__ import annotations

from typing import NamedTuple, cast

from sqlalchemy import and_, bindparam, func, select, update

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages, sessions
from hermes_store.models.visibility import visible
from hermes_store.queries import session_changes
from hermes_store.queries.rows import number_of_calls
from hermes_store.queries.sessions import exists

__all__ = ["Counters", "all_ids", "count_in", "lock", "recount"]


class Counters(NamedTuple):
    """What a session keeps of its messages, under the names of its columns."""

    message_count: int
    tool_call_count: int
    last_active: float


_OF_SESSION = and_(messages.c.session_id == bindparam("session"), visible("live"))
_ID = sessions.c.id == bindparam("session")

# On PostgreSQL an append of another connection waits for this lock, or is counted after it.
_LOCK = Statement(select(sessions.c.started_at).where(_ID).with_for_update(key_share=True))
_COUNT = Statement(select(func.count(), func.max(messages.c.timestamp)).where(_OF_SESSION))
_CALLS = Statement(
    select(messages.c.tool_calls).where(_OF_SESSION, messages.c.tool_calls.is_not(None))
)
_SET = Statement(
    update(sessions)
    .where(_ID)
    .values(
        message_count=bindparam("number"),
        tool_call_count=bindparam("calls"),
        last_active=bindparam("at"),
    )
)
_KEPT = Statement(select(*(sessions.c[name] for name in Counters._fields)).where(_ID))
_ALL = Statement(select(sessions.c.id).where(sessions.c.id.is_not(None)))


def all_ids(connection: OpenConnection) -> list[str]:
    """The id of every session."""
    return [row[0] for row in _ALL.run(connection).fetchall()]


def lock(connection: OpenConnection, session_id: str) -> float | None:
    """Let every other writer to a session wait; return its start, None when there is none."""
    found = _LOCK.run(connection, session=session_id).fetchone()
    return None if found is None else cast("float", found[0])


def recount(connection: OpenConnection, session_id: str) -> Counters | None:
    """Count the messages of a session anew and store what it keeps of them; None when unknown.

    `last_active` is the time of the newest message, but not before the start: as appends leave it.
    """
    started = lock(connection, session_id)
    if started is None:
        return None
    number, newest = _COUNT.run(connection, session=session_id).fetchone()
    rows = _CALLS.run(connection, session=session_id).fetchall()
    calls = sum(number_of_calls(values.decode_json(row[0])) for row in rows)
    at = started if newest is None else max(started, newest)
    _SET.run(connection, session=session_id, number=number, calls=calls, at=at)
    return Counters(number, calls, at)


def count_in(connection: OpenConnection, session_id: str, added: Counters) -> Counters | None:
    """Add new messages to what a session keeps, as an append does; None when it is unknown."""
    if not exists(connection, session_id):
        return None
    session_changes.count_in(connection, session_id, *added)
    return Counters(*_KEPT.run(connection, session=session_id).fetchone())
