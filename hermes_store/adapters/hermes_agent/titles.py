"""Titles of sessions."""

from __future__ import annotations

from typing import Any

from hermes_store import SessionRepository, Transaction
from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.columns import Row, session_of
from hermes_store.errors import InvalidArgumentError, TitleInUseError

__all__ = ["Titles"]


class Titles(Base):
    """No two sessions have the same title; a later part of a conversation may take an earlier's."""

    MAX_TITLE_LENGTH = SessionRepository.MAX_TITLE_LENGTH

    @staticmethod
    def sanitize_title(title: str | None) -> str | None:
        """Return a title as it is stored; raise ValueError when it is too long."""
        if not title:
            return None
        try:
            return SessionRepository.sanitize_title(title)
        except InvalidArgumentError as exc:
            if not isinstance(title, str):
                raise
            most = Titles.MAX_TITLE_LENGTH
            raise ValueError(f"Title too long: it may have {most} characters") from exc

    def set_session_title(self, session_id: str, title: str, **more: Any) -> bool:
        """Give a session its title; whether there is such a session.

        Raises ValueError for a title that is too long or that another conversation has.
        """
        self._keep("set_session_title", session_id, more)
        return self._set_title(session_id, title, only_if_empty=False)

    def set_auto_title_if_empty(self, session_id: str, title: str, **more: Any) -> bool:
        """As `set_session_title`, unless the session has a title; whether it was set."""
        self._keep("set_auto_title_if_empty", session_id, more)
        return self._set_title(session_id, title, only_if_empty=True)

    def _set_title(self, session_id: str, title: str, *, only_if_empty: bool) -> bool:
        wanted = self.sanitize_title(title)

        def put(tx: Transaction, session: Any) -> bool:
            if only_if_empty and session["title"] is not None:
                return False
            _free(tx, wanted, session_id)
            return tx.set_session_title(session_id, wanted)

        try:
            done = self._change(session_id, put, missing=None)
        except TitleInUseError as exc:
            raise ValueError(_in_use(wanted, exc.session_id)) from exc
        if done is not None or only_if_empty or not (session_id and wanted):
            return bool(done)
        if holder := self.get_session_by_title(wanted):
            raise ValueError(_in_use(wanted, holder["id"]))
        return False

    def get_session_title(self, session_id: str) -> str | None:
        """Return the title of this very session, or None."""
        session = self._repo.get_session(session_id) if session_id else None
        return session["title"] if session else None

    def get_session_by_title(self, title: str) -> Row | None:
        """Return the session with exactly this title, or None."""
        record = self._repo.get_session_by_title(title)
        return session_of(record) if record else None

    def resolve_session_by_title(self, title: str) -> str | None:
        """Return the id of the newest session with this title or a numbered one, or None."""
        return self._repo.resolve_session_by_title(title)

    def get_next_title_in_lineage(self, base_title: str) -> str:
        """Return a free title to go on under: "title", then "title #2" and so on."""
        return self._repo.get_next_title_in_lineage(base_title)


def _in_use(title: str | None, session_id: str) -> str:
    """What callers show; the words are Hermes' own."""
    return f"Title {title!r} is already in use by session {session_id}"


def _free(tx: Transaction, title: str | None, session_id: str) -> None:
    """Take a title from an earlier part of the same conversation."""
    holder = tx.get_session_by_title(title) if title else None
    if holder is None or holder["id"] == session_id:
        return
    line = tx.get_lineage(session_id)
    if holder["id"] in line[: line.index(session_id)]:
        tx.set_session_title(holder["id"], None)
