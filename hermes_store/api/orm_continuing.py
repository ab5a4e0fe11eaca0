"""Continuations that a unit of work stores: each has what the tip before it had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm.attributes import set_committed_value

from hermes_store.database.connection import OpenConnection
from hermes_store.models import Session
from hermes_store.models.links import COMPRESSION
from hermes_store.queries import continuing, sessions

__all__ = ["Followed", "continues"]


def continues(session: Session) -> bool:
    """Whether a session continues its parent's conversation."""
    return session.link == COMPRESSION and session.parent_session_id is not None


class Followed:
    """Sessions whose rows changed because another one continues them, or they another one."""

    def __init__(self, connection: OpenConnection) -> None:
        self._connection = connection
        self._changed: set[str] = set()

    def note(self, stored: Iterable[str]) -> None:
        """Do for sessions that were stored what `create_session` does for a continuation."""
        if ids := {*stored}:
            self._changed |= continuing.take_over(self._connection, ids)

    def read_anew(self, session: Any) -> None:
        """Let objects in memory have what changed in the database."""
        changed, self._changed = self._changed, set()
        for session_id in changed:
            entity = session.loaded(session_id)
            found = sessions.get(self._connection, session_id)
            if entity is not None and found is not None:
                set_committed_value(entity, "title", found["title"])
                set_committed_value(entity, "archived", found["archived"])
                set_committed_value(entity, "pinned", int(found["pinned"]))
