"""A task hears of its call as soon as that is done, and no other call's end is waited for.

Each test holds a thread, or the loop, at the one moment at which the other may be faster.
"""

import asyncio
import threading

from loops import happens, outcome

from hermes_store.asynchronous.calls import FOREVER, Call, Queue, one_by_one
from hermes_store.asynchronous.lanes import Lane
from hermes_store.errors import PoolExhaustedError


def asked(lane, function, patience=FOREVER):
    """A task that has asked, as soon as the loop runs."""
    return asyncio.ensure_future(lane.run(Call(lambda _: function(), patience)))


def signal_of(task):
    """What a thread waits for: the end of a task."""
    told = threading.Event()
    task.add_done_callback(lambda _: told.set())
    return told


class LateLook(Queue):
    """A queue at which threads look when they may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_look, self.looks = threading.Event(), threading.Event()

    def take(self, most):
        if threading.current_thread() is not threading.main_thread():
            self.looks.set()
            assert self.may_look.wait(30)
        return super().take(most)


async def looked_at(lane):
    """The first call of a lane, done, and the queue at which its thread is about to look."""
    first = asked(lane, lambda: setattr(lane, "_waiting", LateLook()))
    await happens(lambda: isinstance(lane._waiting, LateLook))
    await happens(lane._waiting.looks.is_set)
    return first, lane._waiting


async def test_a_call_that_a_thread_finds_cancelled_waits_for_no_other_call():
    lane = Lane(1, one_by_one(None))
    has_begun = threading.Event()
    first, queue = await looked_at(lane)
    cancelled = asked(lane, lambda: None)
    told = signal_of(cancelled)
    last = asked(lane, lambda: has_begun.set() or told.wait(30))
    await asyncio.sleep(0)
    cancelled.cancel()
    queue.may_look.set()
    assert has_begun.wait(30)  # the loop stands still: the task has not heard yet
    assert await outcome(cancelled) is asyncio.CancelledError
    await first
    assert await last
    lane.end()


async def test_a_call_that_is_cancelled_before_its_batch_is_handed_out_waits_for_no_other_call():
    lane = Lane(1, one_by_one(None), most=5)
    cancelled = asked(lane, lambda: None)
    told = signal_of(cancelled)
    last = asked(lane, lambda: told.wait(30))
    await asyncio.sleep(0)
    cancelled.cancel()  # its task hears of it behind the step that hands the batch out
    assert await outcome(cancelled) is asyncio.CancelledError
    assert await last
    lane.end()


async def test_a_call_that_comes_as_the_thread_looks_keeps_no_result_back():
    lane = Lane(1, one_by_one(None))
    first, queue = await looked_at(lane)
    told = signal_of(first)
    second = asked(lane, lambda: told.wait(30))
    await asyncio.sleep(0)
    queue.may_look.set()
    await first
    assert await second
    lane.end()


class TakenAtOnce(Queue):
    """A queue whose loop goes on when a thread has what was added."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.has_begun = threading.Event(), threading.Event()

    def append(self, call):
        super().append(call)
        self.go_on.set()
        assert self.has_begun.wait(30)


async def test_a_call_that_is_taken_before_the_loop_looks_keeps_no_result_back():
    lane = Lane(1, one_by_one(None), one_suffices=True)
    queue = TakenAtOnce()
    first = asked(lane, lambda: queue.go_on.wait(30))
    told = signal_of(first)
    await asyncio.sleep(0)
    lane._waiting = queue
    second = asked(lane, lambda: queue.has_begun.set() or told.wait(30))
    assert await first
    assert await second
    lane.end()


async def test_a_call_without_patience_is_run_by_a_free_thread(monkeypatch):
    lane = Lane(2, one_by_one(None), one_suffices=True, refusal=lambda _: PoolExhaustedError(2, 0))
    may_start = threading.Event()
    in_thread = lane._in_thread
    monkeypatch.setattr(lane, "_in_thread", lambda *given: may_start.wait(30) and in_thread(*given))
    calls = [asked(lane, lambda: 1, 0) for _ in range(2)]
    await asyncio.sleep(0.01)  # the loop has looked
    may_start.set()
    assert [await outcome(each) for each in calls] == [1, 1]
    lane.end()
