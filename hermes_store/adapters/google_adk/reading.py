"""What runs in a thread that reads: sessions, with their events and the state that they show."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from google.adk.sessions.session import Session

from hermes_store.adapters.google_adk import stored
from hermes_store.adapters.google_adk.events import event_of
from hermes_store.adapters.google_adk.state import merged, named
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys
from hermes_store.shapes.adk_names import app_prefix, conversation_id, conversations, user_prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.adk.events.event import Event
    from google.adk.sessions.base_session_service import GetSessionConfig

    from hermes_store.records import SessionRecord
    from hermes_store.repository import SessionRepository

__all__ = ["found", "listed", "mark", "shown"]

_PARTS = 3
"""An app, a user and a session have an id together."""


def found(
    repository: SessionRepository, which: tuple[str, str, str], config: GetSessionConfig | None
) -> Session | None:
    """A session and its events, as they were at one time; None when there is none."""
    stored_id = conversation_id(*which)
    session = repository.get_session(stored_id)
    while session is not None:
        kept = stored.kept_of(session)
        events = _events(repository, session, config)
        now = repository.get_session(stored_id)
        if now is not None and kept["born"] and stored.kept_of(now) != kept:
            # Others append meanwhile, maybe for ever. What was there before does not change.
            events = _events(repository, session, config, before_id=kept["last"] + 1)
            now = repository.get_session(stored_id)
        if now is not None and stored.kept_of(now)["born"] == kept["born"]:
            return shown(repository, which, kept, events)
        session = now
    return None


def listed(repository: SessionRepository, app_name: str, user_id: str | None) -> list[Session]:
    """The sessions of an app or of a user without events, the oldest update first."""
    which = SessionFilter(id_prefix=conversations(app_name, user_id), archived=None)
    records = repository.search_sessions(limit=None, filter=which)
    app = named(repository.meta.items(app_prefix(app_name)))
    users: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, value in repository.meta.items(user_prefix(app_name, user_id)):
        *_, user, name = keys.parted(key)
        users[user][name] = value
    known = [each for each in map(_known, records) if each is not None]
    sessions = [_session(*each, app, users) for each in known]
    return sorted(sessions, key=lambda each: (each.last_update_time, each.user_id, each.id))


def shown(
    repository: SessionRepository,
    which: tuple[str, str, str],
    kept: stored.Kept,
    events: Sequence[Event] = (),
) -> Session:
    """A session, by what is kept of it, with the state that it shares."""
    app_name, user_id, _ = which
    app = named(repository.meta.items(app_prefix(app_name)))
    user = named(repository.meta.items(user_prefix(app_name, user_id)))
    session = _session(which, kept, app, {user_id: user})
    session.events = [*events]
    return session


def mark(session: Session, kept: stored.Kept) -> None:
    """Note in a session which state of the store it shows."""
    session.last_update_time = kept["updated"]
    session._storage_update_marker = stored.marker(kept)  # noqa: SLF001 - where the kit's services keep theirs


def _events(
    repository: SessionRepository,
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
    records = repository.get_messages(
        session["id"], limit=page, newest=page is not None, before_id=before_id
    )
    events = sorted(map(event_of, records), key=lambda event: event.timestamp)
    recent = events if most is None else events[-most:]
    return [event for event in recent if after is None or event.timestamp >= after]


def _known(session: SessionRecord) -> tuple[tuple[str, ...], stored.Kept] | None:
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
    mark(session, kept)
    return session
