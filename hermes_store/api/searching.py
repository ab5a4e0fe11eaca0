"""Search: the messages that hold what a query asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from hermes_store import values
from hermes_store.api.base import Topic
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.models import visibility
from hermes_store.queries.searched import searched
from hermes_store.records import SearchHit, SearchPage

if TYPE_CHECKING:
    from hermes_store.search.bounded import Bound
    from hermes_store.search.chosen import Choosing

__all__ = ["Searching"]


class Searching(Topic):
    """Full-text search over the messages of all sessions."""

    def search_messages(
        self,
        query: str,
        source_filter: Sequence[str] | None = None,
        exclude_sources: Sequence[str] | None = None,
        role_filter: Sequence[str] | None = None,
        limit: int | None = 20,
        offset: int = 0,
        *,
        session_id: str | None = None,
        exclude_session_id: str | None = None,
        since: float | None = None,
        until: float | None = None,
        sort: Literal["relevance", "newest", "oldest"] = "relevance",
        markers: tuple[str, str] = (">>>", "<<<"),
        include: Literal["live", "found", "all"] = "found",
        filter: SessionFilter | None = None,
    ) -> list[SearchHit]:
        """Return a page of the messages that hold what `query` asks for, the best first.

        Of more than 8,000 hits, on PostgreSQL 1,000, the newest are ranked; older ones follow. In
        SQLite it is 500 where words or phrases stand in so many messages that to count them takes
        long.

        Any text is a query: words that must all be there, "exact phrases", AND, OR and NOT
        between operands, prefix*, parentheses; everything else is looked for as written. A query
        with nothing to look for finds nothing. An empty filter filters nothing; `since` (included)
        and `until` (excluded) are epoch seconds of the message. `filter` says in which sessions;
        without one, archived sessions are searched, too. Each hit has a `snippet`, the hits in it
        set in `markers`, and under `context` the messages before and after it. Messages that were
        compacted are found too, as `state` says; those that were taken back only with
        `include="all"`. Raises `SearchIndexError` when the index cannot answer, and
        `SearchTooBroadError` after `search_timeout` seconds.
        """
        found = self._found(
            query,
            filter,
            None,
            sources=values.names("source_filter", source_filter),
            exclude_sources=values.names("exclude_sources", exclude_sources),
            roles=values.names("role_filter", role_filter),
            session_id=values.optional_session_id("session_id", session_id),
            exclude_session_id=values.optional_session_id("exclude_session_id", exclude_session_id),
            since=None if since is None else values.number("since", since),
            until=None if until is None else values.number("until", until),
            sort=sort,
            markers=markers,
            include=include,
            limit=limit,
            offset=offset,
        )
        return found["hits"]

    def search_page(
        self,
        query: str,
        limit: int | None = 20,
        offset: int = 0,
        *,
        from_id: int | None = None,
        sort: Literal["relevance", "newest", "oldest"] = "relevance",
        markers: tuple[str, str] = (">>>", "<<<"),
        include: Literal["live", "found", "all"] = "found",
        filter: SessionFilter | None = None,
    ) -> SearchPage:
        """Return a page of hits among so many messages as take a bounded time to look at.

        Where the index alone cannot tell the hits (phrases, symbols, NOT, a filter), the newest
        8,000 messages with the words of the query are looked at, on PostgreSQL 1,000; fewer with a
        filter or more than three words, and 500 with symbols or, in SQLite, beginnings of very many
        words. With the order "oldest" they are the oldest. `next_id` and `next_at` are of
        the first message that was not looked at: the same search with it as `from_id` goes on
        there. They are None where all was looked at. Arguments and errors are those of
        `search_messages`.
        """
        from hermes_store.search.bounded import Bound  # noqa: PLC0415 - imports the search, see below

        bound = Bound(None if from_id is None else values.message_id("from_id", from_id))
        return self._found(
            query,
            filter,
            bound,
            sort=sort,
            markers=markers,
            include=include,
            limit=limit,
            offset=offset,
        )

    def _found(
        self,
        query: str,
        filter: SessionFilter | None,
        bound: Bound | None,
        *,
        markers: tuple[str, str],
        include: Literal["live", "found", "all"],
        limit: int | None,
        offset: int,
        **asked: Any,
    ) -> SearchPage:
        from hermes_store.search.hits import search  # noqa: PLC0415 - a third of the import's time

        return self._read(
            search,
            values.optional_text("query", query) or "",
            _chosen(filter),
            bound=bound,
            markers=values.markers(markers),
            include=visibility.checked(include, "live", "found", "all"),
            **asked | values.page(limit, offset),
        )


def _chosen(filter: SessionFilter | None) -> Choosing | None:
    """What finds out which sessions are searched; None: all of them."""
    which = asked(filter, EVERYTHING)
    if not which.given:
        return None
    return lambda connection, among: searched(connection, which, among)
