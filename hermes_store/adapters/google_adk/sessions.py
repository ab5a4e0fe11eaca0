"""The session service: sessions of the kit, their events and their state."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from google.adk.sessions.base_session_service import BaseSessionService, ListSessionsResponse
from google.adk.sessions.session import Session

from hermes_store.adapters.google_adk import stored
from hermes_store.adapters.google_adk.events import event_of, message_of
from hermes_store.adapters.google_adk.state import Scoped, merged, named
from hermes_store.adapters.opened import Given, Opened
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys
from hermes_store.shapes.adk_names import (
    app_prefix,
    conversation_id,
    conversations,
    user_prefix,
)

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.base_session_service import GetSessionConfig

    from hermes_store.asynchronous.repository import AsyncSessionRepository
    from hermes_store.records import SessionRecord

__all__ = ["HermesSessionService"]

_PARTS = 3
"""An app, a user and a session have an id together."""


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
        return await _shown(repository, which, kept, [])

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
        found = await _read(repository, conversation_id(*which), config)
        if found is None:
            return None
        session, events = found
        return await _shown(repository, which, stored.kept_of(session), events)

    async def list_sessions(
        self, *, app_name: str, user_id: str | None = None
    ) -> ListSessionsResponse:
        """Return the sessions of an app or of a user without events, the oldest update first."""
        repository = await self._repository.awaited()
        which = SessionFilter(id_prefix=conversations(app_name, user_id), archived=None)
        found = await repository.search_sessions(limit=None, filter=which)
        app = named(await repository.meta.items(app_prefix(app_name)))
        users: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, value in await repository.meta.items(user_prefix(app_name, user_id)):
            *_, user, name = keys.parted(key)
            users[user][name] = value
        listed = [each for each in map(_listed, found) if each is not None]
        sessions = [_session(*each, app, users) for each in listed]
        sessions.sort(key=lambda each: (each.last_update_time, each.user_id, each.id))
        return ListSessionsResponse(sessions=sessions)

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
            _mark(session, kept)
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


# --- reading --------------------------------------------------------------------------------------


async def _read(
    repository: AsyncSessionRepository, stored_id: str, config: GetSessionConfig | None
) -> tuple[SessionRecord, list[Event]] | None:
    """A session and its events, as they were at one time."""
    session = await repository.get_session(stored_id)
    while session is not None:
        kept = stored.kept_of(session)
        events = await _events(repository, session, config)
        now = await repository.get_session(stored_id)
        if now is not None and kept["born"] and stored.kept_of(now) != kept:
            # Others append meanwhile, maybe for ever. What was there before does not change.
            events = await _events(repository, session, config, before_id=kept["last"] + 1)
            now = await repository.get_session(stored_id)
        if now is not None and stored.kept_of(now)["born"] == kept["born"]:
            return session, events
        session = now
    return None


async def _events(
    repository: AsyncSessionRepository,
    session: SessionRecord,
    config: GetSessionConfig | None,
    before_id: int | None = None,
) -> list[Event]:
    most = None if config is None else config.num_recent_events
    after = None if config is None else config.after_timestamp
    if most == 0:
        return []
    # The last ones by id are the last ones by time as long as each event came in its turn.
    page = most if stored.kept_of(session)["in_order"] else None
    records = await repository.get_messages(
        session["id"], limit=page, newest=page is not None, before_id=before_id
    )
    events = sorted(map(event_of, records), key=lambda event: event.timestamp)
    recent = events if most is None else events[-most:]
    return [event for event in recent if after is None or event.timestamp >= after]


async def _shown(
    repository: AsyncSessionRepository,
    which: tuple[str, str, str],
    kept: stored.Kept,
    events: list[Event],
) -> Session:
    app_name, user_id, _ = which
    app = named(await repository.meta.items(app_prefix(app_name)))
    user = named(await repository.meta.items(user_prefix(app_name, user_id)))
    session = _session(which, kept, app, {user_id: user})
    session.events = events
    return session


def _listed(session: SessionRecord) -> tuple[tuple[str, ...], stored.Kept] | None:
    """The parts of an id and what is kept; None for one that another program named alike."""
    _, *which = keys.parted(session["id"])
    return (tuple(which), stored.kept_of(session)) if len(which) == _PARTS else None


def _session(
    which: tuple[str, ...],
    kept: stored.Kept,
    app: dict[str, Any],
    users: dict[str, dict[str, Any]],
) -> Session:
    app_name, user_id, session_id = which
    state = merged(kept["state"], app, users.get(user_id, {}))
    session = Session(app_name=app_name, user_id=user_id, id=session_id, state=state)
    _mark(session, kept)
    return session


def _mark(session: Session, kept: stored.Kept) -> None:
    """Note in a session which state of the store it shows."""
    session.last_update_time = kept["updated"]
    session._storage_update_marker = stored.marker(kept)  # noqa: SLF001 - where the kit's services keep theirs
