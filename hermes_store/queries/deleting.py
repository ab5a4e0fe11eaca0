"""Deleting: a conversation with its delegates, or those that ended long ago.

What was branched off, or began after a reset, stays, without a parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import cast

from sqlalchemy import bindparam, delete, literal_column, null, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.errors import SessionNotFoundError
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import messages, sessions
from hermes_store.queries.listing import Shape, select_page, translated
from hermes_store.queries.locking import locked_chains, locked_conversation
from hermes_store.queries.paging import Page
from hermes_store.queries.there import require_none_left

__all__ = ["clear_away", "delete_first", "delete_session", "prune_batch"]

_MOST_SESSIONS = 500
_MOST_MESSAGES = 1_000
"""Messages of one transaction (about 0.1 s), so that other processes write in between."""

_CHILDREN_OF = sessions.c.parent_session_id == bindparam("session")
_SET_FREE = Statement(
    update(sessions).where(_CHILDREN_OF).values(parent_session_id=null(), link=null())
)
_DELETE_MESSAGES = Statement(delete(messages).where(messages.c.session_id == bindparam("session")))
_DELETE = Statement(delete(sessions).where(sessions.c.id == bindparam("session")))
_SOME_LEFT = Statement(
    select(literal_column("1")).where(is_given(sessions.c.id, "ids")).limit(literal_column("1"))
)


def delete_session(connection: OpenConnection, session_id: str) -> bool:
    """Delete a session's conversation and its delegates; return False when it does not exist."""
    return delete_first(connection, [session_id])[1] == 1


def delete_first(connection: OpenConnection, ids: Sequence[str]) -> tuple[int, int]:
    """Delete the conversations of the first of some sessions, until many messages went.

    A conversation is deleted whole or not at all. Return how many ids that was, and how many
    conversations.
    """
    used = conversations = deleted = 0
    for session_id in ids[:_MOST_SESSIONS]:
        used += 1
        try:
            deleted += _delete_whole(connection, session_id)
        except SessionNotFoundError:
            continue
        conversations += 1
        if deleted >= _MOST_MESSAGES:
            break
    return used, conversations


def _delete_whole(connection: OpenConnection, session_id: str) -> int:
    """Delete a conversation and its delegates; return how many messages they had."""
    ids = locked_conversation(connection, session_id)
    deleted = sum(clear_away(connection, each) for each in ids)
    for each in ids:
        _DELETE.run(connection, session=each)
    require_none_left(connection, "sessions", _SOME_LEFT, ids=as_parameter(ids))
    return deleted


def clear_away(connection: OpenConnection, session_id: str) -> int:
    """Delete what refers to a session: its messages, and its children's parent and link.

    Returns how many messages there were.
    """
    _SET_FREE.run(connection, session=session_id)
    return cast("int", _DELETE_MESSAGES.run(connection, session=session_id).rowcount)


def prune_batch(connection: OpenConnection, which: SessionFilter) -> int:
    """Delete the first conversations of `which` that one short transaction can.

    Returns how many; 0 means that none is left.
    """
    page = Page(_MOST_SESSIONS)
    shape, parameters = translated(connection, which, page, conversations=True, ended=True)
    roots = [row[0] for row in _ids(shape).run(connection, **parameters).fetchall()]
    locked_chains(connection, roots)
    # On a server another writer may have reopened or continued one before it was locked.
    still = _still(shape).run(connection, **parameters, ids=as_parameter(roots)).fetchall()
    return delete_first(connection, [row[0] for row in still])[1]


@lru_cache(maxsize=32)
def _ids(shape: Shape) -> Statement:
    return Statement(select_page(select(sessions.c.id), shape))


@lru_cache(maxsize=32)
def _still(shape: Shape) -> Statement:
    return Statement(
        select_page(select(sessions.c.id).where(is_given(sessions.c.id, "ids")), shape)
    )
