"""Which way a conversation goes through its sessions, told from their ids and parents alone.

Of two sessions that continue one, the one begun last is followed. In a circle the one begun first
is the root, and its parent the tip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Chain", "Parts", "walk"]


class Chain:
    """The sessions of one conversation."""

    def __init__(self, path: list[str], ids: list[str]) -> None:
        self.path = path
        """From the root to the tip."""
        self.ids = ids
        """All of them, in the order of their begin: also those where a fork was left."""

    @property
    def root(self) -> str:
        """Where the conversation began."""
        return self.path[0]

    @property
    def tip(self) -> str:
        """Where it goes on."""
        return self.path[-1]


class Parts:
    """The sessions of some chains, in the order of their begin."""

    def __init__(self, rows: Iterable[Any]) -> None:
        given = dict(rows)
        self.before = {each: before if before in given else None for each, before in given.items()}
        self._order = {session_id: place for place, session_id in enumerate(self.before)}
        self._after: dict[str | None, list[str]] = {}
        for session_id, before in self.before.items():
            self._after.setdefault(before, []).append(session_id)

    def chain(self, session_id: str) -> Chain:
        """The chain of one of them."""
        up = walk(session_id, self.before.get)
        last = self.before[up[-1]]
        path = self._around(up[up.index(last) :]) if last in up else walk(up[-1], self._newest)
        return Chain(path, sorted(self._below(path[0]), key=self._order.__getitem__))

    def _newest(self, session_id: str) -> str | None:
        return self._after[session_id][-1] if session_id in self._after else None

    def _around(self, upwards: list[str]) -> list[str]:
        """A circle, from the one that began first."""
        circle = upwards[::-1]
        first = circle.index(min(circle, key=self._order.__getitem__))
        return circle[first:] + circle[:first]

    def _below(self, root: str) -> set[str]:
        found, new = {root}, {root}
        while new:
            new = {each for one in new for each in self._after.get(one, ())} - found
            found |= new
        return found


def walk(session_id: str, step: Callable[[str], str | None]) -> list[str]:
    """A session, the one that `step` leads to, and so on, until none is left or one comes again."""
    found = {session_id: None}
    while (following := step(session_id)) is not None and following not in found:
        found[session_id := following] = None
    return list(found)
