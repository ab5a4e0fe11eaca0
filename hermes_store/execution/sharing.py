"""What the stores of a process share: writers, readers, and the gate that keeps forks apart.

A SQLite connection must not cross a fork: its locks belong to the process, and the child's copy of
SQLite's own tables would take them for its own. So nothing is open while a process forks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from hermes_store.execution.readers import Readers
from hermes_store.execution.turns import Turn
from hermes_store.execution.writer import Writer

__all__ = ["gate", "readers", "writers"]

R = TypeVar("R")

_FORK_PATIENCE = 1.0
"""Seconds a fork waits for what is under way, so that the child does not inherit it."""


class _Gate:
    """Keeps threads out of the database library while the process forks.

    A child inherits the library's mutexes but not the threads that hold them: it would wait for
    them for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: list[int] = []
        self._shut = False

    def __enter__(self) -> None:
        with self._changed:
            if self._shut:
                self._changed.wait_for(lambda: not self._shut)
            self._inside.append(threading.get_ident())

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside.remove(threading.get_ident())
            if self._shut:
                self._changed.notify_all()

    def shut(self, patience: float) -> None:
        """Let nobody in, and wait until everybody but this thread is out, or patience is over."""
        me = threading.get_ident()
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: all(thread == me for thread in self._inside), patience)

    def open(self) -> None:
        """Let everybody in again."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()

    def after_fork(self) -> None:
        """In the child: only this thread is left."""
        self._changed = threading.Condition()
        self._inside = [thread for thread in self._inside if thread == threading.get_ident()]
        self._shut = False


class _Shared(Generic[R]):
    """Objects that several stores use, by key; the last user's release closes them."""

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
        """Those whose key fits."""
        return [each for key, each in list(self._objects.items()) if which(key)]

    def after_fork(self) -> None:
        self._lock = threading.RLock()


gate = _Gate()
writers: _Shared[Writer] = _Shared(Writer.close)
readers: _Shared[Readers] = _Shared(Readers.close)


# --- fork ---------------------------------------------------------------------------------------
# A SQLite connection must not cross a fork: its locks belong to the process, and the child's copy
# of SQLite's own tables would believe that it holds them. So nothing is open while it happens.

_resting: list[tuple[Writer, Turn | None]] = []


def _before_fork() -> None:
    gate.shut(_FORK_PATIENCE)
    _resting.extend((writer, writer.rest(_FORK_PATIENCE)) for writer in writers.all())
    for pool in readers.all():
        pool.close_idle()


def _after_fork_in_parent() -> None:
    while _resting:
        writer, turn = _resting.pop()
        writer.resume(turn)
    gate.open()


def _after_fork_in_child() -> None:
    _resting.clear()
    gate.after_fork()
    writers.after_fork()
    readers.after_fork()
    for writer in writers.all():
        writer.abandon()
    for pool in readers.all():
        pool.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
