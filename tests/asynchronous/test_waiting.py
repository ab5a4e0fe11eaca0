"""Callers wait as long as their own patience, and keep nobody else waiting."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from loops import foreign_lock, happens, outcome, threads, with_settings

from hermes_store.errors import PoolExhaustedError, StoreBusyError, StoreClosedError


@with_settings(lock_timeout=0.2, batch_size=5, busy_timeout=0)
async def test_every_caller_behind_a_lock_is_told_busy_and_nothing_is_stored_later(repo, database):
    with foreign_lock(database):
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", f"{n}")) for n in range(30)]
        tasks += [asyncio.ensure_future(repo.run(lambda tx: tx.end_session("s", "x")))] * 3
        assert {await outcome(each) for each in tasks} == {StoreBusyError}
    assert await repo.append_message("s", "user", "next")
    assert await repo.message_count("s") == 1
    assert (await repo.get_session("s"))["ended_at"] is None


@with_settings(lock_timeout=0.2, write_pool_size=1)
async def test_a_caller_behind_a_long_transaction_is_told_busy_while_it_goes_on(repo):
    inside, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stay(_) -> None:
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)

    long = asyncio.ensure_future(repo.run(stay))
    await inside.wait()
    tasks = [asyncio.ensure_future(repo.run(lambda tx: tx.session_count())) for _ in range(3)]
    tasks += [asyncio.ensure_future(repo.append_message("s", "u", "x")) for _ in range(3)]
    async with asyncio.timeout(20):
        assert {await outcome(each) for each in tasks} == {StoreBusyError}
    assert not long.done()
    go_on.set()
    assert await outcome(long) is None
    assert await repo.message_count() == 0


@with_settings(pool_size=1, pool_timeout=0.1)
async def test_a_read_that_finds_no_free_thread_is_told_so(repo):
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as executor:

        def keep() -> None:
            with repo.synchronous._store._readers.lend():
                asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)

        keeping = loop.run_in_executor(executor, keep)
        await happens(repo.synchronous._store._readers._permits.empty)
        tasks = [asyncio.ensure_future(repo.get_messages("s")) for _ in range(5)]
        assert {await outcome(each) for each in tasks} == {PoolExhaustedError}
        go_on.set()
        await keeping
    assert await repo.get_messages("s") == []


async def test_a_foreign_call_of_to_thread_is_not_kept_waiting(repo, database):
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    with foreign_lock(database):
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", f"{n}")) for n in range(1000)]
        tasks.append(asyncio.ensure_future(repo.run(lambda tx: tx.clear_messages("t"))))
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: 42) == 42
        assert await repo.message_count() == 0
        assert not any(each.done() for each in tasks[:-1])
    ids = await asyncio.gather(*tasks[:-1])
    assert len(set(ids)) == await repo.message_count("s") == 1000
    await outcome(tasks[-1])


@with_settings(batch_size=5, write_pool_size=1)
async def test_closing_refuses_the_callers_that_wait_and_lets_the_others_end(repo, database):
    with foreign_lock(database):
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", f"{n}")) for n in range(20)]
        await happens(lambda: repo.synchronous._store._writer._turns.led)
        closing = asyncio.ensure_future(repo.close())
        assert {await outcome(each) for each in tasks[5:]} == {StoreClosedError}
        assert not closing.done()
    await closing
    assert [type(await outcome(each)) for each in tasks[:5]] == [int] * 5
    await happens(lambda: threads() == [])


@with_settings(lock_timeout=0.2, batch_size=5, write_pool_size=1, busy_timeout=0)
async def test_a_closing_that_finds_a_transaction_open_says_so(repo):
    inside, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stay(_) -> None:
        loop.call_soon_threadsafe(inside.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)

    task = asyncio.ensure_future(repo.run(stay))
    await inside.wait()
    assert await outcome(asyncio.ensure_future(repo.close())) is StoreBusyError
    go_on.set()
    assert await outcome(task) is None


@with_settings(pool_timeout=0, lock_timeout=0)
async def test_callers_without_patience_are_served_where_nobody_is_before_them(repo):
    for number in range(1, 21):
        await repo.append_message("s", "user", "x")
        assert await repo.count_messages("s") == number
        assert await repo.run(lambda tx: tx.session_count()) == 1
