"""Deleting: one session, or those that ended long ago. Children stay, without their parent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import ScalarSelect, bindparam, delete, func, null, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import messages, sessions
from hermes_store.queries.listing import Shape, select_page, translated
from hermes_store.queries.paging import Page
from hermes_store.queries.sessions import exists

__all__ = ["clear_away", "delete_first", "delete_session", "prune_batch"]

_MOST_SESSIONS = 500
_MOST_MESSAGES = 1_000
"""Messages of one transaction (about 0.1 s), so that other processes write in between."""

_CHILDREN_OF = sessions.c.parent_session_id == bindparam("session")
_ORPHAN = Statement(update(sessions).where(_CHILDREN_OF).values(parent_session_id=null()))
_DELETE_MESSAGES = Statement(delete(messages).where(messages.c.session_id == bindparam("session")))
_DELETE = Statement(delete(sessions).where(sessions.c.id == bindparam("session")))


def delete_session(connection: OpenConnection, session_id: str) -> bool:
    """Delete a session and its messages; return False when it does not exist."""
    if not exists(connection, session_id):
        return False
    clear_away(connection, session_id)
    _DELETE.run(connection, session=session_id)
    return True


def clear_away(connection: OpenConnection, session_id: str) -> None:
    """Delete what refers to a session: its messages, and its children's parent."""
    _ORPHAN.run(connection, session=session_id)
    _DELETE_MESSAGES.run(connection, session=session_id)


def delete_first(connection: OpenConnection, ids: Sequence[str]) -> tuple[int, int]:
    """Delete the first of some sessions that one short transaction can.

    Return how many ids that was, and how many of those sessions there were.
    """
    some = ids[:_MOST_SESSIONS]
    stored = select(sessions.c.id, sessions.c.message_count).where(sessions.c.id.in_(some))
    sizes: dict[str, int | None] = dict(map(tuple, connection.core.execute(stored).all()))
    due = _few([(each, sizes.get(each) or 0) for each in some])
    return len(due), sum(delete_session(connection, each) for each in due)


def prune_batch(connection: OpenConnection, which: SessionFilter) -> int:
    """Delete the first sessions of `which` that one short transaction can; return how many.

    A session is deleted with all its messages or not at all; 0 means that none is left.
    """
    return sum(delete_session(connection, session_id) for session_id in _due(connection, which))


def _due(connection: OpenConnection, which: SessionFilter) -> list[str]:
    """Ids of sessions with few messages altogether, or of one with many."""
    shape, parameters = translated(connection, which, Page(_MOST_SESSIONS))
    rows = _sizes(shape).run(connection, **parameters).fetchall()
    return _few([(session_id, number) for session_id, number in rows])


@lru_cache(maxsize=32)
def _sizes(shape: Shape) -> Statement:
    return Statement(select_page(select(sessions.c.id, _number_of_messages()), shape))


def _few(sizes: Sequence[tuple[str, int]]) -> list[str]:
    """The first ids, as long as their messages are few; at least one."""
    due: list[str] = []
    total = 0
    for session_id, message_count in sizes:
        total += message_count
        if due and total > _MOST_MESSAGES:
            break
        due.append(session_id)
    return due


def _number_of_messages() -> ScalarSelect[int]:
    """In any state, as far as it matters; `message_count` counts live ones only."""
    some = select(messages.c.id).where(messages.c.session_id == sessions.c.id)
    enough = some.correlate(sessions).limit(_MOST_MESSAGES + 1).subquery()
    return select(func.count()).select_from(enough).scalar_subquery()
