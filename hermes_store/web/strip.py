"""The strip of a session's lineage: what it came from, and what came from it."""

from __future__ import annotations

from typing import Any

from hermes_store import SessionRepository
from hermes_store.web.listing import title

__all__ = ["strip"]

_BESIDE = 5
"""Sessions on each side of the one that is shown."""
_LINKS = {"compression": "goes on", "branch": "branch", "delegate": "delegate", "reset": "anew"}


def strip(repository: SessionRepository, session_id: str) -> list[dict[str, Any]]:
    """Return the sessions that parents join to this one, in the order of their begin.

    Of many, the ones next to this. A session that stands alone has no strip.
    """
    joined = repository.list_lineage(session_id, include="all")
    if len(joined) < 2:  # noqa: PLR2004 - itself
        return []
    place = [each["id"] for each in joined].index(session_id)
    return [
        {
            "id": each["id"],
            "title": title(each),
            "link": _LINKS.get(each["link"] or "", ""),
            "is_this": each["id"] == session_id,
        }
        for each in joined[max(place - _BESIDE, 0) : place + _BESIDE + 1]
    ]
