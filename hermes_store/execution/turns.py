"""The queue of threads that want to write. This module knows no database.

One thread leads: it runs operations, its own and those of waiting threads. A thread that finds no
leader leads at once; a thread that finds one waits. A leader that is done hands over to the first
waiting thread. The new leader takes the operations that wait at that moment into its group. A
leader hands over also when an exception ends its turn. The queue starts no thread and no timer.
Ctrl-C may strike between any two steps: a turn is in its next place before it leaves the last one.
A server allows several leaders at a time, up to `most_leaders`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
        """Call the function with `connection` and the other arguments."""
        return self.function(connection, *self.args, **self.kwargs)


class Turn:
    """One caller's place in the queue, and the outcome of its operation."""

    __slots__ = (
        "alone",
        "deadline",
        "error",
        "hurries",
        "operation",
        "origin",
        "patience",
        "result",
        "signal",
        "started",
        "state",
        "thread",
    )

    def __init__(self, operation: Callable[..., Any] | None, patience: float) -> None:
        self.operation = operation
        """None when the caller works on the connection itself; such a turn is never in a group."""
        self.alone = False
        """Whether no other turn may lead at the same time."""
        self.hurries = False
        """Whether it waits for no company, and in the driver no longer than its patience."""
        self.thread = threading.get_ident()
        self.patience = patience
        """Seconds that the caller waits."""
        self.started = time.monotonic()
        self.deadline = self.started + patience
        self.state = NEW
        self.origin: Any = None
        """What stands for the call, for an observer."""
        self.result: Any = None
        self.error: BaseException | None = None
        self.signal: threading.Lock | None = None
        """What the caller waits at; a turn that leads at once needs none."""

    def line_up(self) -> None:
        """Be one that waits, until `wake`. The queue's mutex is held."""
        self.state = WAITING
        self.signal = threading.Lock()
        self.signal.acquire()

    def run(self, connection: Any) -> None:
        """Run the operation and keep its result."""
        assert self.operation is not None
        self.result = self.operation(connection)

    def wake(self, state: str) -> None:
        """Set the state, and let the waiting caller go on: as leader, or with its outcome."""
        self.state = state
        if self.signal is not None:
            self.signal.release()

    def fail(self, error: BaseException) -> None:
        """End the turn with `error`, which its caller raises."""
        self.error = error
        self.wake(DONE)

    def waited(self) -> float:
        """Return the seconds since the caller asked."""
        return time.monotonic() - self.started

    def expired(self) -> bool:
        """Return whether the caller has waited for all of its patience."""
        return time.monotonic() >= self.deadline


class Turns:
    """The queue of one writer. One mutex guards every attribute."""

    def __init__(self, longest_queue: int, most_leaders: int = 1) -> None:
        self._longest_queue = longest_queue
        self._most_leaders = most_leaders
        self._mutex: Any = threading.RLock()  # a lock would not tell who has it
        self._changed = threading.Condition(self._mutex)
        self._watchers = 0
        """How many threads wait for `_changed`. At 0 a change is not announced."""
        self._queue: deque[Turn] = deque()
        self._leaders: list[Turn] = []
        self.closed = False
        """Whether `close` was called."""

    def __len__(self) -> int:
        return len(self._queue)

    def enter(self, turn: Turn) -> None:
        """Return when `turn` leads, or when a leader has run it.

        Raises `StoreBusyError` when the caller's patience is over, `StoreClosedError` after
        `close`, and `NestedTransactionError` when this thread leads already.
        """
        self._require_no_step_below(turn)
        with self._mutex:
            if self._leaders or self._queue or self.closed:
                self._admit(turn)
            if not self._queue and self._may_lead(turn):
                turn.state = LEADING
                self._leaders.append(turn)
                return
            turn.line_up()
            self._queue.append(turn)
            self._notify()
        self.wait(turn)

    def join(self, turns: Sequence[Turn]) -> None:
        """Queue the turns of several callers, for one thread that then calls `wait` with each.

        Raises what `enter` raises, for the first turn.
        """
        self._require_no_step_below(turns[0])
        with self._mutex:
            self._admit(turns[0])
            leads = not self._queue and self._may_lead(turns[0])
            for turn in turns[1:] if leads else turns:
                turn.line_up()
                self._queue.append(turn)
            if leads:
                self._leaders.append(turns[0])
                turns[0].wake(LEADING)
            self._notify()

    def wait(self, turn: Turn) -> None:
        """Return when a turn in the queue leads, or when a leader has run it.

        Raises `StoreBusyError` when the caller's patience is over.
        """
        if turn.signal is None:  # it led at once
            return
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

    def gather(self, group: list[Turn], most: int, company_seconds: float) -> None:
        """Add the waiting turns that share a leader's transaction to its group, `most` in all.

        The leader waits at most `company_seconds` for more turns.
        """
        if most == 1 or not (self._queue or company_seconds):
            return
        with self._mutex:
            if company_seconds:
                deadline = time.monotonic() + company_seconds
                self._watch(lambda: self.closed or len(self._queue) + 1 >= most, deadline)
            queue = self._queue
            while queue and len(group) < most and queue[0].operation is not None:
                group.append(queue[0])
                queue[0].state = RUNNING
                queue.popleft()
            self._hand_over()  # a batch may have kept a turn from leading that came behind it

    def leave(self, turn: Turn, group: Sequence[Turn] = (), *, is_committed: bool = False) -> None:
        """End a turn after success and failure alike, and hand over.

        Turns of `group` that the leader did not finish go back to the front of the queue; of one
        that `is_committed`, they are done.
        """
        if turn.state is DONE and turn not in self._leaders:
            return
        self.end(turn, group, is_committed=is_committed)

    def end(self, turn: Turn, group: Sequence[Turn] = (), *, is_committed: bool = False) -> None:
        """Do what `leave` does, also when Ctrl-C ended `leave` anywhere in it."""
        with self._mutex:
            for undone in reversed(group):
                if undone.state is RUNNING and is_committed:
                    undone.wake(DONE)
                elif undone.state is RUNNING:
                    undone.state = WAITING
                    self._queue.appendleft(undone)
            if turn in self._leaders:
                self._leaders.remove(turn)
            elif turn in self._queue:
                self._queue.remove(turn)
            if self._leaders or self._queue or self._watchers:
                self._hand_over()

    def close(self, patience: float) -> bool:
        """Refuse waiting and later turns; return False when a leader is not done in time.

        Raises `NestedTransactionError` when this thread leads.
        """
        if self.held_here():
            raise NestedTransactionError
        with self._mutex:
            self.closed = True
            try:
                self._refuse_all()
            except KeyboardInterrupt:  # a turn that is half refused would wait without end
                self._refuse_all()
                raise
            self._notify()
            return self._watch(lambda: not self._leaders, time.monotonic() + patience)

    def _refuse_all(self) -> None:
        while self._queue:
            if self._queue[0].state is WAITING:
                self._queue[0].fail(StoreClosedError())
            self._queue.popleft()

    @property
    def led(self) -> bool:
        """Whether any thread leads."""
        return bool(self._leaders)

    def held_here(self) -> bool:
        """Return whether this thread leads, or a signal handler is in the middle of its step."""
        return self._is_in_a_step() or self._leads()

    def _is_in_a_step(self) -> bool:
        found: bool = self._mutex._is_owned()  # noqa: SLF001 - nothing public tells it
        return found

    def _leads(self) -> bool:
        if not self._leaders:
            return False
        me = threading.get_ident()
        return any(leader.thread == me for leader in self._leaders)

    def _require_no_step_below(self, turn: Turn) -> None:
        """Refuse a turn of a signal handler, or a finalizer, that came in the middle of a step."""
        if self._is_in_a_step():
            turn.state = DONE
            raise NestedTransactionError

    def _waits_here(self) -> bool:
        """Return whether this thread stands in the queue, below a signal handler."""
        me = threading.get_ident()
        return me == threading.main_thread().ident and any(
            each.thread == me for each in self._queue
        )

    def _admit(self, turn: Turn) -> None:
        if self._leads() or self._waits_here():
            raise NestedTransactionError
        if len(self._queue) >= self._longest_queue and not self._watch(
            lambda: self.closed or len(self._queue) < self._longest_queue, turn.deadline
        ):
            raise StoreBusyError(turn.waited(), "other threads of this process")
        if self.closed:
            raise StoreClosedError

    def _may_lead(self, turn: Turn) -> bool:
        if not self._leaders:
            return True
        alone = turn.alone or self._leaders[0].alone
        return not alone and len(self._leaders) < self._most_leaders

    def _hand_over(self) -> None:
        """Let those lead that may, also those that a Ctrl-C in here has left half on their way."""
        for leader in self._leaders:
            self._let_lead(leader)
        while self._queue and self._may_lead(self._queue[0]):
            self._leaders.append(self._queue[0])
            self._let_lead(self._leaders[-1])
        self._notify()

    def _let_lead(self, leader: Turn) -> None:
        if self._queue and self._queue[0] is leader:
            self._queue.popleft()
        if leader.state is WAITING:
            leader.wake(LEADING)

    def _notify(self) -> None:
        if self._watchers:
            self._changed.notify_all()

    def _watch(self, condition: Callable[[], bool], deadline: float) -> bool:
        self._watchers += 1
        try:
            return self._changed.wait_for(condition, max(deadline - time.monotonic(), 0.0))
        finally:
            self._watchers -= 1
