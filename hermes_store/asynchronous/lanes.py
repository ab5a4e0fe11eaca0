"""The queues in which calls of an event loop wait for a thread. This module knows no database.

A lane belongs to one loop. A call can be cancelled until a thread of the lane has it: one call at a
time, or several as a batch. The loop hands its first batch to a thread; then the thread takes from
the queue until no call waits. A call that a thread has is awaited to its end.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from hermes_store.asynchronous.calls import Call, Queue, Tell
from hermes_store.asynchronous.threads import Threads
from hermes_store.errors import HermesStoreError, StoreClosedError, StoreUnavailableError

__all__ = ["Lane"]

PAUSE = 0.001
"""Seconds between two looks at a queue that one thread works off; a loop's clock has no less."""
LONG = 0.003
"""Seconds that a call may wait as the first, until a further thread takes it."""


class Lane:
    """A queue of one event loop, and the threads that take from it."""

    def __init__(
        self,
        threads: int,
        work: Callable[[Sequence[Call], Tell], None],
        *,
        most: int = 1,
        one_suffices: bool = False,
        refusal: Callable[[float], HermesStoreError] | None = None,
    ) -> None:
        """A thread calls `work` with at most `most` calls, and with what is to be told of each.

        Where `one_suffices`, calls are short and use the processor: a further thread takes from the
        queue only when the first call there waits while the threads get on with none. `refusal`
        makes the error of a call that has waited for all of its patience.
        """
        self._threads = Threads(threads)
        self._work = work
        self._most = most
        self._one_suffices = one_suffices
        self._refusal = refusal
        self._waiting = Queue()
        self._done: deque[Call] = deque()
        """Calls that threads have run, or found cancelled."""
        self._will_start = False
        self._is_looking = False
        self._first: Call | None = None
        """The call that was the first when the loop looked, `_first_since` by the clock."""
        self._first_since = 0.0
        self._is_watching = False  # a timer kept here would keep its loop
        self._is_closed = False

    async def run(self, call: Call) -> Any:
        """Return the result of `call`, or raise its error.

        Cancelled before a thread has it, the call never runs unless it must. Cancelled later, its
        end is awaited.
        """
        if self._is_closed:
            raise StoreClosedError
        self._waiting.append(call)
        self._start_soon()
        try:
            return await call.waiter
        except asyncio.CancelledError:
            if call.must_run or not self._waiting.take_out(call):
                await call.outlast()
            raise

    def refuse(self) -> None:
        """Fail the calls that no thread has, and every later one, with `StoreClosedError`."""
        self._is_closed = True
        self._waiting.refuse(StoreClosedError)

    def end(self, *, wait: bool = False) -> None:
        """Let the threads end when they are done. To wait for them is not for a loop's thread."""
        self._is_closed = True
        self._threads.end(wait=wait)

    def end_with(self, last: Callable[[], object]) -> None:
        """Call `last` in a thread, then let the threads end. For what no task waits for."""
        with suppress(RuntimeError):  # the interpreter ends
            self._threads.take().submit(last)
        self.end()

    # --- threads come and go: on the loop -------------------------------------------------------

    def _start_soon(self) -> None:
        """Start: for a batch after all tasks that can run have run, so that it has their calls."""
        if self._most == 1:
            self._start()
        elif not self._will_start:
            self._will_start = True
            asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        """Hand batches to threads: to every free one, or to one if that suffices."""
        self._will_start = False
        while self._waiting and self._threads.free and not self._is_served and self._start_one():
            pass
        if self._is_served:
            self._look_soon()
        self._watch_the_first()

    @property
    def _is_served(self) -> bool:
        """Whether a thread is at work where one suffices."""
        return self._one_suffices and self._threads.at_work > 0

    def _start_one(self) -> bool:
        """Hand a batch to a free thread: so none of it is refused before the thread comes to it."""
        loop = asyncio.get_running_loop()
        thread = self._threads.take()
        handed = [self._take(loop)]
        try:
            thread.submit(self._in_thread, handed, thread, loop)
        except RuntimeError as exc:  # closed from another loop, or the system has no more threads
            self._threads.give_back(thread)
            self._give_up(handed.pop(), exc)
            return False
        return True

    def _give_up(self, batch: list[Call], why: RuntimeError) -> None:
        """Leave a batch to the threads at work; where there are none, refuse all that waits."""
        self._waiting.put_back(batch)
        if not self._threads.at_work:
            problem = StoreUnavailableError(f"no thread runs the call ({why})", "try again later")
            self._waiting.refuse(StoreClosedError if self._is_closed else lambda: problem)

    def _look_soon(self) -> None:
        """Settle what is done, and look again if a call waits."""
        first = self._waiting.first
        self._settle()  # in this order: a thread that took the last call ran others before
        if first is not self._first:
            self._first, self._first_since = first, time.monotonic()
        if first is not None and not self._is_looking:
            self._is_looking = True
            asyncio.get_running_loop().call_later(PAUSE, self._look)

    def _look(self) -> None:
        self._is_looking = False
        if self._threads.free and self._is_first_for_long():
            self._start_one()
        self._look_soon()

    def _is_first_for_long(self) -> bool:
        first = self._waiting.first
        is_same = first is not None and first is self._first
        return is_same and time.monotonic() - self._first_since > LONG

    def _settle(self) -> None:
        while self._done:
            self._done.popleft().settle()

    def _have_back(self, thread: ThreadPoolExecutor) -> None:
        self._threads.give_back(thread)
        self._settle()
        if self._waiting:
            self._start()

    # --- in a thread ----------------------------------------------------------------------------

    def _in_thread(
        self,
        handed: list[list[Call]],
        thread: ThreadPoolExecutor,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            batch = handed.pop()
        except IndexError:  # the loop gave up
            return
        while batch:
            self._work_off(batch, loop)
            batch = [] if loop.is_closed() else self._take(loop)
            if batch and not self._one_suffices:  # else the loop looks soon
                _say(loop, self._settle)
        _say(loop, self._have_back, thread)
        if loop.is_closed():  # calls that nobody awaits would keep it, and it these threads
            self._waiting.clear()
            self._done.clear()

    def _take(self, loop: asyncio.AbstractEventLoop) -> list[Call]:
        batch, cancelled = self._waiting.take(self._most)
        if cancelled:
            self._done.extend(cancelled)
            _say(loop, self._settle)
        return batch

    def _work_off(self, batch: Sequence[Call], loop: asyncio.AbstractEventLoop) -> None:
        told = 0

        def tell(done: Sequence[Call]) -> None:
            nonlocal told
            told += len(done)
            self._done.extend(done)
            if told < len(batch):
                _say(loop, self._settle)

        try:
            self._work(batch, tell)
        except BaseException as exc:  # noqa: BLE001 - the tasks raise it
            for call in batch[told:]:
                call.error = exc
        tell(batch[told:])

    # --- patience: on the loop ------------------------------------------------------------------

    def _watch_the_first(self) -> None:
        """Look again when the patience of the first call is over."""
        if self._refusal is None or self._is_watching:
            return
        first = self._waiting.first
        if first is not None:
            self._is_watching = True
            seconds = first.deadline - time.monotonic()
            asyncio.get_running_loop().call_later(seconds, self._expire, self._refusal)

    def _expire(self, refusal: Callable[[float], HermesStoreError]) -> None:
        """Run or refuse the calls whose patience is over: they stand in order of deadlines."""
        self._is_watching = False
        while (call := self._waiting.first) is not None and call.expired():
            is_run = self._threads.free and self._start_one()
            if not is_run and self._waiting.take_out(call):
                call.refuse(refusal(call.waited()))
        self._watch_the_first()


def _say(loop: asyncio.AbstractEventLoop, step: Callable[..., None], *given: Any) -> None:
    with suppress(RuntimeError):  # the loop was closed: no task waits any more
        loop.call_soon_threadsafe(step, *given)
