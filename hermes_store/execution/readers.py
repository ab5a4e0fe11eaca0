"""The connections that read: a bounded number, each used by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

from sqlalchemy import Engine

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import (
    FileReplacedError,
    HermesStoreError,
    PoolExhaustedError,
    SecondNameError,
)
from hermes_store.settings import Settings

__all__ = ["Readers"]

_INHERITED: list[list[OpenConnection]] = []
"""Connections of a parent process. Closing one here would drop the locks of the child's own."""


class Readers:
    """Lends connections of `engine`, at most `settings.pool_size` at once.

    Those to a file are kept as they are: to take one from a pool of SQLAlchemy's costs as much as
    a small query. Those to a server go back into its pool, which sees whether they still answer.
    """

    def __init__(
        self, engine: Engine, backend: Backend, settings: Settings, renew: Callable[[], None]
    ) -> None:
        """`renew` looks at what lies where a file was that is gone, before it is opened."""
        self.engine = engine
        self._renew = renew
        self._is_replaced = False
        self._parted: list[OpenConnection] | None = None
        """Where connections to a file that is gone come back to."""
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
        """Note a read that goes on while its reader does other things."""
        key = object()
        self._streams[key] = time.monotonic(), threading.current_thread().name
        try:
            yield
        finally:
            self._streams.pop(key, None)

    @property
    def streams(self) -> list[str]:
        """The reads that go on, in words, the longest first."""
        now = time.monotonic()
        return [
            f"an export begun {now - since:.0f} seconds ago in thread {thread}"
            for since, thread in sorted(self._streams.copy().values())
        ]

    @contextmanager
    def lend(self) -> Iterator[OpenConnection]:
        """A connection for a `with` block. Raises `PoolExhaustedError`."""
        permits, idle = self._permits, self._idle  # a child of a fork in the block gets others
        try:
            permits.get(timeout=self._settings.pool_timeout)
        except Empty:
            raise PoolExhaustedError(
                self._settings.pool_size, self._settings.pool_timeout
            ) from None
        try:
            connection = self._take(idle)
            try:
                yield connection
                connection.commit()
            except HermesStoreError:
                connection.roll_back()  # what we refuse harms no connection
                raise
            except BaseException as exc:
                self._drop(connection, exc)
                raise
            finally:
                self._give_back(connection, idle)
        finally:
            permits.put(None)

    def _take(self, idle: list[OpenConnection]) -> OpenConnection:
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.begin()
            connection.require_same_file_lately()
        except (FileReplacedError, SecondNameError):
            connection.roll_back()
            connection.close()
            raise
        return connection

    def _connect(self) -> OpenConnection:
        if self._is_replaced:
            self._renew()
            self._is_replaced = False
        return OpenConnection(
            self.engine,
            self._backend,
            self._backend.begin_reading,
            self._settings.search_timeout,
        )

    def _drop(self, connection: OpenConnection, exc: BaseException) -> None:
        """Close it; when the server is gone, so is every connection."""
        if self._backend.is_lost(exc):
            connection.core.invalidate()
            self.close_idle()
        connection.core.close()

    def _give_back(self, connection: OpenConnection, idle: list[OpenConnection]) -> None:
        if connection.core.closed:
            return
        if not self._backend.keeps_readers:
            connection.core.close()
            return
        idle.append(connection)
        if self._closed:
            self.close_idle()
        if idle is self._parted:
            _close_all(idle)

    def close(self) -> None:
        """Close them all, those that are lent when they come back."""
        self._closed = True
        self.close_idle()

    def part(self) -> None:
        """The file is no longer at its place: close them, look before the next opens."""
        self._is_replaced = True
        idle, self._parted = self._idle, self._idle
        self._idle = []
        _close_all(idle)

    def close_idle(self) -> None:
        """Close those that nobody uses."""
        _close_all(self._idle)
        self.engine.dispose()

    def abandon(self) -> None:
        """In the child of a fork: never touch what belongs to the parent."""
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
