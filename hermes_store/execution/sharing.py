"""What the stores of a process share: writers, readers, and the gate that a fork waits at.

A SQLite connection must not cross a fork. Its locks belong to the parent process, but SQLite in the
child would treat them as its own. So no connection is open while a process forks. Where one is, in
an export or a call that takes long, the child may not write: another process would not see its
locks, and could delete the log that it writes to.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from hermes_store.errors import StoreUnavailableError
from hermes_store.execution.readers import Readers
from hermes_store.execution.turns import Turn
from hermes_store.execution.writer import Writer

__all__ = ["gate", "inherited", "pools_of", "readers", "require_own", "writers"]

R = TypeVar("R")

_FORK_PATIENCE = 1.0
"""Seconds that a fork waits for running operations, so that the child inherits none of them."""


class _Gate:
    """Keeps threads out of the database library while the process forks.

    A child inherits the library's locked mutexes, but not the threads that would unlock them. It
    would wait without end.
    """

    def __init__(self) -> None:
        self._start()
        self._inside: list[int] = []

    def _start(self) -> None:
        # Taken by itself: the Condition is written in Python, where a Ctrl-C would leave it locked.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._shut = False

    def __enter__(self) -> None:
        with self._lock:
            if self._shut:
                self._changed.wait_for(lambda: not self._shut)
            self._inside.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        self._leave(threading.get_ident())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be inside for the block, which another thread may end: the one that drops a stream."""
        me = threading.get_ident()
        self.__enter__()
        try:
            yield
        finally:
            self._leave(me)

    def _leave(self, thread: int) -> None:
        with self._lock:
            self._inside.remove(thread)
            if self._shut:
                self._changed.notify_all()

    def shut(self, patience: float) -> None:
        """Let no thread in, and wait at most `patience` seconds until the others are out."""
        me = threading.get_ident()
        with self._lock:
            self._shut = True
            self._changed.wait_for(lambda: all(thread == me for thread in self._inside), patience)

    def open(self) -> None:
        """Let threads in again."""
        with self._lock:
            self._shut = False
            self._changed.notify_all()

    def after_fork(self) -> None:
        """Forget the parent's other threads, in the child of a fork."""
        self._start()
        self._inside = [thread for thread in self._inside if thread == threading.get_ident()]


class _Shared(Generic[R]):
    """Objects that several stores use, by key. The release of the last user closes an object."""

    def __init__(self, close: Callable[[R], None]) -> None:
        self._close = close
        self._lock = threading.RLock()  # a finalizer may release while its own thread acquires
        self._objects: dict[Hashable, R] = {}
        self._users: dict[Hashable, int] = {}

    def acquire(self, key: Hashable, make: Callable[[], R]) -> R:
        with self._lock:
            if key not in self._objects:
                self._objects[key] = make()
            self._users[key] = self._users.get(key, 0) + 1
            return self._objects[key]

    def release(self, key: Hashable) -> None:
        with self._lock:
            self._users[key] -= 1
            if self._users[key]:
                return
            del self._users[key]
            unused = self._objects.pop(key)
        self._close(unused)

    def all(self) -> list[R]:
        return list(self._objects.values())

    def of(self, which: Callable[[Hashable], bool]) -> list[R]:
        """Return the objects whose key satisfies `which`."""
        return [each for key, each in list(self._objects.items()) if which(key)]

    def keys_of(self, which: Callable[[R], bool]) -> list[Hashable]:
        """Return the keys of the objects that satisfy `which`."""
        return [key for key, each in list(self._objects.items()) if which(each)]

    def after_fork(self) -> None:
        self._lock = threading.RLock()


gate = _Gate()
inherited: set[Hashable] = set()
"""Files on which a connection of the parent process was in use when it forked."""
writers: _Shared[Writer] = _Shared(Writer.close)
readers: _Shared[Readers] = _Shared(Readers.close)


def pools_of(place: Hashable) -> list[Readers]:
    """The pools of readers of one file or database."""
    return readers.of(lambda key: isinstance(key, tuple) and key[0] == place)


def require_own(key: Hashable) -> None:
    """Raise `StoreUnavailableError` for a file that is `inherited`."""
    if key in inherited:
        raise StoreUnavailableError(
            "the process forked while an export or a call on this file was under way, and what it "
            "writes could be lost; nothing was written",
            "fork between calls, or start the process with 'spawn'",
        )


# --- fork ---------------------------------------------------------------------------------------

_resting: list[tuple[Writer, Turn]] = []


def _before_fork() -> None:
    gate.shut(_FORK_PATIENCE)
    for writer in writers.all():
        _resting.append((writer, Turn(None, _FORK_PATIENCE)))
        writer.rest(_resting[-1][1])
    for pool in readers.all():
        pool.close_idle()


def _after_fork_in_parent() -> None:
    while _resting:
        writer, turn = _resting[-1]
        writer.resume(turn)
        _resting.pop()
    gate.open()


def _after_fork_in_child() -> None:
    _resting.clear()
    gate.after_fork()
    writers.after_fork()
    readers.after_fork()
    inherited.update(_in_use())
    for writer in writers.all():
        writer.abandon()
    for pool in readers.all():
        pool.abandon()


def _in_use() -> Iterator[Hashable]:
    yield from writers.keys_of(Writer.uses_file)
    yield from (key[0] for key in readers.keys_of(Readers.uses_file) if isinstance(key, tuple))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
    os.register_at_fork(after_in_parent=_after_fork_in_parent)  # again: Ctrl-C may end the first
