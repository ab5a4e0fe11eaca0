"""A cancelled call has happened or has not, its neighbours have, and nothing of it is left."""

import asyncio

import pytest
from loops import foreign_lock, happens, outcome, threads, with_settings

from hermes_store import AsyncSessionRepository
from hermes_store.errors import SessionNotFoundError
from hermes_store.execution.store import Store

Cancelled = asyncio.CancelledError


async def contents(repo: AsyncSessionRepository) -> list[str]:
    return [each["content"] for each in await repo.get_messages("s")]


def begun(repo: AsyncSessionRepository) -> bool:
    """Whether a thread has begun to write."""
    return repo.synchronous._store._writer._turns.led


async def test_a_write_that_is_cancelled_before_its_batch_never_runs(repo):
    task = asyncio.ensure_future(repo.append_message("s", "user", "never"))
    await asyncio.sleep(0)
    task.cancel()
    assert await outcome(task) is Cancelled
    await repo.append_message("s", "user", "next")
    assert await contents(repo) == ["next"]


async def test_a_write_that_is_cancelled_in_its_batch_is_awaited_and_stored(repo, database):
    with foreign_lock(database):
        task = asyncio.ensure_future(repo.append_message("s", "user", "begun"))
        await happens(lambda: begun(repo))
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        assert not task.done()
    assert await outcome(task) is Cancelled
    assert await contents(repo) == ["begun"]


async def test_the_error_of_a_write_that_was_cancelled_in_its_batch_is_not_raised(repo, database):
    with foreign_lock(database):
        first = asyncio.ensure_future(repo.append_message("s", "user", "first"))
        wrong = asyncio.ensure_future(repo.append_message("nobody", "user", "x"))
        await happens(lambda: begun(repo))
        wrong.cancel()
    assert await outcome(wrong) is Cancelled
    assert await first
    assert await contents(repo) == ["first"]


@with_settings(batch_size=5, write_pool_size=1)
async def test_a_timeout_behind_a_lock_leaves_what_was_not_begun_undone(repo, database):
    with foreign_lock(database):
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", f"{n}")) for n in range(40)]
        await happens(lambda: begun(repo))
        for task in tasks:
            task.cancel()
        assert {await outcome(each) for each in tasks[5:]} == {Cancelled}
        assert not any(each.done() for each in tasks[:5])
    assert {await outcome(each) for each in tasks[:5]} == {Cancelled}
    assert await contents(repo) == [f"{n}" for n in range(5)]


@with_settings(batch_size=10)
async def test_the_neighbours_of_cancelled_writes_are_stored_once_each(repo, database):
    with foreign_lock(database):
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", f"{n}")) for n in range(100)]
        await happens(lambda: begun(repo))
        for task in tasks[::2]:
            task.cancel()
    ends = [await outcome(each) for each in tasks]
    assert set(ends[::2]) == {Cancelled}
    found = await contents(repo)
    assert len(found) == len(set(found))
    assert {f"{n}" for n in range(1, 100, 2)} <= set(found)
    assert await repo.check() == []


@pytest.mark.parametrize("call", ["append_message", "run", "get_messages", "get_stats"])
async def test_a_call_can_be_cancelled_at_any_step_of_the_loop(repo, call):
    """After each, the repository answers, and what was stored is stored once."""
    arguments = {
        "append_message": ("s", "user", "x"),
        "run": (lambda tx: tx.append_message("s", "user", "x"),),
        "get_messages": ("s",),
        "get_stats": (),
    }
    for steps in range(25):
        before = await repo.message_count("s")
        task = asyncio.ensure_future(getattr(repo, call)(*arguments[call]))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        end = await outcome(task)
        stored = await repo.message_count("s") - before
        assert stored in ({1} if isinstance(end, int) else {0, 1})
    assert await repo.append_message("s", "user", "last")
    assert await repo.check() == []


async def test_a_transaction_that_is_cancelled_while_it_runs_is_awaited_and_committed(repo):
    inside, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def function(tx):
        tx.append_message("s", "user", "whole")
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)

    task = asyncio.ensure_future(repo.run(function))
    await inside.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    assert await outcome(task) is Cancelled
    assert await contents(repo) == ["whole"]


@with_settings(pool_size=1)
async def test_a_read_that_is_cancelled_in_the_queue_never_runs(repo, monkeypatch):
    inside, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    original, reads = Store.read, []

    def read(store, *args, **kwargs):
        reads.append(args)
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        return original(store, *args, **kwargs)

    monkeypatch.setattr(Store, "read", read)
    first = asyncio.ensure_future(repo.get_messages("s"))
    await inside.wait()
    waiting = [asyncio.ensure_future(repo.get_messages("s")) for _ in range(10)]
    await asyncio.sleep(0)
    for task in [first, *waiting]:
        task.cancel()
    assert {await outcome(each) for each in waiting} == {Cancelled}
    assert not first.done()
    go_on.set()
    assert await outcome(first) is Cancelled
    assert len(reads) == 1


async def test_a_step_of_an_export_that_is_cancelled_closes_it(repo):
    export = repo.iter_export()
    step = asyncio.ensure_future(anext(export))
    await asyncio.sleep(0)
    step.cancel()
    assert await outcome(step) is Cancelled
    assert await outcome(asyncio.ensure_future(anext(export))) is StopAsyncIteration
    assert repo.synchronous._store._readers.streams == []


async def test_an_opening_that_is_cancelled_leaves_nothing_open(database):
    for steps in range(5):
        task = asyncio.ensure_future(AsyncSessionRepository.open(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.cancel():
            assert await outcome(task) is Cancelled
        else:  # the thread was faster than the loop
            await (await task).close()
    from hermes_store.execution import sharing

    assert sharing.writers.all() == sharing.readers.all() == []
    await happens(lambda: threads() == [])


async def test_a_closing_that_is_cancelled_is_awaited(repo, database):
    await repo.append_message("s", "user", "x")
    task = asyncio.ensure_future(repo.close())
    await asyncio.sleep(0)
    task.cancel()
    assert await outcome(task) is Cancelled
    assert await outcome(asyncio.ensure_future(repo.message_count("s"))) is not SessionNotFoundError
    await happens(lambda: threads() == [])


async def test_a_closing_of_an_export_that_is_cancelled_gives_its_connection_back(repo):
    export = repo.iter_export()
    step = asyncio.ensure_future(anext(export))
    await asyncio.sleep(0)
    closing = [asyncio.ensure_future(export.aclose()) for _ in range(2)]
    await asyncio.sleep(0)
    for task in closing:
        task.cancel()
    assert (await outcome(step))["id"] == "s"
    assert await outcome(closing[0]) is Cancelled
    assert repo.synchronous._store._readers.streams == []
    assert await outcome(asyncio.ensure_future(anext(export))) is StopAsyncIteration
