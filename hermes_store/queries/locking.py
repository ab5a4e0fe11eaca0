"""Conversations that no other writer of a server changes until the transaction ends.

SQLite has a single writer: what is found in a transaction that writes stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import sessions
from hermes_store.queries.chains import Chain
from hermes_store.queries.lineage import chains_of, whole_conversation

__all__ = ["locked_chain", "locked_chains", "locked_conversation"]

T = TypeVar("T")

# In the order of the ids, so that two callers never wait for each other.
_LOCK = Statement(
    select(sessions.c.id)
    .where(is_given(sessions.c.id, "ids"))
    .order_by(sessions.c.id)
    .with_for_update()
)


def locked_chains(connection: OpenConnection, ids: Sequence[str]) -> dict[str, Chain]:
    """As `chains_of`; no other writer changes or continues them."""
    return _locked(connection, partial(chains_of, connection, ids), _parts)


def locked_chain(connection: OpenConnection, session_id: str) -> Chain:
    """As `chain_of`, locked. Raises `SessionNotFoundError`."""
    try:
        return locked_chains(connection, [session_id])[session_id]
    except KeyError:
        raise SessionNotFoundError(session_id) from None


def locked_conversation(connection: OpenConnection, session_id: str) -> list[str]:
    """As `whole_conversation`; no other writer adds to it, not even a message."""
    return _locked(connection, partial(whole_conversation, connection, session_id), list)


def _locked(
    connection: OpenConnection, find: Callable[[], T], ids_of: Callable[[T], Collection[str]]
) -> T:
    """What `find` finds when all its sessions are locked: more may come until they are."""
    found, locked = find(), set[str]()
    while connection.backend.locks_rows and not locked.issuperset(ids := ids_of(found)):
        _LOCK.run(connection, ids=as_parameter([*ids])).fetchall()
        locked.update(ids)
        found = find()
    return found


def _parts(chains: dict[str, Chain]) -> set[str]:
    return {each for chain in chains.values() for each in chain.ids}
