"""Properties of sessions: archived, pinned, folder, key, and what else a caller knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import LISTED, SessionFilter, asked
from hermes_store.queries import properties as functions
from hermes_store.records import SessionProperties

__all__ = ["Properties"]


class Properties(Topic):
    """What owners, gateways and agents say of a session."""

    def set_archived(self, session_id: str, archived: bool = True) -> None:
        """Archive a conversation: lists leave it out. With False take that back.

        `session_id` is any session of the conversation, and all of them are archived. What is
        archived already keeps its time. Raises `SessionNotFoundError`.
        """
        at = values.now() if values.truth("archived", archived) else None
        self._write(functions.set_archived, checked_id(session_id), at)

    def archive_sessions(self, filter: SessionFilter) -> list[str]:
        """Archive the conversations that a filter means; return the ids of their last sessions.

        A conversation is meant when the session in which it goes on is; then all its sessions are
        archived. Works in short transactions. Raises `InvalidArgumentError`, also for a filter of
        archived sessions.
        """
        which, at = _not_archived(filter), values.now()
        batches = iter(lambda: self._write(functions.archive_batch, which, at), [])
        return [session_id for batch in batches for session_id in batch]

    def set_pinned(self, session_id: str, pinned: bool = True) -> None:
        """Pin a conversation, or with False take that back.

        `session_id` is any session of the conversation, and all of them are pinned. Raises
        `SessionNotFoundError`.
        """
        on = int(values.truth("pinned", pinned))
        self._write(functions.set_pinned, checked_id(session_id), on)

    def update_session(self, session_id: str, **properties: Unpack[SessionProperties]) -> None:
        """Store properties of a session in place of what is there, and leave the others.

        They are the keys of `SessionProperties`. None takes one away, and an `extra` replaces the
        whole stored one. Raises `SessionNotFoundError`, and `InvalidArgumentError` that names the
        keywords for another one.
        """
        given = functions.checked(dict(properties))
        self._write(functions.update_one, checked_id(session_id), given)

    def newest_session(self, key: str) -> str | None:
        """Return the id of the session with this key that began last, or None.

        Archived sessions do not count; ended ones do.
        """
        return self._read(functions.newest, values.text("key", key))


def _not_archived(given: Any) -> SessionFilter:
    which = asked(given, LISTED)
    if given is None:
        remedy = "give a hermes_store.SessionFilter; SessionFilter() means all sessions"
        raise InvalidArgumentError("filter", "None is not a filter", remedy)
    if which.archived:
        remedy = "leave archived out of it"
        raise InvalidArgumentError("filter", "asks for sessions that are archived already", remedy)
    return replace(which, archived=False)
