"""Deleting: sessions by id, empty ones, and those that filters mean."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select, update

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.choosing import BY_EXTRA, prunable
from hermes_store.adapters.hermes_agent.columns import Row, stored_session
from hermes_store.adapters.hermes_agent.files import remove_files
from hermes_store.adapters.hermes_agent.links import IS_DELEGATED
from hermes_store.database.pieces import pieces
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import messages, sessions

__all__ = ["Deleting"]

_A_DAY = 86_400
_PARENTS_AT_ONCE = 450  # each has two parameters
_SHOWN = ("id", "source", "title", "model", "started_at", "ended_at", "message_count", "archived")
_c = sessions.c
_HAS_MESSAGES = select(messages.c.id).where(messages.c.session_id == _c.id).exists()
_EMPTY = (_c.message_count == 0, ~_HAS_MESSAGES, _c.ended_at.is_not(None), _c.archived.is_(None))


class Deleting(Base):
    """A deleted session takes its delegates along; its other children stay, without a parent."""

    def delete_session(self, session_id: str, sessions_dir: Path | None = None) -> bool:
        """Delete a session with its delegates; whether it was there."""
        return self.delete_sessions([session_id], sessions_dir) > 0

    def delete_sessions(self, session_ids: Sequence[str], sessions_dir: Path | None = None) -> int:
        """Delete sessions with their delegates; return how many of the sessions were there."""
        asked = [*dict.fromkeys(each for each in session_ids if isinstance(each, str) and each)]
        there = {row["id"] for each in pieces(asked) for row in self._rows(_named(each))}
        return self._delete([each for each in asked if each in there], sessions_dir)

    def delete_session_if_empty(self, session_id: str, sessions_dir: Path | None = None) -> bool:
        """Delete a session without title, messages and children; whether it was one."""
        children = sessions.alias("children")
        parented = select(children.c.id).where(children.c.parent_session_id == _c.id).exists()
        which = (_c.id == session_id, _c.title.is_(None), ~_HAS_MESSAGES, ~parented)
        return self._delete_those(which, sessions_dir) > 0

    def count_empty_sessions(self) -> int:
        """Return how many sessions have ended without a message and are not archived."""
        return len(self._rows(select(_c.id).where(*_EMPTY)))

    def delete_empty_sessions(self, sessions_dir: Path | None = None) -> int:
        """Delete the sessions that `count_empty_sessions` counts; return how many."""
        return self._delete_those(_EMPTY, sessions_dir)

    def prune_empty_ghost_sessions(self, sessions_dir: Path | None = None) -> int:
        """Delete what a terminal left behind a day ago and never used; return how many."""
        old = _c.started_at < time.time() - _A_DAY
        ended = _c.ended_at.is_not(None)
        which = (_c.source == "tui", _c.title.is_(None), ended, old, ~_HAS_MESSAGES)
        return self._delete_those(which, sessions_dir)

    # --- by filters -----------------------------------------------------------------------------

    def list_prune_candidates(
        self, older_than_days: float | None = None, source: str | None = None, **filters: Any
    ) -> list[Row]:
        """Return the ended sessions that filters mean, the first started first."""
        if filters.get("started_before") is None and older_than_days is not None:
            filters["started_before"] = time.time() - older_than_days * _A_DAY
        which = select(sessions).where(*prunable({**filters, "source": source}))
        found = map(stored_session, self._rows(which.order_by(_c.started_at, _c.id)))
        return [{name: row[name] for name in _SHOWN} for row in found if _meets(row, filters)]

    def archive_sessions(
        self, older_than_days: float | None = None, source: str | None = None, **filters: Any
    ) -> int:
        """Archive the conversations of sessions that filters mean; return how many sessions."""
        filters.setdefault("archived", False)
        found = self.list_prune_candidates(older_than_days, source, **filters)
        for row in found:
            self.set_session_archived(row["id"], True)
        return len(found)

    def set_session_archived(self, session_id: str, archived: bool) -> bool:
        """Archive a conversation, or take that back; whether there is such a session."""
        if not session_id:
            return False
        try:
            self._repo.set_archived(session_id, bool(archived))
        except SessionNotFoundError:
            return False
        return True

    def prune_sessions(
        self,
        older_than_days: float | None = 90,
        source: str | None = None,
        sessions_dir: Path | None = None,
        **filters: Any,
    ) -> int:
        """Delete the ended sessions that filters mean; return how many. Children stay."""
        found = self.list_prune_candidates(older_than_days, source, **filters)
        return self._delete([row["id"] for row in found], sessions_dir, delegates=False)

    # --- in short transactions --------------------------------------------------------------------

    def _delete_those(self, which: Iterable[Any], sessions_dir: Path | None) -> int:
        found = [row["id"] for row in self._rows(select(_c.id).where(*which))]
        return self._delete(found, sessions_dir, delegates=False)

    def _delete(
        self, ids: Sequence[str], sessions_dir: Path | None, *, delegates: bool = True
    ) -> int:
        gone = self._delegates_of(ids) if delegates else []
        for each in (*gone, *ids):
            with self._repo.transaction() as tx:
                _set_free(tx, each)
                tx.delete_session(each)
            remove_files(sessions_dir, each)
        return len(ids)

    def _delegates_of(self, ids: Sequence[str]) -> list[str]:
        """The sessions that agents of some sessions worked in, those of the agents' agents, too."""
        found, new = dict.fromkeys(ids), [*ids]
        while new:
            new = [
                row["id"]
                for some in pieces(new, _PARENTS_AT_ONCE)
                for row in self._rows(_delegated_by(some))
                if row["id"] not in found
            ]
            found |= dict.fromkeys(new)
        return [each for each in found if each not in set(ids)][::-1]


def _set_free(tx: Transaction, session_id: str) -> None:
    """Make a session one that nothing belongs to: the store deletes whole conversations."""
    alone = or_(_c.parent_session_id == session_id, _c.id == session_id)
    tx.execute(update(sessions).where(alone).values(parent_session_id=None, link=None))


def _delegated_by(ids: Sequence[str]) -> Any:
    child = _c.parent_session_id.in_(ids)
    return select(_c.id).where(or_(child & IS_DELEGATED, *map(_marked_by, ids)))


def _marked_by(session_id: str) -> Any:
    return _c.model_config.contains(f'"_delegate_from": "{session_id}"', autoescape=True)


def _named(ids: Sequence[str]) -> Any:
    return select(_c.id).where(_c.id.in_(ids))


def _meets(row: Row, filters: Row) -> bool:
    columns = {"branch_like": "git_branch"}
    return all(
        meets(row[columns.get(name, name)], filters[name])
        for name, meets in BY_EXTRA.items()
        if filters.get(name)
    )
