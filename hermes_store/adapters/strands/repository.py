"""Sessions, agents and messages: the protocol is that of Strands' own `SessionRepository`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from strands.session.session_repository import SessionRepository as Protocol
from strands.types.exceptions import SessionException
from strands.types.session import Session, SessionAgent, SessionMessage

from hermes_store import values
from hermes_store.adapters.opened import Given, Opened
from hermes_store.adapters.strands import rows, stored
from hermes_store.shapes.kept import checked, extra_of, kept_of, place_of

if TYPE_CHECKING:
    from strands.multiagent.base import MultiAgentBase

    from hermes_store.records import MessageRecord
    from hermes_store.repository import Transaction

__all__ = ["HermesSessionRepository"]

R = TypeVar("R")


class HermesSessionRepository(Protocol):
    """Keeps sessions of Strands: `RepositorySessionManager(session_id, session_repository=…)`.

    Raises `SessionException` for what is missing or there already, else the errors of
    `hermes_store`. Strands calls these methods in the thread of its event loop: they block it.
    """

    def __init__(self, repository: Given = None) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self._repository = Opened(repository)

    def close(self) -> None:
        """Close what was opened for a path or a URL."""
        self._repository.shut()

    # --- sessions -------------------------------------------------------------------------------

    def create_session(self, session: Session, **kwargs: Any) -> Session:
        """Store a session. Raises `SessionException` when it exists."""
        key = stored.session_key(session.session_id)

        def create(transaction: Transaction) -> None:
            stored.take_turns(transaction)
            if stored.session_of(transaction, session.session_id) is not None:
                raise SessionException(f"session {session.session_id!r} exists; read it instead")
            transaction.meta.set(key, rows.packed("session", rows.dict_of("session", session)))

        self._in_transaction(create)
        return session

    def read_session(self, session_id: str, **kwargs: Any) -> Session | None:
        """Return a session; None when there is none."""
        return stored.session_of(self._repository.synchronous(), session_id)

    def delete_session(self, session_id: str) -> None:
        """Delete a session, the conversations of its agents and what they share.

        Raises `SessionException` when there is none.
        """

        def delete(transaction: Transaction) -> bool:
            stored.take_turns(transaction)
            which = stored.agents_of(session_id)
            agents = transaction.search_sessions(limit=None, filter=which)
            deleted = [transaction.delete_session(each["id"]) for each in agents]
            shared = transaction.meta.items(stored.shared_prefix(session_id))
            names = [stored.session_key(session_id), *(name for name, _ in shared)]
            return any([*deleted, *map(transaction.meta.delete, names)])

        if not self._in_transaction(delete):
            raise stored.missing(f"session {session_id!r}")

    # --- agents ---------------------------------------------------------------------------------

    def create_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """Store an agent. Raises `SessionException` when it exists, or its session does not."""
        agent = stored.agent_key(session_id, session_agent.agent_id)

        def create(transaction: Transaction) -> None:
            stored.take_turns(transaction)
            stored.require_session(transaction, session_id)
            if transaction.get_session(agent) is not None:
                raise SessionException(f"agent {session_agent.agent_id!r} exists; update it")
            extra = rows.packed("agent", rows.dict_of("agent", session_agent))
            transaction.create_session(agent, stored.SOURCE, extra={rows.MINE: extra})

        self._in_transaction(create)

    def read_agent(self, session_id: str, agent_id: str, **kwargs: Any) -> SessionAgent | None:
        """Return an agent; None when there is none."""
        session = self._repository.synchronous().get_session(stored.agent_key(session_id, agent_id))
        kept = None if session is None else kept_of(session, rows.MINE)
        if session is None or kept is None:
            return None
        return checked(place_of(session), lambda: SessionAgent.from_dict(rows.unpacked(kept)))

    def update_agent(self, session_id: str, session_agent: SessionAgent, **kwargs: Any) -> None:
        """Replace the state of an agent; `created_at` stays. Raises `SessionException`."""
        agent_id, given = session_agent.agent_id, rows.dict_of("agent", session_agent)

        def update(transaction: Transaction) -> None:
            session = stored.locked_agent(transaction, session_id, agent_id)
            before = rows.unpacked(kept_of(session, rows.MINE))
            data = {**given, **rows.created(before)}
            new = {**extra_of(session), rows.MINE: rows.packed("agent", data)}
            transaction.update_session(session["id"], extra=new)

        self._in_transaction(update)

    # --- messages -------------------------------------------------------------------------------

    def create_message(
        self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any
    ) -> None:
        """Store a message. Raises `SessionException` for a `message_id` that is there already."""
        agent, number = stored.agent_key(session_id, agent_id), session_message.message_id
        row = rows.row_of(rows.dict_of("session_message", session_message))

        def create(transaction: Transaction) -> None:
            stored.locked_agent(transaction, session_id, agent_id)
            newest = transaction.get_messages(agent, limit=1, newest=True, include="all")
            [stored_id] = transaction.append_messages(agent, [row])
            if newest and stored_id <= newest[0]["id"]:
                raise SessionException(f"message {number} of agent {agent_id!r} exists; update it")

        self._in_transaction(create)

    def read_message(
        self, session_id: str, agent_id: str, message_id: int, **kwargs: Any
    ) -> SessionMessage | None:
        """Return a message; None when there is none. Raises `InvalidArgumentError`."""
        repository = self._repository.synchronous()
        record = rows.found(repository, stored.agent_key(session_id, agent_id), message_id)
        if record is None:
            return None
        return _message(record, rows.data_of(record, message_id))

    def update_message(
        self, session_id: str, agent_id: str, session_message: SessionMessage, **kwargs: Any
    ) -> None:
        """Replace a message; `created_at` stays. Raises `SessionException` when there is none.

        Of a redacted message only the redacted text is found by a search, shown and exported as
        its content. What Strands keeps of the original stands in `extra`.
        """
        agent, number = stored.agent_key(session_id, agent_id), session_message.message_id
        given = rows.dict_of("session_message", session_message)

        def update(transaction: Transaction) -> None:
            stored.locked_agent(transaction, session_id, agent_id)
            record = rows.found(transaction, agent, number)
            if record is None:
                raise stored.missing(f"message {number} of agent {agent_id!r}")
            before = rows.created(rows.data_of(record, number))
            row = rows.row_of({**given, **before})
            transaction.replace_message(agent, record["id"], **rows.all_fields(row))

        self._in_transaction(update)

    def list_messages(
        self,
        session_id: str,
        agent_id: str,
        limit: int | None = None,
        offset: int = 0,
        **kwargs: Any,
    ) -> list[SessionMessage]:
        """Return the messages of an agent by ascending `message_id`, or a page of them."""
        page = values.page(limit, offset)
        records = self._repository.synchronous().get_messages(
            stored.agent_key(session_id, agent_id)
        )
        after = rows.numbered(records)[page["offset"] :]
        return [_message(*each) for each in after[: page["limit"]]]

    # --- several agents that work together ------------------------------------------------------

    def create_multi_agent(
        self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any
    ) -> None:
        """Store the state of a multi-agent, in place of an earlier one."""
        state = rows.packed("multi_agent", multi_agent.serialize_state())

        def create(transaction: Transaction) -> None:
            stored.take_turns(transaction)
            stored.require_session(transaction, session_id)
            transaction.meta.set(stored.agent_key(session_id, multi_agent.id), state)

        self._in_transaction(create)

    def read_multi_agent(
        self, session_id: str, multi_agent_id: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return the state of a multi-agent; None when there is none."""
        key = stored.agent_key(session_id, multi_agent_id)
        kept = self._repository.synchronous().meta.get(key)
        return None if kept is None else rows.state_of(key, kept)

    def update_multi_agent(
        self, session_id: str, multi_agent: MultiAgentBase, **kwargs: Any
    ) -> None:
        """Replace the state of a multi-agent. Raises `SessionException` when there is none."""
        state = rows.packed("multi_agent", multi_agent.serialize_state())
        key = stored.agent_key(session_id, multi_agent.id)

        def update(transaction: Transaction) -> None:
            stored.take_turns(transaction)
            if transaction.meta.get(key) is None:
                raise stored.missing(f"multi-agent {multi_agent.id!r} of session {session_id!r}")
            transaction.meta.set(key, state)

        self._in_transaction(update)

    def _in_transaction(self, function: Callable[[Transaction], R]) -> R:
        with self._repository.synchronous().transaction() as transaction:
            return function(transaction)


def _message(record: MessageRecord, data: dict[str, Any]) -> SessionMessage:
    return checked(place_of(record), lambda: SessionMessage.from_dict(data))
