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
    """One transaction from the moment its leader has it, by the monotonic clock in seconds.

    Its leader sets the attributes: a group may be a single append, and a call takes time.
    """

    __slots__ = ("begun", "committed", "committing", "is_committed", "retries", "started", "turns")

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = turns
        """Those that are committed; a transaction of a caller is one turn."""
        self.started = time.monotonic()
        """When the leader had the group."""
        self.retries = 0
        """How often a lock refused it."""
        self.begun = 0.0
        """When the transaction began, and held its lock."""
        self.committing = 0.0
        """When COMMIT was next."""
        self.committed = 0.0
        """When COMMIT had ended."""
        self.is_committed = False
        """Whether all is stored: those who wait for it must not run again."""

    @property
    def lock_wait(self) -> float:
        """Seconds from the first try to the transaction that was committed."""
        return self.begun - self.started

    @property
    def commit(self) -> float:
        """Seconds that COMMIT took."""
        return self.committed - self.committing

    def queue_waits(self) -> list[float]:
        """Seconds that each of the callers waited until their leader had them."""
        return [self.started - turn.started for turn in self.turns]


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
        turns, started = group.turns, group.started
        size = len(turns)
        with self._lock:
            self.groups += 1
            self.operations += size
            self.largest = max(self.largest, size)
            self.retries += group.retries
            for turn in turns:
                self.queue_wait += started - turn.started
            self.lock_wait += group.begun - started
            self.commit += group.committed - group.committing
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
