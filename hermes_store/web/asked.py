"""What an address asks for: its parameters, and the filter of sessions that they make."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.requests import Request

from hermes_store import SessionFilter, values
from hermes_store.errors import InvalidArgumentError

__all__ = ["CHOOSING", "number", "one_of", "parameters", "refuse_several", "session_filter"]

CHOOSING = ("title", "source", "model", "user", "month", "archived")
"""Parameters that choose sessions."""
_ARCHIVED = {"no": False, "yes": True, "any": None}
_GREATEST = 2**53


def parameters(request: Request, *known: str) -> dict[str, str]:
    """Return the parameters that are not empty. Raises `InvalidArgumentError` for another name."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise InvalidArgumentError(name[:50], "is not known here", f"use {', '.join(known)}")
        if name in given:
            raise InvalidArgumentError(name, "stands there twice", "give it once")
        if value:
            given[name] = value
    return given


def number(given: dict[str, str], name: str) -> int | None:
    """Return a whole number from 0 on, or None. Raises `InvalidArgumentError`."""
    value = given.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(_GREATEST))):
        raise InvalidArgumentError(
            name, f"{value[:50]!r} is not a whole number", "give one from 0 on"
        )
    return min(int(value), _GREATEST)


def one_of(given: dict[str, str], name: str, *words: str) -> str:
    """Return one of some words; the first when none is given. Raises `InvalidArgumentError`."""
    return values.one_of(name, given.get(name, words[0]), words)


def refuse_several(given: dict[str, str], *names: str) -> None:
    """Refuse parameters that exclude each other. Raises `InvalidArgumentError`."""
    both = [name for name in names if name in given]
    if len(both) > 1:
        problem = f"excludes {' and '.join(both[1:])}"
        raise InvalidArgumentError(both[0], problem, "give one of them")


def session_filter(given: dict[str, str]) -> SessionFilter:
    """Return the filter that parameters ask for. Raises `InvalidArgumentError`."""
    since, until = _month(given["month"]) if "month" in given else (None, None)
    return SessionFilter(
        title=given.get("title"),
        source=given.get("source"),
        model=given.get("model"),
        user_id=given.get("user"),
        active_since=since,
        active_until=until,
        archived=_ARCHIVED[one_of(given, "archived", *_ARCHIVED)],
    )


def _month(written: str) -> tuple[float, float]:
    """The begin of a month and of the next one, in the time zone of the server."""
    try:
        first = datetime.strptime(written, "%Y-%m")  # noqa: DTZ007 - the server's zone is meant
        following = (first + timedelta(days=31)).replace(day=1)
        begin, end = first.timestamp(), following.timestamp()
    except (ValueError, OverflowError, OSError):
        begin = end = -1.0
    if end <= 0:
        problem = f"{written[:50]!r} is not a month since 1970"
        raise InvalidArgumentError("month", problem, "write it like 2026-03")
    return max(begin, 0.0), end
