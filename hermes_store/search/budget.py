"""How long a search may take, and how long a query may be."""

from __future__ import annotations

from math import inf
from time import monotonic

from hermes_store.errors import InvalidArgumentError, SearchTooBroadError
from hermes_store.search.characters import WORD
from hermes_store.search.query import Query, phrases

__all__ = ["LONGEST_QUERY", "MOST_WORDS", "Budget", "require_bounded", "require_short"]

LONGEST_QUERY = 10_000
"""Most characters of a query."""
MOST_WORDS = 1_000
"""Most words of a query. A Chinese character is a word, too."""


class Budget:
    """The seconds of one search, which begin now; 0 means no limit."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self._over_at = monotonic() + seconds if seconds else inf

    @property
    def left(self) -> float:
        """Seconds that are left; `inf` without a limit."""
        return self._over_at - monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the search has to end."""
        return monotonic() >= self._over_at

    def check(self) -> None:
        """Raise `SearchTooBroadError` when it is over."""
        if monotonic() >= self._over_at:
            raise SearchTooBroadError(self.seconds)


def require_short(typed: str) -> None:
    """Raise `InvalidArgumentError` for a query with too many characters."""
    if len(typed) > LONGEST_QUERY:
        raise InvalidArgumentError(
            "query",
            f"it has {len(typed):,} characters",
            f"give at most {LONGEST_QUERY:,}: the words that matter",
        )


def require_bounded(tree: Query) -> None:
    """Raise `InvalidArgumentError` for a query with too many words."""
    asked = phrases(tree, unwanted=True)
    number = sum(len(WORD.findall(phrase.text)) for phrase in asked)
    if number > MOST_WORDS:
        raise InvalidArgumentError(
            "query",
            f"it has {number:,} words",
            f"give at most {MOST_WORDS:,}: those that matter",
        )
