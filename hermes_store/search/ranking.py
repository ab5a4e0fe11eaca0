"""Ranking: of what is found, the newest hits, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

__all__ = ["RANKED", "best_first", "best_page", "needed", "on_page"]

Rows = Iterable[Sequence[Any]]
"""Rows that begin with the id of a message; where they are ranked, its score follows."""

RANKED = 2_000
"""So many of the newest hits are ranked. The older ones follow, the newest first."""


def needed(sort: str, limit: int, offset: int) -> int:
    """How many hits must be known, in the order of storing, to give a page."""
    end = limit + offset
    return max(end, RANKED) if sort == "relevance" else end


def best_first(newest_first: Rows) -> Iterator[Sequence[Any]]:
    """Order rows with scores: the best first, of equal ones the newest."""
    rows = iter(newest_first)
    yield from sorted(islice(rows, RANKED), key=lambda row: (row[1], row[0]), reverse=True)
    yield from rows


def best_page(found: Callable[[str, int, int], list[int]], limit: int, offset: int) -> list[int]:
    """A page of the hits that are ranked, and behind them of the older ones.

    `found` gives ids by an order, a limit and an offset: of "relevance" those that are ranked.
    """
    best = found("relevance", limit, offset) if offset < RANKED else []
    if len(best) == limit or offset + len(best) < RANKED:
        return best
    return best + found("newest", limit - len(best), max(offset, RANKED))


def on_page(rows: Rows, limit: int, offset: int) -> list[int]:
    """The ids of a page of rows."""
    return [row[0] for row in islice(rows, offset, limit + offset)]
