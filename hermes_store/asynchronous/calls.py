"""What tasks of an event loop ask of threads, and where it waits. This module knows no database."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hermes_store.errors import HermesStoreError
from hermes_store.execution.turns import Turn

__all__ = ["FOREVER", "Call", "Queue", "Tell", "one_by_one"]

FOREVER = float("inf")

Tell = Callable[[Sequence[Any]], None]
"""Takes calls that are done, in the order of their batch, until it has had all."""


class Call(Turn):
    """What one task asks of a thread: a turn, and the future that the task awaits."""

    __slots__ = ("is_given_up", "is_settled", "must_run", "waiter")

    def __init__(self, operation: Callable[..., Any], patience: float) -> None:
        super().__init__(operation, patience)
        self.waiter: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.must_run = False
        """Whether it runs in its turn although its task was cancelled."""
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

    def refuse(self, error: HermesStoreError) -> None:
        """End a call that no thread has."""
        self.error = error
        self.settle()


class Queue:
    """The calls that no thread has. Its loop adds and takes out, its threads take.

    Whoever takes a call out has it: each change is one step of C's. To take out any of them takes
    as long as to take out the first.
    """

    def __init__(self) -> None:
        self._calls: OrderedDict[Call, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def append(self, call: Call) -> None:
        """Add a call at the end."""
        self._calls[call] = None

    def put_back(self, batch: Sequence[Call]) -> None:
        """Add calls at the front, which were the first before."""
        for call in reversed(batch):
            self._calls[call] = None
            self._calls.move_to_end(call, last=False)

    @property
    def first(self) -> Call | None:
        """The call that waits longest."""
        while True:
            with suppress(RuntimeError):  # a thread took one in this moment
                return next(iter(self._calls), None)

    def take_out(self, call: Call) -> bool:
        """Take a call out; False when a thread has it."""
        return self._calls.pop(call, call) is None

    def take(self, most: int) -> tuple[list[Call], list[Call]]:
        """Take the first calls out; return those to be run, at most so many, and cancelled ones."""
        batch: list[Call] = []
        cancelled: list[Call] = []
        with suppress(KeyError):
            while len(batch) < most:
                call, _ = self._calls.popitem(last=False)
                runs = call.must_run or not call.waiter.done()
                (batch if runs else cancelled).append(call)
        return batch, cancelled

    def refuse(self, make_error: Callable[[], HermesStoreError]) -> None:
        """End all calls."""
        with suppress(KeyError):
            while True:
                self._calls.popitem(last=False)[0].refuse(make_error())

    def clear(self) -> None:
        """Forget all calls."""
        self._calls.clear()


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
