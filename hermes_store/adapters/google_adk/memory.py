"""The memory service: what a user of an app said and was told, found by search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from google.adk.memory.base_memory_service import BaseMemoryService, SearchMemoryResponse
from google.adk.memory.memory_entry import MemoryEntry

from hermes_store.adapters.google_adk.events import id_of, likely_event_of, message_of
from hermes_store.adapters.opened import Given, Opened
from hermes_store.filters import SessionFilter
from hermes_store.shapes.adk_names import conversation_id, memory_id, user_key

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

    from hermes_store.records import NewMessage, SearchHit
    from hermes_store.repository import SessionRepository, Transaction

__all__ = ["HermesMemoryService"]

_SOURCE = "google-adk-memory"
_NO_SESSION = "no-session"
_MOST_FOUND = 10
_MOST_WORDS = 32
"""Words of a query that are looked for one by one."""


class HermesMemoryService(BaseMemoryService):
    """Searches the sessions of a user: `Runner(memory_service=…)`.

    What `HermesSessionService` stored on the same repository is found without being added. Raises
    the errors of `hermes_store`.
    """

    def __init__(self, repository: Given = None) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self._repository = Opened(repository)

    async def add_session_to_memory(self, session: Session) -> None:
        """Store the events of a session that are not in the store yet."""
        await self.add_events_to_memory(
            app_name=session.app_name,
            user_id=session.user_id,
            events=session.events,
            session_id=session.id,
        )

    async def add_events_to_memory(
        self,
        *,
        app_name: str,
        user_id: str,
        events: Sequence[Event],
        session_id: str | None = None,
        custom_metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Store the events that say something and are not in the store yet.

        They are kept apart from the conversation of the session. `custom_metadata` is not used.
        """
        which = (app_name, user_id, session_id or _NO_SESSION)
        said = [event for event in events if event.content and event.content.parts]
        given = [(event.id, message_of(event)) for event in said]
        if given:
            repository = await self._repository.awaited()
            await repository.run(partial(_add, which=which, given=given))

    async def search_memory(
        self, *, app_name: str, user_id: str, query: str
    ) -> SearchMemoryResponse:
        """Return at most ten events of a user of an app, the best first.

        Events that hold all of `query` come before those that hold one of its words. `query` is as
        for `search_messages`, whose errors are raised.
        """
        repository = await self._repository.awaited()
        which = SessionFilter(key=user_key(app_name, user_id), archived=None)
        found = await repository.read(partial(_found, query=query, which=which))
        return SearchMemoryResponse(memories=found)

    async def close(self) -> None:
        """Close what was opened for a path or a URL."""
        await self._repository.close()


def _add(
    transaction: Transaction, which: tuple[str, str, str], given: list[tuple[str, NewMessage]]
) -> None:
    app_name, user_id, _ = which
    places = conversation_id(*which), memory_id(*which)
    known = {id_of(record) for place in places for record in transaction.get_messages(place)}
    new = [message for event_id, message in given if event_id not in known]
    if new:
        key = user_key(app_name, user_id)
        transaction.create_session(memory_id(*which), _SOURCE, user_id=user_id, key=key)
        transaction.append_messages(memory_id(*which), new)


def _found(repository: SessionRepository, query: str, which: SessionFilter) -> list[MemoryEntry]:
    hits = repository.search_messages(query, limit=_MOST_FOUND, filter=which)
    if len(hits) < _MOST_FOUND:
        some = repository.search_messages(_any_word(query), limit=_MOST_FOUND, filter=which)
        there = {hit["id"] for hit in hits}
        hits += [hit for hit in some if hit["id"] not in there]
    entries = [_entry(repository, hit) for hit in hits[:_MOST_FOUND]]
    return [entry for entry in entries if entry is not None]


def _any_word(query: str) -> str:
    words = dict.fromkeys(re.findall(r"\w+", query or ""))
    return " OR ".join(f'"{word}"' for word in [*words][:_MOST_WORDS])


def _entry(repository: SessionRepository, hit: SearchHit) -> MemoryEntry | None:
    """What was found, as the kit takes it; None when it was deleted since, or is only a call."""
    found = repository.get_messages(hit["session_id"], around_id=hit["id"], limit=0, include="all")
    for event in (each for each in map(likely_event_of, found) if each.content is not None):
        author, at = event.author or None, _written(event.timestamp)
        return MemoryEntry(content=event.content, id=event.id, author=author, timestamp=at)
    return None


def _written(timestamp: float) -> str | None:
    """A time in ISO 8601; None for one that has no such form, as that of milliseconds."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
