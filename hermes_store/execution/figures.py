"""How long writes wait and take: sums of a writer, and what an observer is told of each group."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, Protocol

from hermes_store.execution.turns import Turn

__all__ = ["Figures", "Group", "Observer"]

_log = logging.getLogger("hermes_store")


class Group:
    """One transaction from the moment its leader has it; all figures are seconds."""

    __slots__ = ("_begun", "_committing", "_started", "commit", "lock_wait", "tries", "turns")

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns
        """Those that are committed; a transaction of a caller is one turn."""
        self._started = self._begun = self._committing = time.monotonic()
        self.tries = 0
        """How often it tried to begin."""
        self.lock_wait = 0.0
        """From the first try to the transaction that was committed."""
        self.commit = 0.0

    def begun(self) -> None:
        """Note that the transaction began, and holds its lock."""
        self._begun = time.monotonic()

    def committing(self) -> None:
        """Note that COMMIT is next."""
        self._committing = time.monotonic()

    def committed(self) -> None:
        """Note the end of COMMIT."""
        self.commit = time.monotonic() - self._committing
        self.lock_wait = self._begun - self._started

    def queue_waits(self) -> list[float]:
        """How long each of the callers waited until their leader had them."""
        return [self._started - turn.started for turn in self.turns]


class Observer(Protocol):
    """What watches a writer: telemetry."""

    def origin(self) -> Any:
        """Return what stands for the call that this thread, or this task, makes."""

    def committed(self, group: Group) -> None:
        """Take a group that was committed. The `origin` of a turn is None when none was asked."""


class Figures:
    """Sums since the process opened the database. Several leaders add to them."""

    def __init__(self) -> None:
        self.observers: tuple[Observer, ...] = ()
        self.operations = self.groups = self.largest = self.retries = 0
        self.queue_wait = self.lock_wait = self.commit = 0.0
        self.renew_lock()

    def renew_lock(self) -> None:
        """Take a lock that no thread of another process holds."""
        self._lock = threading.Lock()

    def add(self, group: Group) -> None:
        """Count a group that was committed, and tell the observers."""
        size = len(group.turns)
        with self._lock:
            self.groups += 1
            self.operations += size
            self.largest = max(self.largest, size)
            self.retries += max(group.tries - 1, 0)
            self.queue_wait += sum(group.queue_waits())
            self.lock_wait += group.lock_wait
            self.commit += group.commit
        for observer in self.observers:
            _tell(observer, group)

    def origin(self) -> Any:
        """Return what stands for this call, in the words of the first observer."""
        return self.observers[0].origin() if self.observers else None

    def told(self) -> dict[str, float]:
        """Return the sums by the names that `get_stats` has."""
        return {
            "total_writes": self.operations,
            "batched_writes": self.operations,
            "batch_count": self.groups,
            "largest_group": self.largest,
            "lock_retries": self.retries,
            "queue_wait_seconds": self.queue_wait,
            "lock_wait_seconds": self.lock_wait,
            "commit_seconds": self.commit,
        }


def _tell(observer: Observer, group: Group) -> None:
    try:
        observer.committed(group)
    except Exception:  # noqa: BLE001 - what watches must not fail what is committed
        _log.exception("an observer of commits failed")
