"""One repository serves several loops, processes that fork, and loops that end early."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from pathlib import Path

from loops import threads
from support import Caller, until

import hermes_store
from hermes_store import AsyncSessionRepository
from hermes_store.asynchronous.calls import FOREVER, Call, one_by_one
from hermes_store.asynchronous.lanes import Lane

ROOT = Path(hermes_store.__file__).parents[1]


def in_a_process(program: str, *arguments: object) -> str:
    """What a program prints that ends well."""
    command = [sys.executable, "-W", "ignore:This process", "-c", program]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def append(repo: AsyncSessionRepository, count: int) -> list[int]:
    return await asyncio.gather(*(repo.append_message("s", "u", f"{n}") for n in range(count)))


def test_loops_in_several_threads_use_one_repository(repo):
    callers = [Caller(lambda: asyncio.run(append(repo, 100))) for _ in range(4)]
    ids = [each for caller in callers for each in caller.finish()]
    assert len(set(ids)) == repo.synchronous.message_count("s") == 400
    asyncio.run(repo.close())
    until(lambda: threads() == [])


def test_loops_one_after_the_other_use_one_repository_and_leave_no_thread(repo):
    for _ in range(5):
        asyncio.run(append(repo, 20))
    assert repo.synchronous.message_count("s") == 100
    until(lambda: threads() == [])


def test_closing_in_one_loop_refuses_the_callers_of_another(repo, database):
    from loops import foreign_lock, outcome

    from hermes_store.errors import StoreClosedError

    started = threading.Event()

    async def wait() -> list[object]:
        tasks = [asyncio.ensure_future(repo.append_message("s", "u", "x")) for _ in range(120)]
        await asyncio.sleep(0)
        started.set()
        return [await outcome(each) for each in tasks]

    with foreign_lock(database):
        other = Caller(lambda: asyncio.run(wait()))
        assert started.wait(30)
        until(lambda: repo.synchronous._store._writer._turns.led)
        closing = Caller(lambda: asyncio.run(repo.close()))
        until(lambda: repo._closed)
    ends = other.finish()
    closing.finish()
    assert {each for each in ends if not isinstance(each, int)} == {StoreClosedError}


def test_a_loop_that_ends_with_calls_under_way_loses_none_of_the_begun_and_ends(repo, database):
    async def leave() -> None:
        for _ in range(200):
            asyncio.ensure_future(repo.append_message("s", "u", "x"))  # noqa: RUF006 - left alone
        await asyncio.sleep(0.01)

    asyncio.run(leave())
    count = repo.synchronous.message_count("s")
    assert len(repo.synchronous.get_messages("s")) == count
    asyncio.run(append(repo, 1))
    assert repo.synchronous.message_count("s") == count + 1


def test_a_loop_that_is_closed_with_calls_under_way_is_not_kept():
    lane = Lane(1, one_by_one(None))
    go_on = threading.Event()

    async def leave() -> None:
        for _ in range(3):
            call = Call(lambda _: go_on.wait(30), FOREVER)
            task = asyncio.ensure_future(lane.run(call))
            task._log_destroy_pending = False
        await asyncio.sleep(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    kept = weakref.ref(loop)
    del loop
    go_on.set()
    until(lambda: gc.collect() >= 0 and kept() is None)
    lane.end(wait=True)


IMPORTING = """
import asyncio, sys, threading

seen = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("sqlalchemy", "alembic", "hermes_store.repository"):
            seen.append(threading.current_thread() is threading.main_thread())

sys.meta_path.insert(0, Watch())

from hermes_store import AsyncSessionRepository

async def main():
    async with await AsyncSessionRepository.open(sys.argv[1]) as repo:
        await repo.create_session("s", "cli")
        print(await repo.append_message("s", "user", "x"))

asyncio.run(main(), debug=False)
print(bool(seen), any(seen))
"""


def test_opening_imports_the_database_library_in_a_thread(tmp_path):
    assert in_a_process(IMPORTING, tmp_path / "state.db").split() == ["1", "True", "False"]


SYNCHRONOUS = """
import sys
from hermes_store import SessionRepository
with SessionRepository(sys.argv[1]) as repo:
    repo.create_session("s", "cli")
    repo.get_stats()
print([name for name in sys.modules if "asynchronous" in name])
"""


def test_a_synchronous_program_imports_nothing_of_it(tmp_path):
    assert in_a_process(SYNCHRONOUS, tmp_path / "state.db") == "[]\n"


FORK = """
import asyncio, os, sys
from hermes_store import AsyncSessionRepository

async def append(repo, count):
    await asyncio.gather(*(repo.append_message("s", "user", "x") for _ in range(count)))

async def main():
    repo = await AsyncSessionRepository.open(sys.argv[1])
    await repo.create_session("s", "cli")
    await append(repo, 100)
    children = []
    for _ in range(3):
        under_way = asyncio.ensure_future(append(repo, 100))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        child = os.fork()
        if not child:
            try:
                asyncio.run(append(repo, 50))
                asyncio.run(repo.close())
            except BaseException as exc:
                os.write(2, repr(exc).encode())
                os._exit(1)
            os._exit(0)
        children.append(child)
        await under_way
    for child in children:
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status == 0
    print(await repo.message_count("s"), await repo.check())
    await repo.close()

asyncio.run(main())
"""


def test_a_process_that_forks_with_calls_under_way_and_its_children_write_on(tmp_path):
    assert in_a_process(FORK, tmp_path / "state.db") == "550 []\n"


LEFT = """
import asyncio, sys
from hermes_store import AsyncSessionRepository

async def main():
    repo = await AsyncSessionRepository.open(sys.argv[1])
    await repo.create_session("s", "cli")
    await repo.create_session("t", "cli")
    await repo.append_message("s", "user", "x")
    print(await anext(repo.iter_export()) is not None)
    globals()["kept"] = repo, repo.iter_export()
    await anext(kept[1])

asyncio.run(main())
"""


def test_a_program_that_closes_nothing_ends(tmp_path):
    assert in_a_process(LEFT, tmp_path / "state.db") == "True\n"
