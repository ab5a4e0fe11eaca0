"""The connections that read: at most `pool_size`. One thread uses a connection at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TypeVar

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection, RunAgainError
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_kept import Kept
from hermes_store.errors import (
    FileReplacedError,
    HermesStoreError,
    PoolExhaustedError,
    SecondNameError,
)
from hermes_store.settings import Settings

__all__ = ["Readers", "read_any_text"]

R = TypeVar("R")

_INHERITED: list[list[OpenConnection]] = []
"""Connections of the parent process. Closing one here would drop the child's own locks."""


class Readers:
    """Lends connections of `engine`, at most `settings.pool_size` at once.

    Connections to a file are kept here, because SQLAlchemy's pool takes as long as a small query.
    Connections to a server go back into SQLAlchemy's pool, which tests whether they still answer.
    """

    def __init__(
        self,
        engine: LateEngine,
        backend: Backend,
        settings: Settings,
        renew: Callable[[], None],
        kept: Kept,
    ) -> None:
        """When the file left its path, `renew` prepares the file that lies there now.

        The first connection of `engine` is what is `kept`, which is closed with the others.
        """
        self.engine = engine
        self._kept = kept
        self._renew = renew
        self._is_replaced = False
        self._parted: list[OpenConnection] | None = None
        """The list that connections to a file go back to after the file left its path."""
        self._backend = backend
        self._settings = settings
        self._closed = False
        self._start_empty()

    def _start_empty(self) -> None:
        self._permits: SimpleQueue[None] = SimpleQueue()  # a Semaphore would be written in Python
        for _ in range(self._settings.pool_size):
            self._permits.put(None)
        self._idle: list[OpenConnection] = []
        self._streams: dict[object, tuple[float, str]] = {}

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Record, for the block, a read that streams rows to the caller."""
        key = object()
        self._streams[key] = time.monotonic(), threading.current_thread().name
        try:
            yield
        finally:
            self._streams.pop(key, None)

    @property
    def streams(self) -> list[str]:
        """The streaming reads, in words, the oldest first."""
        now = time.monotonic()
        return [
            f"an export begun {now - since:.0f} seconds ago in thread {thread}"
            for since, thread in sorted(self._streams.copy().values())
        ]

    @contextmanager
    def lend(self, *, alone: bool = False) -> Iterator[OpenConnection]:
        """Give the block a connection in a read transaction. Raises `PoolExhaustedError`.

        For a block with one statement, which is `alone`, there may be no transaction. Raises
        `SnapshotNeededError` when there are more.
        """
        permits, idle = self._permits, self._idle  # after a fork in the block, the child has others
        permit: list[None] = []
        try:
            self._wait_for(permit, permits)
            connection = self._take(idle, alone)
            try:
                yield connection
                connection.commit()
            except (HermesStoreError, RunAgainError, GeneratorExit):
                self._roll_back(connection)  # GeneratorExit: a stream is left before its end
                raise
            except BaseException as exc:
                self._drop(connection, exc)
                raise
            finally:
                self._give_back(connection, idle)
        finally:
            if permit:
                permits.put(None)

    def _wait_for(self, permit: list[None], permits: SimpleQueue[None]) -> None:
        seconds = self._settings.pool_timeout
        try:  # one call of C: between two, a Ctrl-C would lose the permit
            permit.extend(map(permits.get, (True,), (seconds,)))
        except Empty:
            raise PoolExhaustedError(self._settings.pool_size, seconds) from None

    def _take(self, idle: list[OpenConnection], alone: bool) -> OpenConnection:
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.begin(alone=alone)
            connection.require_same_file_lately()
        except (FileReplacedError, SecondNameError):
            connection.roll_back()
            connection.close()
            raise
        except BaseException as exc:
            self._drop(connection, exc)
            raise
        return connection

    def _connect(self) -> OpenConnection:
        if self._is_replaced:
            self._renew()
            self._is_replaced = False
        return OpenConnection(
            self.engine(),
            self._backend,
            self._backend.begin_reading,
            self._settings.search_timeout,
        )

    def _roll_back(self, connection: OpenConnection) -> None:
        """Keep the connection after what is no failure of it, unless ROLLBACK fails."""
        try:
            connection.roll_back()
        except connection.errors as exc:
            self._drop(connection, exc)

    def _drop(self, connection: OpenConnection, exc: BaseException) -> None:
        """Close the connection; after a lost server, close the idle ones, too."""
        if connection.is_executing:
            connection.core.invalidate()
        elif self._backend.is_lost(exc):
            connection.core.invalidate()
            self.close_idle()
        connection.core.close()

    def _give_back(self, connection: OpenConnection, idle: list[OpenConnection]) -> None:
        if connection.core.closed:
            return
        if not self._backend.keeps_readers:
            self._give_back_to_pool(connection)
            return
        idle.append(connection)
        if self._closed:
            self.close_idle()
        if idle is self._parted:
            _close_all(idle)

    def _give_back_to_pool(self, connection: OpenConnection) -> None:
        """Nobody closes what comes back into a pool that `close` has disposed of."""
        pool = self.engine().pool
        if self._closed:
            connection.core.detach()
        connection.core.close()
        if self._closed:  # since it was looked at, so `pool` is the one from before
            pool.dispose()

    def close(self) -> None:
        """Close idle connections now, and lent ones when they come back."""
        self._closed = True
        self.close_idle()

    def part(self) -> None:
        """Close idle connections, because the file left its path; opening then calls `renew`."""
        self._is_replaced = True
        self._kept.close()
        idle, self._parted = self._idle, self._idle
        self._idle = []
        _close_all(idle)

    def close_idle(self) -> None:
        """Close the connections that no thread uses."""
        self._kept.close()
        _close_all(self._idle)
        self.engine.dispose()

    def uses_file(self) -> bool:
        """Whether a connection to a file is lent."""
        return self._permits.qsize() < self._settings.pool_size and not self._backend.is_server

    def abandon(self) -> None:
        """Forget the parent's connections, in the child of a fork, without closing them."""
        self._kept.abandon()
        _INHERITED.append(self._idle)
        self.engine.dispose(close=False)
        self._start_empty()


def _close_all(idle: list[OpenConnection]) -> None:
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread took the last one
            return
        connection.close()


def read_any_text(connection: OpenConnection, read: Callable[[], R]) -> R:
    """Call `read`; when a text is not valid UTF-8, call it again with U+FFFD for bad bytes.

    The second call is slower: it calls a function for each value.
    """
    try:
        return read()
    except connection.errors as exc:
        if not connection.backend.is_undecodable(exc):
            raise
    with connection.backend.undecodable_replaced(connection.core):
        return read()
