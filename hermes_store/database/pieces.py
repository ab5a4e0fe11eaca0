"""A list that may be long, in pieces that one statement takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

__all__ = ["pieces"]

T = TypeVar("T")

_MOST = 900
"""Parameters: builds of SQLite allow 999, and a statement may have a few besides."""


def pieces(values: Sequence[T], most: int = _MOST) -> Iterator[Sequence[T]]:
    """Yield the values in their order, at most so many at a time."""
    for start in range(0, len(values), most):
        yield values[start : start + most]
