"""Delete and prune: sessions and their messages go for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.queries import deleting, listing
from hermes_store.queries.paging import ALL
from hermes_store.records import SessionListing

__all__ = ["Deleting"]

_UNSAID = float(90)
"""The age that counts when none is said: this very object tells that none was."""


class Deleting(Topic):
    """One session by its id, or all that ended long ago."""

    def delete_session(self, session_id: str) -> bool:
        """Delete a conversation and its messages; False when there is no such session.

        The id of any session of the conversation will do: all of them are deleted, and their
        delegates with them. Sessions that were branched off or began after a reset stay, without
        a parent.
        """
        return self._write(deleting.delete_session, checked_id(session_id))

    def delete_sessions(self, ids: Sequence[str]) -> int:
        """Delete the conversations of some sessions; return how many conversations there were.

        Each goes as `delete_session` deletes it. Works in short transactions, as `prune_sessions`
        does. Raises `InvalidArgumentError` for a list with a value that is not an id; then nothing
        is deleted.
        """
        left = [*dict.fromkeys(map(checked_id, values.listed("ids", ids)))]
        deleted = 0
        while left:
            number, there = self._write(deleting.delete_first, left)
            left, deleted = left[number:], deleted + there
        return deleted

    def list_prune_candidates(
        self,
        older_than_days: float = _UNSAID,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[SessionListing]:
        """Return the conversations that `prune_sessions` would delete now."""
        which = _prunable(older_than_days, asked(filter, EVERYTHING, source))
        return self._read(listing.list_rich, which, ALL, conversations=True, ended=True)

    def prune_sessions(
        self,
        older_than_days: float = _UNSAID,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> int:
        """Delete ended conversations older than `older_than_days`; return how many.

        The end and the start of the tip count. A conversation stays when its tip is open, or a
        session that was left when two continued the same one. Delegates go with their conversation
        only. With a filter only those whose tip it means; one that says times of its own replaces
        the 90 days. Without a filter archived sessions are deleted, too. Works in short
        transactions, so that other processes can write in between. A conversation is deleted whole
        or not at all. Raises `InvalidArgumentError`, also for a filter of open sessions.
        """
        which = _prunable(older_than_days, asked(filter, EVERYTHING, source))
        return sum(iter(lambda: self._write(deleting.prune_batch, which), 0))


def _prunable(older_than_days: Any, which: SessionFilter) -> SessionFilter:
    if which.open:
        remedy = "end them first, with end_session() or end_sessions()"
        raise InvalidArgumentError("filter", "asks for open sessions, which stay", remedy)
    days = values.number("older_than_days", older_than_days)
    if days < 0:
        raise InvalidArgumentError(
            "older_than_days", f"{days:g} is negative", "give days from 0 on"
        )
    if older_than_days is _UNSAID and which.has_times:
        return which
    return replace(which, started_until=_earliest_end(which, days))


def _earliest_end(which: SessionFilter, days: float) -> float:
    """The end of a range of starts: of the filter's, or so many days ago."""
    before = values.days_before("older_than_days", days, values.now())
    if which.started_until is not None:
        before = min(before, which.started_until)
    return max(before, which.started_since or 0.0)  # an empty range is no error
