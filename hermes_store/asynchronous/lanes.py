"""The calls of an event loop that wait for a thread. This module knows no database.

A lane belongs to one loop. Its calls wait on the loop, where they can be cancelled, and go to a
thread of the lane when one is free: one call at a time, or several as a batch. A call that a thread
has begun is awaited to its end.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from hermes_store.errors import HermesStoreError, StoreClosedError, StoreUnavailableError
from hermes_store.execution.turns import Turn

__all__ = ["Call", "Lane", "Tell", "in_thread", "one_by_one"]

FOREVER = float("inf")


class Call(Turn):
    """What one task asks of a thread: a turn, and the future that the task awaits."""

    __slots__ = ("is_given_up", "is_settled", "is_taken", "must_run", "waiter")

    def __init__(self, operation: Callable[..., Any], patience: float) -> None:
        super().__init__(operation, patience)
        self.waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.must_run = False
        """Whether it runs in its turn although its task was cancelled."""
        self.is_taken = False
        """Whether a thread has got it: then it runs."""
        self.is_settled = False
        """Whether its outcome is known."""
        self.is_given_up = False
        """Whether its task was cancelled, and waits for the end only."""

    def settle(self) -> None:
        """Give the outcome to the task, on its loop."""
        self.is_settled = True
        if self.waiter.done():  # the task was cancelled this moment; it asks `is_settled`
            return
        if self.error is None or self.is_given_up:
            self.waiter.set_result(self.result)
        elif isinstance(self.error, StopIteration):  # no future takes it
            self.waiter.set_exception(RuntimeError(f"the call raised {self.error!r}"))
        else:
            self.waiter.set_exception(self.error)

    async def outlast(self) -> None:
        """Wait for the end of a call that a thread has, however often the task is cancelled."""
        self.is_given_up = True
        while not self.is_settled:
            self.waiter = asyncio.get_running_loop().create_future()
            with suppress(asyncio.CancelledError):
                await self.waiter


Tell = Callable[[Sequence[Any]], None]
"""Takes calls that are done, in the order of their batch, until it has had all."""


class Lane:
    """A queue of one event loop, and the threads that take from it."""

    def __init__(
        self,
        threads: int,
        work: Callable[[Sequence[Call], Tell], None],
        *,
        most: int = 1,
        refusal: Callable[[float], HermesStoreError] | None = None,
    ) -> None:
        """A thread calls `work` with at most `most` calls, and with what is to be told of each.

        `refusal` makes the error of a call that has waited for all of its patience.
        """
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="hermes_store")
        self._free = threads
        self._work = work
        self._most = most
        self._refusal = refusal
        self._waiting: deque[Call] = deque()
        self._will_hand_out = False
        self._is_watching = False  # a timer kept here would keep its loop
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def run(self, call: Call) -> Any:
        """Return the result of `call`, or raise its error.

        Cancelled before a thread has it, the call never runs unless it must. Cancelled later, its
        end is awaited.
        """
        if self._is_closed:
            raise StoreClosedError
        self._waiting.append(call)
        self._hand_out_soon()
        try:
            return await call.waiter
        except asyncio.CancelledError:
            if call.is_taken or call.must_run:
                await call.outlast()
            else:
                with suppress(ValueError):  # it was left out of a batch already
                    self._waiting.remove(call)
            raise

    def refuse(self) -> None:
        """Fail the calls that no thread has, and every later one, with `StoreClosedError`."""
        self._is_closed = True
        while self._waiting:
            _refuse(self._waiting.popleft(), StoreClosedError())

    def end(self, *, wait: bool = False) -> None:
        """Let the threads end when they are done. To wait for them is not for a loop's thread."""
        self._is_closed = True
        self._threads.shutdown(wait=wait)

    def end_with(self, last: Callable[[], object]) -> None:
        """Call `last` in a thread, then let the threads end. For what no task waits for."""
        with suppress(RuntimeError):  # the interpreter ends
            self._threads.submit(last)
        self.end()

    def _hand_out_soon(self) -> None:
        """Hand out: a batch after all tasks that can run have run, so that it has their calls."""
        if not self._free:
            self._watch_the_first()
        elif self._most == 1:
            self._hand_out()
        elif not self._will_hand_out:
            self._will_hand_out = True
            asyncio.get_running_loop().call_soon(self._hand_out)

    def _hand_out(self) -> None:
        self._will_hand_out = False
        while self._free and (batch := self._take()):
            self._send(batch)
        self._watch_the_first()

    def _take(self) -> list[Call]:
        batch: list[Call] = []
        while self._waiting and len(batch) < self._most:
            call = self._waiting.popleft()
            if call.must_run or not call.waiter.done():
                call.is_taken = True
                batch.append(call)
        return batch

    def _send(self, batch: list[Call]) -> None:
        self._free -= 1
        handed = [batch]
        try:
            self._threads.submit(self._in_thread, handed, asyncio.get_running_loop())
        except RuntimeError as exc:  # closed from another loop, or the system has no more threads
            self._take_back(handed, exc)

    def _take_back(self, handed: list[list[Call]], why: RuntimeError) -> None:
        """Refuse a batch, which a pool that can start no thread keeps for a later one."""
        problem = StoreUnavailableError(f"no thread runs the call ({why})", "try again later")
        with suppress(IndexError):  # an earlier thread had become free, and runs it
            for call in handed.pop():
                _refuse(call, StoreClosedError() if self._is_closed else problem)
            self._free += 1

    def _in_thread(self, handed: list[list[Call]], loop: asyncio.AbstractEventLoop) -> None:
        with suppress(IndexError):  # it was refused
            self._work_off(handed.pop(), loop)

    def _work_off(self, batch: list[Call], loop: asyncio.AbstractEventLoop) -> None:
        told = 0

        def tell(done: Sequence[Call]) -> None:
            nonlocal told
            told += len(done)
            with suppress(RuntimeError):  # the loop was closed: no task waits any more
                loop.call_soon_threadsafe(self._settle, done, told == len(batch))

        try:
            self._work(batch, tell)
        except BaseException as exc:  # noqa: BLE001 - the tasks raise it
            for call in batch[told:]:
                call.error = exc
        if told < len(batch):
            tell(batch[told:])

    def _settle(self, done: Sequence[Call], is_last: bool) -> None:
        for call in done:
            call.settle()
        if is_last:
            self._free += 1
            self._hand_out()

    # --- patience -------------------------------------------------------------------------------

    def _watch_the_first(self) -> None:
        """Look again when the patience of the first call is over."""
        if self._waiting and self._refusal is not None and not self._is_watching:
            self._is_watching = True
            seconds = self._waiting[0].deadline - time.monotonic()
            asyncio.get_running_loop().call_later(seconds, self._expire, self._refusal)

    def _expire(self, refusal: Callable[[float], HermesStoreError]) -> None:
        """Refuse the calls whose patience is over: they stand in the order of their deadlines."""
        self._is_watching = False
        while self._waiting and self._waiting[0].expired():
            call = self._waiting.popleft()
            _refuse(call, refusal(call.waited()))
        self._watch_the_first()


def _refuse(call: Call, error: HermesStoreError) -> None:
    call.error = error
    call.settle()


def one_by_one(target: Any) -> Callable[[Sequence[Call], Tell], None]:
    """Return the work of a lane whose calls are functions of `target`."""

    def work(calls: Sequence[Call], tell: Tell) -> None:
        for call in calls:
            try:
                call.run(target)
            except BaseException as exc:  # noqa: BLE001 - the task raises it
                call.error = exc
            tell([call])

    return work


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread that is started for it, and return its result.

    Its end is awaited, also when the task is cancelled.
    """
    run = contextvars.copy_context().run
    lane = Lane(1, one_by_one(None))
    try:
        return await lane.run(Call(lambda _: run(function), FOREVER))
    finally:
        lane.end()
