"""A thread that moves SQLite's write-ahead log into the file while other threads write.

SQLite itself makes a checkpoint inside a COMMIT that finds the log long. All threads in the queue
then wait while pages are copied. So a thread with a connection of its own copies them earlier. It
ends with its checkpoint. SQLite's own checkpoint at `wal_autocheckpoint` pages then has few pages
to copy, and lets the log begin anew. SQLite skips it while this thread copies, so that the thread
pauses when it finds the log that long: else a log under steady writes would never begin anew.
"""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, closing
from typing import Protocol

from sqlalchemy.exc import DBAPIError

from hermes_store.database.late_engine import LateEngine
from hermes_store.errors import StoreUnavailableError

__all__ = ["AfterCommits", "Checkpoints"]

_FIRST_INTERVAL = 64
"""Operations before the first checkpoint; the growth of the log decides about later ones."""
_PAUSE = 2
"""Operations that are left to SQLite: one COMMIT copies all pages, the next begins the log anew."""


class AfterCommits(Protocol):
    """What is done about a log beside or between the commits."""

    def after(self, operations: int) -> None:
        """Do it when it is due. `operations` is the number committed so far."""

    def finish(self) -> None:
        """Wait until nothing of it uses the file."""

    def after_fork(self) -> None:
        """Start anew in the child of a fork."""


class Checkpoints:
    """Passive checkpoints of one file, each after about `limit` / 8 new pages in the log."""

    def __init__(
        self, engine: LateEngine, limit: int, inside: AbstractContextManager[object]
    ) -> None:
        """SQLite's own checkpoint comes at `limit` pages.

        Each checkpoint runs `inside` the gate that a fork waits for.
        """
        self._engine = engine
        self._limit = limit
        self._pages = limit // 8
        self._inside = inside
        self._interval = _FIRST_INTERVAL
        self._due = _FIRST_INTERVAL
        self._length = 0
        """Pages in the log at the last checkpoint."""
        self._is_long = False
        """Whether SQLite's own checkpoint is to come before the next one of this thread."""
        self.after_fork()

    def after_fork(self) -> None:
        """Start anew in the child of a fork, where no checkpoint thread runs."""
        self._one_at_a_time = threading.Lock()
        self._thread: threading.Thread | None = None

    def after(self, operations: int) -> None:
        """Begin a checkpoint when one is due. `operations` is the number committed so far."""
        if operations < self._due or not self._one_at_a_time.acquire(blocking=False):
            return
        if self._is_long:
            self._is_long, self._due = False, operations + _PAUSE
            self._one_at_a_time.release()
            return
        self._due = operations + self._interval
        self._thread = threading.Thread(target=self._run, name="hermes-store checkpoint")
        try:
            self._thread.start()
        except RuntimeError:  # no thread can start, for instance while the interpreter ends
            self._one_at_a_time.release()

    def finish(self) -> None:
        """Wait until no checkpoint uses the file."""
        thread = self._thread
        if thread is not None and thread.ident and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        try:
            with self._inside:
                self._follow(self._checkpoint())
        finally:
            self._one_at_a_time.release()

    def _checkpoint(self) -> int:
        """Copy the pages that no reader holds back; return how many pages are in the log."""
        engine = self._engine()
        try:
            with closing(engine.raw_connection()) as connection:
                row = connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except (DBAPIError, engine.dialect.loaded_dbapi.Error, StoreUnavailableError):
            return 0  # the write before it is safe; the next COMMIT will say what is wrong
        return max(int(row[1]), 0)

    def _follow(self, length: int) -> None:
        """Adapt the interval to how much the log grew since the last time."""
        grown = length - self._length if length >= self._length else length
        self._length = length
        self._is_long = length >= self._limit
        if grown > 2 * self._pages:
            self._interval = max(self._interval // 2, 1)
        elif grown < self._pages:
            self._interval *= 2
