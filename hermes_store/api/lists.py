"""Lists of sessions, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any, Literal

from hermes_store import values
from hermes_store.api.base import Topic
from hermes_store.filters import EVERYTHING, LISTED, SessionFilter, asked, by_conversation
from hermes_store.queries import facets, listing
from hermes_store.queries.paging import Page
from hermes_store.records import SessionFacets, SessionListing, SessionRecord

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
        *,
        filter: SessionFilter | None = None,
        after: str | None = None,
        include: Literal["conversations", "all"] = "conversations",
    ) -> list[SessionListing]:
        """Return a page of conversations with a preview: the last started, or active, first.

        A conversation that was compressed stands there once, as its tip, with the start of its
        root and the sums of all its sessions. Delegates are left out. `include="all"` gives each
        session by itself, and so does a filter that asks for a link. A filter is asked of the tip.

        The preview is the first 60 characters of the first user message. System prompts are left
        out unless asked for: they are long. `limit=None` means all. Without a filter archived
        sessions are left out. `after` is the id of the last session of the page before: the list
        goes on behind it. Raises `InvalidArgumentError`.
        """
        which = asked(filter, LISTED, source, exclude_sources)
        return self._read(
            listing.list_rich,
            which,
            _page(limit, offset, order_by_last_active, after),
            system_prompt=values.truth("include_system_prompt", include_system_prompt),
            conversations=by_conversation(include, which),
        )

    def search_sessions(
        self,
        source: str | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
        *,
        filter: SessionFilter | None = None,
        after: str | None = None,
    ) -> list[SessionRecord]:
        """Return a page of whole sessions, each by itself: the last started, or active, first.

        Parts of a conversation and delegates are among them, as by `list_sessions_rich` with
        `include="all"`. Without a filter archived sessions are left out. `limit`, `offset` and
        `after` are those of `list_sessions_rich`. Raises `InvalidArgumentError`.
        """
        which = asked(filter, LISTED, source)
        return self._read(listing.search, which, _page(limit, offset, order_by_last_active, after))

    def session_facets(
        self,
        *,
        filter: SessionFilter | None = None,
        among: int = 1000,
        include: Literal["conversations", "all"] = "conversations",
        timezone: tzinfo | None = UTC,
    ) -> SessionFacets:
        """Return which sources, models, users and months conversations have, and how many each.

        They are counted among the last active `among` of those that a filter means, which an index
        finds; the rest of the store is not read. Months are those of `timezone`, None being the
        local time of the machine. `filter` and `include` are as for `list_sessions_rich`. Raises
        `InvalidArgumentError`.
        """
        which = asked(filter, LISTED)
        conversations = by_conversation(include, which)
        zone, most = values.zone(timezone), values.limit(among)
        return self._read(facets.count, which, zone, among=most, conversations=conversations)

    def longest_sessions(
        self, limit: int | None = 10, *, filter: SessionFilter | None = None
    ) -> list[SessionListing]:
        """Return the sessions that lasted longest, from their start to their last activity.

        Each session stands by itself, with a preview and without its system prompt. `limit=None`
        means all. Without a filter all sessions count, archived ones too. Raises
        `InvalidArgumentError`.
        """
        page = values.page(limit, 0)
        return self._read(listing.longest, asked(filter, EVERYTHING), page["limit"])


def _page(limit: Any, offset: Any, by_last_active: Any, after: Any) -> Page:
    return Page(
        **values.page(limit, offset),
        by_last_active=values.truth("order_by_last_active", by_last_active),
        after=values.optional_session_id("after", after),
    )
