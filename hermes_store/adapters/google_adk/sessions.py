"""The session service: sessions of the kit, their events and their state."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from google.adk.sessions.base_session_service import BaseSessionService, ListSessionsResponse

from hermes_store.adapters.google_adk import reading, stored
from hermes_store.adapters.google_adk.events import message_of
from hermes_store.adapters.google_adk.state import Scoped, named
from hermes_store.adapters.opened import Given, Opened
from hermes_store.shapes.adk_names import conversation_id, user_prefix

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.base_session_service import GetSessionConfig
    from google.adk.sessions.session import Session

__all__ = ["HermesSessionService"]


class HermesSessionService(BaseSessionService):
    """Keeps sessions of the Agent Development Kit: `Runner(session_service=…)`.

    Raises the kit's errors where its callers expect them, else the errors of `hermes_store`.
    """

    def __init__(self, repository: Given = None) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self._repository = Opened(repository)
        self._turns: WeakValueDictionary[Any, asyncio.Lock] = WeakValueDictionary()

    async def create_session(
        self,
        *,
        app_name: str,
        user_id: str,
        state: dict[str, Any] | None = None,
        session_id: str | None = None,
    ) -> Session:
        """Store a session and return it. Raises the kit's `AlreadyExistsError`.

        The id loses blanks around it; without one, the session gets a new id. Values of `app:` and
        `user:` in `state` are stored for all sessions that share them, those of `temp:` nowhere.
        """
        name = _name(session_id or "") or str(uuid.uuid4())
        which = (app_name, user_id, name)
        repository = await self._repository.awaited()
        kept = await repository.run(partial(stored.create, which=which, given=Scoped.of(state)))
        return await repository.read(partial(reading.shown, which=which, kept=kept))

    async def get_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        config: GetSessionConfig | None = None,
    ) -> Session | None:
        """Return a session with its events in the order of their times, or None.

        `config.num_recent_events` gives the last ones, `config.after_timestamp`, in epoch seconds,
        those of that time and later.
        """
        which = (app_name, user_id, _name(session_id))
        repository = await self._repository.awaited()
        return await repository.read(partial(reading.found, which=which, config=config))

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """Return the sessions of an app or of a user without events, the oldest update first."""
        repository = await self._repository.awaited()
        listed = partial(reading.listed, app_name=app_name, user_id=user_id)
        return ListSessionsResponse(sessions=await repository.read(listed))

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Delete a session with its events. One that is not there is no error."""
        repository = await self._repository.awaited()
        await repository.delete_session(conversation_id(app_name, user_id, _name(session_id)))

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Return what the sessions of a user share, without the prefix `user:`."""
        repository = await self._repository.awaited()
        return named(await repository.meta.items(user_prefix(app_name, user_id)))

    async def append_event(self, session: Session, event: Event) -> Event:
        """Store an event and apply it to `session`; return it. A partial event is not stored.

        An event that is stored already is not stored again. Raises the kit's `StaleSessionError`
        when the stored session changed since `session` was read, and its `SessionNotFoundError`.
        """
        if event.partial:
            return event
        which = (session.app_name, session.user_id, session.id)
        async with self._turn(conversation_id(*which)):  # tasks share the object `session`
            self._apply_temp_state(session, event)
            event = self._trim_temp_delta_state(event)
            appending = stored.Appending(which, session, event, message_of(event))
            repository = await self._repository.awaited()
            kept = await repository.run(appending.store)
            if kept is None:
                return event
            reading.mark(session, kept)
            return self._commit_event_to_session(session, event)

    async def close(self) -> None:
        """Close what was opened for a path or a URL."""
        await self._repository.close()

    def _turn(self, stored_id: str) -> asyncio.Lock:
        """The lock that lets appends to a session take turns in this loop."""
        key = (asyncio.get_running_loop(), stored_id)
        return self._turns.get(key) or self._turns.setdefault(key, asyncio.Lock())


def _name(session_id: str) -> str:
    """An id without blanks around it; what is no text is refused where ids are made."""
    return session_id.strip() if isinstance(session_id, str) else session_id
