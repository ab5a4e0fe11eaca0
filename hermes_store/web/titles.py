"""How many titles a page compares with words, so that it takes the same time in any store."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nextafter
from typing import NamedTuple

from hermes_store import SessionFilter, SessionRepository
from hermes_store.records import SessionRecord
from hermes_store.web.asked import one_of, session_filter

__all__ = ["Near", "titles_near"]

_MOST = 8_000
"""Sessions, the last active ones: to read and compare so many titles takes some 10 ms."""


class Near(NamedTuple):
    """The sessions that a page looks at."""

    which: SessionFilter
    since: float | None = None
    """Since when those were active whose titles are compared; None: all of them are."""
    last: str = ""
    """The id of the last one of these: a list goes on behind it."""


def titles_near(
    repository: SessionRepository, given: dict[str, str], after: str | None = None
) -> Near:
    """Bound the filter that an address asks for, where it asks for words of the title."""
    which = session_filter(given)
    if one_of(given, "look", "near", "all") == "all" or which.title is None:
        return Near(which)
    which = _behind(repository, which, after)
    last = _last_looked_at(repository, which.active_until)
    since = last["last_active"] if last else None
    if last is None or since is None or since <= (which.active_since or 0.0):
        return Near(which)
    return Near(replace(which, active_since=since), since, last["id"])


def _behind(
    repository: SessionRepository, which: SessionFilter, after: str | None
) -> SessionFilter:
    """The filter, of sessions that were active as late as `after` or earlier."""
    first = repository.get_session(after) if after else None
    at = None if first is None else first["last_active"]
    if at is None or (which.active_until is not None and which.active_until <= at):
        return which
    return replace(which, active_until=nextafter(at, inf))


def _last_looked_at(repository: SessionRepository, until: float | None) -> SessionRecord | None:
    behind = repository.search_sessions(
        limit=1,
        offset=_MOST,
        order_by_last_active=True,
        filter=SessionFilter(archived=None, active_until=until),
    )
    return behind[0] if behind else None
