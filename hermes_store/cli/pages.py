"""The messages of a session one by one, read page by page: no session is held in memory whole."""

from __future__ import annotations

from collections.abc import Iterator

from hermes_store.api.operations import Operations
from hermes_store.queries.message_pages import Included
from hermes_store.records import MessageRecord

__all__ = ["backwards", "forwards"]

_AT_ONCE = 500


def forwards(
    repo: Operations, session_id: str, after: int | None = None, include: Included = "live"
) -> Iterator[MessageRecord]:
    """The messages of a session, or those after an id."""
    while page := repo.get_messages(session_id, limit=_AT_ONCE, after_id=after, include=include):
        yield from page
        after = page[-1]["id"]


def backwards(
    repo: Operations, session_id: str, include: Included = "live"
) -> Iterator[MessageRecord]:
    """The messages of a session from the newest on."""
    before = None
    while page := repo.get_messages(
        session_id, limit=_AT_ONCE, before_id=before, newest=True, include=include
    ):
        yield from reversed(page)
        before = page[0]["id"]
