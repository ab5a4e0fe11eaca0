"""How many threads work off what tasks ask for, and when a task hears of it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from loops import with_settings

from hermes_store.asynchronous.calls import FOREVER, Call, one_by_one
from hermes_store.asynchronous.lanes import Lane
from hermes_store.asynchronous.threads import Threads


@contextmanager
def lane_of(threads: int) -> Iterator[Lane]:
    """A lane for short calls, with so many threads at most."""
    lane = Lane(threads, one_by_one(None), one_suffices=True)
    try:
        yield lane
    finally:
        lane.end(wait=True)


async def asked(lane, function):
    return await lane.run(Call(lambda _: function(), FOREVER))


async def test_calls_one_after_the_other_are_run_by_one_thread():
    with lane_of(3) as lane:
        assert len({await asked(lane, threading.get_ident) for _ in range(50)}) == 1


def test_the_thread_that_came_back_last_is_lent_next():
    threads = Threads(3)
    first, second, third = (threads.take() for _ in range(3))
    for thread in (second, third, first):
        threads.give_back(thread)
    assert [threads.take() for _ in range(3)] == [first, third, second]


async def test_a_call_behind_a_long_one_is_run_by_another_thread():
    with lane_of(3) as lane:
        go_on = threading.Event()
        long = asyncio.ensure_future(asked(lane, lambda: go_on.wait(30)))
        assert [await asked(lane, lambda: 1) for _ in range(20)] == [1] * 20
        go_on.set()
        assert await long


async def test_as_many_long_calls_as_there_are_threads_run_at_the_same_time():
    with lane_of(3) as lane:
        gate = threading.Barrier(3)
        calls = [asyncio.ensure_future(asked(lane, lambda: gate.wait(30))) for _ in range(6)]
        assert sorted(await asyncio.gather(*calls)) == [0, 0, 1, 1, 2, 2]


async def test_what_is_done_is_told_while_the_thread_runs_the_next_call():
    both_are_there, first_is_told = threading.Event(), threading.Event()
    with lane_of(1) as lane:
        first = asyncio.ensure_future(asked(lane, lambda: both_are_there.wait(30)))
        first.add_done_callback(lambda _: first_is_told.set())
        second = asyncio.ensure_future(asked(lane, lambda: first_is_told.wait(30)))
        await asyncio.sleep(0)
        both_are_there.set()
        assert await second


async def test_a_thread_that_is_lent_as_the_lane_ends_ends_as_well():
    with lane_of(3) as lane:
        go_on = threading.Event()
        task = asyncio.ensure_future(
            asked(lane, lambda: go_on.wait(30) and threading.current_thread())
        )
        await asyncio.sleep(0)
        lane.end()
        go_on.set()
        thread = await task
        await asyncio.to_thread(thread.join, 30)
        assert not thread.is_alive()


@with_settings(pool_size=5)
async def test_reads_in_thousands_of_tasks_are_all_answered(repo):
    for number in range(3):
        await repo.append_message("s", "user", f"{number}")
    found = await asyncio.gather(*(repo.count_messages("s") for _ in range(2_000)))
    assert found == [3] * 2_000
