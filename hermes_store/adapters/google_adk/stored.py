"""What runs in one transaction: a session is created, an event appended."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, cast

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError

from hermes_store import errors
from hermes_store.adapters.google_adk.events import is_same, message_of
from hermes_store.adapters.google_adk.state import Scoped
from hermes_store.shapes.adk_names import MINE, conversation_id, user_key
from hermes_store.shapes.kept import extra_of, likely_kept_of

if TYPE_CHECKING:
    from google.adk.events.event import Event
    from google.adk.sessions.session import Session

    from hermes_store.records import MessageRecord, NewMessage, SessionRecord
    from hermes_store.repository import Transaction

__all__ = ["SOURCE", "Appending", "Kept", "create", "kept_of", "marker"]

SOURCE = "google-adk"


class Kept(TypedDict):
    """What a session keeps in its `extra`."""

    state: dict[str, Any]
    """The state that is the session's own."""
    updated: float
    """The time of the event that was stored last, or of the creation, in epoch seconds."""
    born: str
    """Tells the session from an earlier one of the same name."""
    last: int
    """The id of the message that was stored last."""
    in_order: bool
    """Whether each event was later than the one before."""


def kept_of(session: SessionRecord) -> Kept:
    """What is kept of a session; of one that another program stored, what is likely."""
    likely: Kept = {
        "state": {},
        "updated": session["last_active"],
        "born": "",
        "last": 0,
        "in_order": False,
    }
    return cast("Kept", likely_kept_of(session, MINE, likely))


def marker(kept: Kept) -> str:
    """A text that changes with every event that is stored."""
    return f"{kept['born']}:{kept['last']}"


def create(transaction: Transaction, which: tuple[str, str, str], given: Scoped) -> Kept:
    """Store a session and the state that comes with it. Raises `AlreadyExistsError`."""
    app_name, user_id, session_id = which
    stored_id = conversation_id(*which)
    kept = Kept(
        state=given.session, updated=time.time(), born=uuid.uuid4().hex, last=0, in_order=True
    )
    transaction.create_session(
        stored_id,
        SOURCE,
        user_id=user_id,
        key=user_key(app_name, user_id),
        extra={MINE: kept},
    )
    session = transaction.get_session(stored_id)
    if session is None or kept_of(session)["born"] != kept["born"]:  # that of another creation
        raise AlreadyExistsError(f"Session {session_id!r} already exists; give another id.")
    given.share(transaction, app_name, user_id)
    return kept


class Appending(NamedTuple):
    """One event, to be appended to a session as its caller knows it."""

    which: tuple[str, str, str]
    session: Session
    event: Event
    message: NewMessage

    def store(self, transaction: Transaction) -> Kept | None:
        """Store the event and its changes of state; return what is kept of the session then.

        Returns None when this very event is stored already.
        """
        stored_id = conversation_id(*self.which)
        message_id = self._append(transaction, stored_id, self.message)
        session = _session(transaction, stored_id)
        if message_id <= kept_of(session)["last"]:
            if not is_same(_one(transaction, stored_id, message_id), self.event):
                again = message_of(self.event, is_id_taken=True)
                message_id = self._append(transaction, stored_id, again)
                # Only what was stored has locked the row of the session.
                session = _session(transaction, stored_id)
            elif self._was_there(transaction, stored_id, kept_of(session), message_id):
                return None
        kept = kept_of(session)
        self._refuse_stale(transaction, stored_id, kept, message_id)
        return self._change(transaction, session, kept, message_id)

    def _was_there(
        self, transaction: Transaction, stored_id: str, kept: Kept, message_id: int
    ) -> bool:
        """Whether the event was stored before. An import may have given lower ids than are kept."""
        [newest] = transaction.get_messages(stored_id, limit=1, newest=True, include="all")
        is_last = (message_id, self.event.timestamp) == (kept["last"], kept["updated"])
        return newest["id"] != message_id or is_last

    def _append(self, transaction: Transaction, stored_id: str, message: NewMessage) -> int:
        try:
            [message_id] = transaction.append_messages(stored_id, [message])
        except errors.SessionNotFoundError as exc:
            problem = f"Session {self.session.id!r} not found; create it with create_session()."
            raise SessionNotFoundError(problem) from exc
        return message_id

    def _refuse_stale(
        self, transaction: Transaction, stored_id: str, kept: Kept, message_id: int
    ) -> None:
        if self._is_stale(transaction, stored_id, kept, message_id):
            raise StaleSessionError(
                f"Session {self.session.id!r} was modified in storage since it was read; read it "
                "with get_session() and append again."
            )

    def _is_stale(
        self, transaction: Transaction, stored_id: str, kept: Kept, message_id: int
    ) -> bool:
        known = self.session._storage_update_marker  # noqa: SLF001 - where the kit's services keep theirs
        if known is not None:
            return bool(known != marker(kept))
        if kept["updated"] <= self.session.last_update_time:
            return False
        # A session that was not read here: does it end with the event that is stored last?
        before = transaction.get_messages(stored_id, before_id=message_id, newest=True, limit=1)
        newest = [record["external_id"] for record in before]
        return newest != [event.id for event in self.session.events[-1:]]

    def _change(
        self, transaction: Transaction, session: SessionRecord, kept: Kept, message_id: int
    ) -> Kept:
        app_name, user_id, _ = self.which
        given = Scoped.of(self.event.actions.state_delta)
        at = self.event.timestamp
        changed = Kept(
            state={**kept["state"], **given.session},
            updated=at,
            born=kept["born"],
            last=message_id,
            in_order=kept["in_order"] and (at >= kept["updated"] or not kept["last"]),
        )
        extra = {**extra_of(session), MINE: changed}
        transaction.update_session(session["id"], extra=extra)
        given.share(transaction, app_name, user_id)
        return changed


def _session(transaction: Transaction, stored_id: str) -> SessionRecord:
    """A session that a message was stored in. Its row is locked: appends take turns."""
    session = transaction.get_session(stored_id)
    assert session is not None
    return session


def _one(transaction: Transaction, stored_id: str, message_id: int) -> MessageRecord:
    [record] = transaction.get_messages(stored_id, around_id=message_id, limit=0)
    return record
