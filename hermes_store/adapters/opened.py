"""The repository that an adapter of a framework works on, however it was given."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet

from sqlalchemy import URL

from hermes_store.asynchronous.in_thread import in_thread
from hermes_store.asynchronous.repository import AsyncSessionRepository
from hermes_store.errors import StoreClosedError
from hermes_store.repository import SessionRepository

__all__ = ["Given", "Opened"]

Given = SessionRepository | AsyncSessionRepository | str | os.PathLike[str] | URL | None
"""A repository of either kind, or a path or a URL; None is the default path."""


class Opened:
    """Both kinds of a repository. A path or a URL is opened at the first use, in a thread.

    What was opened here is closed here; then calls raise `StoreClosedError`.
    """

    def __init__(self, given: Given) -> None:
        self._given = given
        self._begin_lock()
        _ALL.add(self)
        self._is_closed = False
        self._awaited: AsyncSessionRepository | None = None
        if isinstance(given, AsyncSessionRepository):
            self._awaited = given
        elif isinstance(given, SessionRepository):
            self._awaited = AsyncSessionRepository(given)

    async def awaited(self) -> AsyncSessionRepository:
        """The repository for tasks. Raises what opening a database raises."""
        return self._awaited or await in_thread(self._open)

    def synchronous(self) -> SessionRepository:
        """The repository for threads. Raises what opening a database raises."""
        return (self._awaited or self._open()).synchronous

    def _begin_lock(self) -> None:
        self._lock = threading.Lock()

    def _open(self) -> AsyncSessionRepository:
        assert not isinstance(self._given, (SessionRepository, AsyncSessionRepository))
        with self._lock:
            if self._is_closed:
                raise StoreClosedError
            self._awaited = self._awaited or AsyncSessionRepository(SessionRepository(self._given))
            return self._awaited

    async def close(self) -> None:
        """Close what was opened here. A repository that was given stays open."""
        opened = await in_thread(self._closed)
        if opened is not None:
            await opened.close()

    def shut(self) -> None:
        """The same, for threads."""
        opened = self._closed()
        if opened is not None:
            opened.synchronous.close()

    def _closed(self) -> AsyncSessionRepository | None:
        """Refuse to open from now on; return what was opened, which waits for a running opening."""
        with self._lock:
            self._is_closed = True
        is_given = isinstance(self._given, (SessionRepository, AsyncSessionRepository))
        return None if is_given else self._awaited


_ALL: WeakSet[Opened] = WeakSet()


def _after_fork_in_child() -> None:
    for opened in list(_ALL):
        opened._begin_lock()  # noqa: SLF001 - the thread that held it does not exist in the child


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_after_fork_in_child)
