"""Engines that are made when they are first used: opening a file at head needs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine

__all__ = ["Engines", "LateEngine"]


class Engines(NamedTuple):
    """SQLAlchemy's engines of a repository: listen to their events, or instrument them."""

    write: Engine
    read: Engine


class LateEngine:
    """Calls `make` for the first caller, and gives every caller the same engine."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._made: dict[None, Engine] = {}

    def __call__(self) -> Engine:
        """The engine."""
        # `setdefault` is one step, so two threads get one engine; a lock would have to be
        # renewed after a fork.
        return self._made.get(None) or self._made.setdefault(None, self._make())

    def dispose(self, *, close: bool = True) -> None:
        """Close the connections of its pool, or only forget them; nothing when it was not made."""
        for engine in self._made.values():
            engine.dispose(close=close)
