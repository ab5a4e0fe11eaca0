"""Delete and prune: sessions and their messages go for good."""

from __future__ import annotations

from typing import Any

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import listing, retention
from hermes_store.queries.listing import Filter
from hermes_store.records import SessionListing

__all__ = ["Deleting"]

_SECONDS_A_DAY = 86_400


class Deleting(Topic):
    """One session by its id, or all that ended long ago."""

    def delete_session(self, session_id: str) -> bool:
        """Delete a session and its messages; False when there is no such session.

        Sessions that continue it stay, without a parent.
        """
        return self._write(retention.delete_session, checked_id(session_id))

    def list_prune_candidates(
        self, older_than_days: float = 90, source: str | None = None
    ) -> list[SessionListing]:
        """Return the sessions that `prune_sessions` would delete now."""
        which = _prunable(older_than_days, source)
        return self._read(listing.list_rich, which, values.page(None, 0))

    def prune_sessions(self, older_than_days: float = 90, source: str | None = None) -> int:
        """Delete ended sessions older than `older_than_days`, by their start; return how many.

        Works in short transactions, so that other processes write in between. A session is deleted
        with all its messages or not at all. Sessions that continue a deleted one stay, without a
        parent.
        """
        which = _prunable(older_than_days, source)
        return sum(iter(lambda: self._write(retention.prune_batch, which), 0))


def _prunable(older_than_days: Any, source: Any) -> Filter:
    days = values.number("older_than_days", older_than_days)
    if days < 0:
        raise InvalidArgumentError(
            "older_than_days", f"{days:g} is negative", "give days from 0 on"
        )
    before = values.now() - days * _SECONDS_A_DAY
    return Filter(values.source_filter(source), prunable_before=before)
