"""Search over the messages of all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.columns import Row

__all__ = ["Searching"]

_LONGEST_QUERY = 2_048


class Searching(Base):
    """Any text is a query; see the search of the store."""

    def search_messages(
        self,
        query: str,
        source_filter: Sequence[str] | None = None,
        exclude_sources: Sequence[str] | None = None,
        role_filter: Sequence[str] | None = None,
        limit: int = 20,
        offset: int = 0,
        sort: str | None = None,
        include_inactive: bool = False,
    ) -> list[Row]:
        """Return the messages that hold what a query asks for, the best first.

        Compacted messages are found, rewound ones with `include_inactive` only. `sort` is
        "newest", "oldest" or anything else for the best. Of a query 2,048 characters count.
        Raises `SearchIndexError` and `SearchTooBroadError`.
        """
        if not query or not query.strip() or source_filter == []:
            return []
        order: Any = sort.strip().lower() if isinstance(sort, str) else ""
        found: Any = self._repo.search_messages(
            query[:_LONGEST_QUERY],
            source_filter,
            exclude_sources,
            role_filter,
            limit,
            offset,
            sort=order if order in {"newest", "oldest"} else "relevance",
            include="all" if include_inactive else "found",
        )
        return found  # type: ignore[no-any-return]  # dicts
