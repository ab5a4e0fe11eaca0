"""Lists of sessions, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence

from hermes_store import values
from hermes_store.api.base import Topic
from hermes_store.queries import listing
from hermes_store.queries.listing import Filter
from hermes_store.records import SessionListing, SessionRecord

__all__ = ["Lists"]


class Lists(Topic):
    """Many sessions at a time, without their messages."""

    def list_sessions_rich(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
        include_system_prompt: bool = False,
    ) -> list[SessionListing]:
        """Return a page of sessions with a preview: the last started, or last active, first.

        The preview is the first 60 characters of the first user message. System prompts are left
        out unless asked for: they are long. `limit=None` means all.
        """
        which = Filter(
            values.source_filter(source),
            values.names("exclude_sources", exclude_sources),
            by_last_active=bool(order_by_last_active),
        )
        page = values.page(limit, offset)
        return self._read(listing.list_rich, which, page, system_prompt=bool(include_system_prompt))

    def search_sessions(
        self,
        source: str | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
    ) -> list[SessionRecord]:
        """Return a page of whole sessions: the last started, or last active, first."""
        which = Filter(values.source_filter(source), by_last_active=bool(order_by_last_active))
        return self._read(listing.search, which, values.page(limit, offset))
