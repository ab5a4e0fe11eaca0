"""Ranking: of what is found, the newest hits, the best first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

__all__ = ["best_first", "best_page", "needed", "on_page"]

Rows = Iterable[Sequence[Any]]
"""Rows that begin with the id of a message; where they are ranked, its score follows."""


def needed(sort: str, limit: int, offset: int, ranked: int) -> int:
    """How many hits must be known, in the order of storing, to give a page."""
    end = limit + offset
    return max(end, ranked) if sort == "relevance" else end


def best_first(newest_first: Rows, ranked: int) -> Iterator[Sequence[Any]]:
    """Order the first `ranked` rows by their scores: the best first, of equal ones the newest."""
    rows = iter(newest_first)
    yield from sorted(islice(rows, ranked), key=lambda row: (row[1], row[0]), reverse=True)
    yield from rows


def best_page(
    found: Callable[[str, int, int], list[int]], limit: int, offset: int, ranked: int
) -> list[int]:
    """A page of the `ranked` newest hits, and behind them of the older ones.

    `found` gives ids by an order, a limit and an offset: of "relevance" those that are ranked.
    """
    best = found("relevance", limit, offset) if offset < ranked else []
    if len(best) == limit or offset + len(best) < ranked:
        return best
    return best + found("newest", limit - len(best), max(offset, ranked))


def on_page(rows: Rows, limit: int, offset: int) -> list[int]:
    """The ids of a page of rows."""
    return [row[0] for row in islice(rows, offset, limit + offset)]
