"""Which sessions: one class for lists, searches, exports, usage and retention alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.models import links

__all__ = ["EVERYTHING", "LISTED", "SessionFilter", "asked", "by_conversation"]


@dataclass(frozen=True, kw_only=True)
class SessionFilter:
    """Sessions that meet every field; None filters nothing.

    Texts compare as written, and no character is a wildcard. Times are epoch seconds: `_since` is
    included, `_until` is not. Raises `InvalidArgumentError` that names the field: for a value that
    cannot be used, an empty text, and a range that ends before it begins.
    """

    source: str | None = None
    exclude_sources: Sequence[str] = ()
    """Sources to leave out, at most 500."""
    model: str | None = None
    provider: str | None = None
    """The `billing_provider` of the session."""
    user_id: str | None = None
    key: str | None = None
    cwd_prefix: str | None = None
    """What the folder of the session begins with."""
    title: str | None = None
    """Words that the title holds, in any case and order, as `find_sessions` looks for them."""
    id_prefix: str | None = None
    link: Literal["compression", "branch", "delegate", "reset"] | None = None
    open: bool | None = None
    """True: sessions that have not ended. False: sessions that have ended."""
    archived: bool | None = False
    """False: sessions that are not archived. True: archived ones. None: both."""
    pinned: bool | None = None
    started_since: float | None = None
    started_until: float | None = None
    active_since: float | None = None
    """The last activity: the newest message, or the start of a session without messages."""
    active_until: float | None = None
    min_messages: int | None = None
    max_messages: int | None = None
    min_tokens: int | None = None
    """Input and output tokens together, without those of a cache."""
    max_tokens: int | None = None
    min_cost: float | None = None
    """US dollars: the actual cost, else the estimated one, else 0."""
    max_cost: float | None = None
    min_tool_calls: int | None = None
    max_tool_calls: int | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            given = getattr(self, each.name)
            if given is not None or each.name == "exclude_sources":
                object.__setattr__(self, each.name, _CHECKS[each.name](each.name, given))
        for low, high in _RANGES:
            self._refuse_crossed(low, high)

    @cached_property
    def given(self) -> dict[str, Any]:
        """The fields that filter something, with their values."""
        named = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in named if value not in (None, ())}

    @property
    def has_times(self) -> bool:
        """Whether the filter says when sessions started or were active."""
        return any(getattr(self, each) is not None for pair in _RANGES[:2] for each in pair)

    def _refuse_crossed(self, low: str, high: str) -> None:
        least, most = getattr(self, low), getattr(self, high)
        if least is not None and most is not None and least > most:
            problem = f"{least!r} is greater than {high}, {most!r}"
            raise InvalidArgumentError(low, problem, "exchange the two, or leave one out")


def _words(argument: str, value: Any) -> str:
    words = values.text(argument, value)
    if not words.split():
        raise InvalidArgumentError(argument, "has no word", "give words of a title, or None")
    return words


def _link(_argument: str, value: Any) -> str | None:
    return links.checked(value)


_RANGES = (
    ("started_since", "started_until"),
    ("active_since", "active_until"),
    ("min_messages", "max_messages"),
    ("min_tokens", "max_tokens"),
    ("min_cost", "max_cost"),
    ("min_tool_calls", "max_tool_calls"),
)
_TEXTS = ("source", "model", "provider", "user_id", "key", "cwd_prefix", "id_prefix")
_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(_TEXTS, values.text),
    "exclude_sources": values.names,
    "title": _words,
    "link": _link,
    **dict.fromkeys(("open", "archived", "pinned"), values.truth),
    **dict.fromkeys((name for pair in _RANGES for name in pair), values.count),
    **dict.fromkeys((name for pair in _RANGES[:2] for name in pair), values.seconds),
    **dict.fromkeys(("min_cost", "max_cost"), values.cost),
}

LISTED = SessionFilter()
"""What lists take that are given no filter."""
EVERYTHING = SessionFilter(archived=None)
"""What all other calls take that are given no filter."""


def asked(
    given: Any,
    otherwise: SessionFilter,
    source: str | None = None,
    exclude_sources: Sequence[str] | None = None,
) -> SessionFilter:
    """The filter that a call was given, together with its keywords for sources.

    Raises `InvalidArgumentError`.
    """
    which = otherwise if given is None else _filter(given)
    only, excluded = values.source_filter(source), values.names("exclude_sources", exclude_sources)
    if only is None:
        only = which.source
    elif which.source not in {None, only}:
        excluded += (only,)  # no session has two sources
    if only == which.source and not excluded:
        return which
    return replace(which, source=only, exclude_sources=(*which.exclude_sources, *excluded))


def _filter(given: Any) -> SessionFilter:
    if isinstance(given, SessionFilter):
        return given
    problem = f"a value of type {type(given).__name__} is not a filter"
    raise InvalidArgumentError("filter", problem, "give a hermes_store.SessionFilter or None")


def by_conversation(include: Any, which: SessionFilter) -> bool:
    """Whether each conversation is meant once, and not each session by itself.

    A filter that asks for a link means sessions: a tip does not say what its conversation came
    from. Raises `InvalidArgumentError`.
    """
    meant = values.one_of("include", include, ("conversations", "all"))
    return meant == "conversations" and which.link is None
