"""Who writes next: a queue in which one thread leads and those behind it wait. No database here.

There is no thread of its own and no timer. A caller who finds nobody writing leads at once.
Callers who come meanwhile wait; when the leader is through it hands over to the first of them,
who takes along what waits by then. Whoever leads hands over, whatever exception ends its turn.
Where several can write at once, so many lead side by side.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hermes_store.errors import NestedTransactionError, StoreBusyError, StoreClosedError

__all__ = ["Operation", "Turn", "Turns"]

R = TypeVar("R")

NEW, WAITING, LEADING, RUNNING, DONE = "new", "waiting", "leading", "running", "done"


class Operation(Generic[R]):
    """A function of a connection, with its other arguments."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(
        self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def __call__(self, connection: Any) -> R:
        """Run it."""
        return self.function(connection, *self.args, **self.kwargs)


class Turn:
    """One caller's place in the queue, and what came of its operation."""

    __slots__ = (
        "alone",
        "deadline",
        "error",
        "operation",
        "patience",
        "result",
        "signal",
        "started",
        "state",
        "thread",
    )

    def __init__(
        self, operation: Callable[..., Any] | None, patience: float, *, alone: bool = False
    ) -> None:
        self.operation = operation
        """None: the caller wants the turn for itself, never in a group."""
        self.alone = alone
        """Whether nobody else may lead at the same time."""
        self.thread = threading.get_ident()
        self.patience = patience
        """Seconds that the caller waits."""
        self.started = time.monotonic()
        self.deadline = self.started + patience
        self.state = NEW
        self.result: Any = None
        self.error: BaseException | None = None
        self.signal = threading.Lock()
        self.signal.acquire()

    def run(self, connection: Any) -> None:
        """Run the operation, keep its result."""
        assert self.operation is not None
        self.result = self.operation(connection)

    def wake(self, state: str) -> None:
        """Let the caller go on as leader, or with its outcome."""
        self.state = state
        self.signal.release()

    def fail(self, error: BaseException) -> None:
        """End the turn with an error."""
        self.error = error
        self.wake(DONE)

    def waited(self) -> float:
        """Seconds since the caller asked."""
        return time.monotonic() - self.started

    def expired(self) -> bool:
        """Whether the caller's patience is over."""
        return time.monotonic() >= self.deadline


class Turns:
    """The queue of one writer. Every attribute is guarded by one mutex."""

    def __init__(self, longest_queue: int, most_leaders: int = 1) -> None:
        self._longest_queue = longest_queue
        self._most_leaders = most_leaders
        self._mutex = threading.Lock()
        self._changed = threading.Condition(self._mutex)
        self._watchers = 0
        """Threads that wait for `_changed`; while there are none nobody is notified."""
        self._queue: deque[Turn] = deque()
        self._leaders: list[Turn] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._queue)

    def enter(self, turn: Turn) -> None:
        """Return when `turn` leads, or when a leader has run it.

        Raises `StoreBusyError` after the caller's patience, `StoreClosedError`, and
        `NestedTransactionError` when this thread leads already.
        """
        with self._mutex:
            self._admit(turn)
            if not self._queue and self._may_lead(turn):
                turn.state = LEADING
                self._leaders.append(turn)
                return
            turn.state = WAITING
            self._queue.append(turn)
            self._notify()
        self._wait(turn)

    def gather(self, leader: Turn, most: int, company_seconds: float) -> list[Turn]:
        """`leader` and those who wait and can run in one transaction with it."""
        group = [leader]
        if most == 1 or not (self._queue or company_seconds):
            return group
        with self._mutex:
            if company_seconds:
                deadline = time.monotonic() + company_seconds
                self._watch(lambda: self._closed or len(self._queue) + 1 >= most, deadline)
            queue = self._queue
            while queue and len(group) < most and queue[0].operation is not None:
                follower = queue.popleft()
                follower.state = RUNNING
                group.append(follower)
            self._notify()
        return group

    def leave(self, turn: Turn, group: list[Turn] | None = None) -> None:
        """End a turn, however it went: hand over, give back those it did not finish."""
        if turn.state is DONE and turn not in self._leaders:
            return
        with self._mutex:
            for undone in reversed(group or ()):
                if undone.state is RUNNING:
                    undone.state = WAITING
                    self._queue.appendleft(undone)
            if turn in self._leaders:
                self._leaders.remove(turn)
            elif turn in self._queue:
                self._queue.remove(turn)
            self._hand_over()

    def close(self, patience: float) -> bool:
        """Refuse what waits and what comes; False when the leader is not through in time."""
        with self._mutex:
            if self.held_here():
                raise NestedTransactionError
            self._closed = True
            while self._queue:
                self._queue.popleft().fail(StoreClosedError())
            self._notify()
            return self._watch(lambda: not self._leaders, time.monotonic() + patience)

    @property
    def led(self) -> bool:
        """Whether somebody has the turn."""
        return bool(self._leaders)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def held_here(self) -> bool:
        """Whether this thread has the turn."""
        me = threading.get_ident()
        return any(leader.thread == me for leader in self._leaders)

    def _admit(self, turn: Turn) -> None:
        if self.held_here():
            raise NestedTransactionError
        if len(self._queue) >= self._longest_queue and not self._watch(
            lambda: self._closed or len(self._queue) < self._longest_queue, turn.deadline
        ):
            raise StoreBusyError(turn.waited(), "other threads of this process")
        if self._closed:
            raise StoreClosedError

    def _wait(self, turn: Turn) -> None:
        patience = max(turn.deadline - time.monotonic(), 0.0)
        if turn.signal.acquire(timeout=min(patience, threading.TIMEOUT_MAX)):
            return
        with self._mutex:
            if turn.state is WAITING:
                self._queue.remove(turn)
                self._hand_over()
                turn.state = DONE
                raise StoreBusyError(turn.waited(), "another thread of this process")
        turn.signal.acquire()

    def _may_lead(self, turn: Turn) -> bool:
        if not self._leaders:
            return True
        alone = turn.alone or self._leaders[0].alone
        return not alone and len(self._leaders) < self._most_leaders

    def _hand_over(self) -> None:
        while self._queue and self._may_lead(self._queue[0]):
            leader = self._queue.popleft()
            self._leaders.append(leader)
            leader.wake(LEADING)
        self._notify()

    def _notify(self) -> None:
        if self._watchers:
            self._changed.notify_all()

    def _watch(self, condition: Callable[[], bool], deadline: float) -> bool:
        self._watchers += 1
        try:
            return self._changed.wait_for(condition, max(deadline - time.monotonic(), 0.0))
        finally:
            self._watchers -= 1
