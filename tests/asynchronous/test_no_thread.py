"""A system that starts no more threads: who is told so finds nothing stored, and nobody hangs."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from loops import outcome

from hermes_store.errors import StoreClosedError, StoreUnavailableError


@pytest.fixture
def no_thread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Threads of repositories cannot be started until it is called."""

    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    return monkeypatch.undo


async def test_a_call_that_no_thread_took_does_not_run_later(repo, no_thread):
    asked = [
        repo.append_message("s", "user", "refused"),
        repo.run(lambda tx: tx.append_message("s", "user", "refused")),
        repo.import_sessions([{"id": "refused", "source": "cli", "started_at": 1.0}]),
    ]
    ends = [await outcome(asyncio.ensure_future(each)) for each in asked]
    assert ends == [StoreUnavailableError] * 3
    no_thread()
    await repo.append_message("s", "user", "next")
    await repo.run(lambda tx: tx.append_message("s", "user", "last"))
    assert await repo.delete_sessions(["refused"]) == 0
    assert [each["content"] for each in await repo.get_messages("s")] == ["next", "last"]


async def test_a_call_that_is_cancelled_as_no_thread_takes_it_ends(repo, no_thread):
    task = asyncio.ensure_future(repo.append_message("s", "user", "refused"))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(task.cancel)  # behind the step that finds no thread
    async with asyncio.timeout(30):
        assert await outcome(task) is asyncio.CancelledError
    no_thread()
    assert await repo.message_count() == 0


async def test_a_call_behind_the_end_of_the_threads_is_told_that_the_store_is_closed(repo):
    task = asyncio.ensure_future(repo.append_message("s", "user", "late"))
    await asyncio.sleep(0)
    for lane in repo._here.all():  # what another loop does before this one hears of it
        lane.end()
    assert await outcome(task) is StoreClosedError
