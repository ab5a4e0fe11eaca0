"""The doors of an asynchronous repository: who runs what a task asks for.

A method that writes once gathers on the loop: its operation goes to the writer in a batch, with
those of other tasks. A method that reads runs in a thread that reads. Whatever else a method does,
it runs in a thread that waits for several transactions.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakKeyDictionary, WeakSet

from hermes_store.asynchronous.calls import FOREVER, Call, one_by_one
from hermes_store.asynchronous.lanes import Lane
from hermes_store.errors import InvalidArgumentError, PoolExhaustedError, StoreBusyError

if TYPE_CHECKING:
    from hermes_store.api.operations import Operations
    from hermes_store.execution.store import Store
    from hermes_store.repository import SessionRepository, Transaction

__all__ = ["Doors", "not_awaitable", "said"]

R = TypeVar("R")


class Lanes:
    """The lanes of one event loop, by what runs in their threads."""

    def __init__(self, repository: SessionRepository) -> None:
        from hermes_store.asynchronous.asked import PENDING, Asked  # noqa: PLC0415 - imports SQLAlchemy

        store = repository._store  # noqa: SLF001 - the same repository, for tasks
        settings = store.settings
        self.figures = store.figures
        self.asked = Asked()
        self.pending = PENDING
        self.lock_timeout = settings.lock_timeout
        self.pool_timeout = settings.pool_timeout
        writers, most = store.most_writes
        self.writes = Lane(writers, store.write_many, most=most, refusal=_busy)
        self.transactions = Lane(writers, one_by_one(store), refusal=_busy)
        self.reads = Lane(
            settings.pool_size,
            one_by_one(repository),
            one_suffices=not store.backend.is_server,
            refusal=partial(PoolExhaustedError, settings.pool_size),
        )
        self.others = Lane(settings.pool_size, one_by_one(repository))

    def all(self) -> tuple[Lane, ...]:
        """Every lane of the loop."""
        return self.writes, self.transactions, self.reads, self.others

    def refuse(self) -> None:
        """Fail what waits on the loop, and refuse what comes."""
        for lane in self.all():
            lane.refuse()


class Doors:
    """What the methods of an asynchronous repository reach the database by."""

    def __init__(self, repository: SessionRepository) -> None:
        self._repository = repository
        self._closed = False
        self._lanes: WeakKeyDictionary[asyncio.AbstractEventLoop, Lanes] = WeakKeyDictionary()
        self._lock = threading.Lock()
        """Held while a loop is added, or all loops are listed."""
        _ALL.add(self)

    @property
    def _here(self) -> Lanes:
        """The lanes of the running loop."""
        loop = asyncio.get_running_loop()
        return self._lanes.get(loop) or self._new_lanes(loop)

    def _new_lanes(self, loop: asyncio.AbstractEventLoop) -> Lanes:
        lanes = Lanes(self._repository)
        with self._lock:
            self._lanes[loop] = lanes
        if self._closed:
            lanes.refuse()
        return lanes

    async def _write(self, ask: Callable[[Operations], R]) -> R:
        """Run the one operation of a method with those of other tasks; return after COMMIT."""
        lanes = self._here
        result, operation = lanes.asked.take_down(ask)
        if operation is None:
            return result
        call = Call(operation, lanes.lock_timeout)
        if lanes.figures.observers:
            call.origin = lanes.figures.origin()
        outcome = await lanes.writes.run(call)
        return cast("R", outcome) if result is lanes.pending else result

    async def _read(self, ask: Callable[[SessionRepository], R]) -> R:
        """Run a method in a thread that reads."""
        lanes = self._here
        return cast("R", await lanes.reads.run(Call(_in_context(ask), lanes.pool_timeout)))

    async def _other(self, ask: Callable[[SessionRepository], R]) -> R:
        """Run a method of several transactions in a thread. Waits for the thread without end."""
        return cast("R", await self._here.others.run(Call(_in_context(ask), FOREVER)))

    async def _transaction(self, function: Callable[[Transaction], R]) -> R:
        """Call `function(transaction)` in a thread, and commit what it did, or nothing."""
        from hermes_store.repository import transaction_on  # noqa: PLC0415 - as in `Lanes`

        lanes = self._here

        def run(store: Store) -> R:
            patience = max(call.deadline - time.monotonic(), 0.0)
            with store.transaction(patience) as connection, transaction_on(connection) as given:
                return not_awaitable(function(given))

        call = Call(_in_context(run), lanes.lock_timeout)
        return cast("R", await lanes.transactions.run(call))

    def _refuse(self) -> None:
        """Fail what waits on any loop, and refuse what comes."""
        self._closed = True
        for loop, lanes in self._every():
            if loop is asyncio.get_running_loop():
                lanes.refuse()
            else:
                with suppress(RuntimeError):  # that loop was closed: no task waits there
                    loop.call_soon_threadsafe(lanes.refuse)

    def _shut(self) -> None:
        """Close the repository, and wait for the threads; not for the thread of a loop to do."""
        is_closed = False
        try:
            self._repository.close()
            is_closed = True
        finally:
            for _, lanes in self._every():
                for lane in lanes.all():
                    lane.end(wait=is_closed)

    def _every(self) -> list[tuple[asyncio.AbstractEventLoop, Lanes]]:
        with self._lock:
            return list(self._lanes.items())

    def _abandon(self) -> None:
        """Forget the threads of the parent, in the child of a fork."""
        _INHERITED.extend(self._lanes.values())
        self._lanes = WeakKeyDictionary()
        self._lock = threading.Lock()


def said(**given: tuple[Any, Any]) -> dict[str, Any]:
    """Return the arguments that a caller gave: of each pair the first is not the second."""
    return {name: value for name, (value, default) in given.items() if value is not default}


def _busy(waited: float) -> StoreBusyError:
    return StoreBusyError(waited, "another process, or earlier calls of this one,")


def not_awaitable(result: R) -> R:
    """Return `result`. Raises `InvalidArgumentError` for what only a loop could run."""
    if not inspect.isawaitable(result):
        return result
    if inspect.iscoroutine(result):
        result.close()  # or Python warns that it was never awaited
    remedy = "give a plain function: it runs in a thread, which awaits nothing"
    raise InvalidArgumentError("function", "returned an awaitable", remedy)


def _in_context(ask: Callable[[Any], R]) -> Callable[[Any], R]:
    """Return `ask`, to be called with the context variables of this task."""
    run = contextvars.copy_context().run
    return lambda target: run(ask, target)


# --- fork -----------------------------------------------------------------------------------------

_ALL: WeakSet[Doors] = WeakSet()
_INHERITED: list[Lanes] = []
"""Lanes of the parent process, kept: their threads are not here, and none can be joined."""


def _after_fork_in_child() -> None:
    for doors in list(_ALL):
        doors._abandon()  # noqa: SLF001 - of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
