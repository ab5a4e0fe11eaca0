"""What is asked in one transaction: is it there, and may nobody else make or delete it meanwhile.

On a server two writers can both find that something is not there, and both store it. So who stores
a message first locks the row of its agent, and who makes or deletes a session, an agent or a
multi-agent takes turns with all such writers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionType

from hermes_store.adapters.strands import rows
from hermes_store.errors import SessionNotFoundError
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys

if TYPE_CHECKING:
    from hermes_store.records import SessionRecord
    from hermes_store.repository import SessionRepository, Transaction

__all__ = [
    "SOURCE",
    "agent_key",
    "agents_of",
    "locked_agent",
    "missing",
    "require_session",
    "session_key",
    "session_of",
    "shared_prefix",
    "take_turns",
]

SOURCE = "strands-agents"
_PREFIX = "strands"
_TURNS = "strands-agents/turns"
"""The key in `meta` whose row is locked by who makes or deletes what is no message."""


def session_key(session_id: str) -> str:
    """The key of a session in `meta`."""
    return keys.joined(_PREFIX, session_id)


def agent_key(session_id: str, part: str) -> str:
    """The id of an agent's session, and the key of a multi-agent in `meta`."""
    return keys.joined(_PREFIX, session_id, part)


def shared_prefix(session_id: str) -> str:
    """How the keys of all that a session has begin."""
    return keys.prefix(_PREFIX, session_id)


def agents_of(session_id: str) -> SessionFilter:
    """The agents of a session, archived ones too."""
    return SessionFilter(id_prefix=shared_prefix(session_id), archived=None)


def missing(what: str) -> SessionException:
    """The error for what is not there."""
    return SessionException(f"there is no {what}; create it first")


def session_of(door: SessionRepository | Transaction, session_id: str) -> Session | None:
    """A session, also without what `meta` has of it: imports have only the agents."""
    if (kept := door.meta.get(session_key(session_id))) is not None:
        likely = {"session_type": SessionType.AGENT}
        return Session.from_dict({**likely, **rows.unpacked(kept), "session_id": session_id})
    there = door.search_sessions(limit=1, filter=agents_of(session_id))
    return Session(session_id, SessionType.AGENT) if there else None


def take_turns(transaction: Transaction) -> None:
    """Wait for whoever makes or deletes something; others wait until the transaction ends."""
    transaction.meta.set(_TURNS, 1)


def require_session(transaction: Transaction, session_id: str) -> None:
    """Raise `SessionException` when there is no such session."""
    if session_of(transaction, session_id) is None:
        raise missing(f"session {session_id!r}")


def locked_agent(transaction: Transaction, session_id: str, agent_id: str) -> SessionRecord:
    """The session of an agent, its row locked. Raises `SessionException` when there is none."""
    agent = agent_key(session_id, agent_id)
    try:
        transaction.update_session(agent, source=SOURCE)
    except SessionNotFoundError:
        raise missing(f"agent {agent_id!r} in session {session_id!r}") from None
    session = transaction.get_session(agent)
    assert session is not None
    return session
