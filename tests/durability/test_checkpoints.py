"""The write-ahead log is copied beside the writers, by a thread that is there only meanwhile."""

import sys
import threading
from contextlib import nullcontext
from pathlib import Path

import prepared
import pytest
from support import Caller, until

from hermes_store import SessionRepository
from hermes_store.database import sqlite, sqlite_engines
from hermes_store.database.address import url_of
from hermes_store.database.checkpoint import Checkpoints
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_engines import plain_engine, sqlite_driver

NAME = "hermes-store checkpoint"


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


@pytest.fixture
def checkpoints(database: Path) -> Checkpoints:
    return Checkpoints(LateEngine(lambda: plain_engine(url_of(database))), 1_000, nullcontext())


def test_a_checkpoint_copies_what_was_committed(database: Path, checkpoints: Checkpoints) -> None:
    with SessionRepository(database, wal_autocheckpoint=1_000_000) as repository:
        repository.create_session("s", "test")
        reader = sqlite_driver().connect(database)
        checkpoints.after(63)
        assert not running()
        checkpoints.after(64)
        checkpoints.finish()
        log, copied = reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1:]
        reader.close()
    assert log == copied > 0
    assert not running()


def test_one_runs_at_a_time_and_finish_waits_for_it(database: Path) -> None:
    gate = threading.Lock()
    checkpoints = Checkpoints(LateEngine(lambda: plain_engine(url_of(database))), 1_000, gate)
    with gate:
        checkpoints.after(1_000)
        first = running()
        checkpoints.after(1_000_000)
        assert len(first) == 1
        assert running() == first
    checkpoints.finish()
    assert not running()


def test_one_that_fails_says_nothing_and_the_next_one_runs(tmp_path: Path) -> None:
    missing = tmp_path / "no such folder" / "state.db"
    checkpoints = Checkpoints(
        LateEngine(lambda: plain_engine(url_of(missing))), 1_000, nullcontext()
    )
    for operations in (100, 10_000):
        checkpoints.after(operations)
        checkpoints.finish()
    assert not running()


def test_the_child_of_a_fork_forgets_the_checkpoint_of_its_parent(database: Path) -> None:
    program = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: on purpose
from hermes_store.database.checkpoint import Checkpoints
from hermes_store.database.address import url_of
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_engines import plain_engine
gate = threading.Lock()
checkpoints = Checkpoints(LateEngine(lambda: plain_engine(url_of(sys.argv[1]))), 1_000, gate)
with gate:
    checkpoints.after(1_000)
    pid = os.fork()
if not pid:
    checkpoints.after_fork()
    checkpoints.after(1_000_000)
    checkpoints.finish()
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    command = [sys.executable, "-c", program, str(database)]
    done = prepared.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize(("has_bug", "expected"), [(True, 0), (False, 1)])
def test_nothing_checkpoints_beside_a_commit_on_an_sqlite_that_could_lose_pages_by_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, has_bug: bool, expected: int
) -> None:
    made: list[Checkpoints] = []

    class Noted(Checkpoints):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr(sqlite, "Checkpoints", Noted)
    monkeypatch.setattr(sqlite_engines, "has_wal_reset_bug", lambda _version: has_bug)
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        for number in range(300):
            repository.append_message("s", "user", f"message {number}")
    assert len(made) == expected
    assert not running()


def test_closing_a_store_waits_for_its_checkpoint(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_checkpoints: Checkpoints) -> int:
        begun.set()
        assert go_on.wait(30)
        return 0

    monkeypatch.setattr(sqlite_engines, "has_wal_reset_bug", lambda _version: False)
    monkeypatch.setattr(Checkpoints, "_checkpoint", slow)
    repository = SessionRepository(database)
    writer = repository._store._writer
    repository.create_session("s", "test")
    for number in range(64):
        repository.append_message("s", "user", f"message {number}")
    assert begun.wait(30)
    closer = Caller(repository.close)
    until(lambda: not len(writer._connections))
    closer.join(0.2)
    assert closer.is_alive()
    go_on.set()
    closer.finish()
    assert not running()


def test_the_child_of_a_fork_makes_checkpoints_of_its_own(database: Path) -> None:
    program = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: on purpose
from hermes_store import SessionRepository
from hermes_store.database import sqlite_engines
from hermes_store.database.checkpoint import Checkpoints
sqlite_engines.has_wal_reset_bug = lambda _version: False
repository = SessionRepository(sys.argv[1])
repository.ensure_session("s")
checkpoints = repository._store._writer._after_commits
checkpoints._one_at_a_time.acquire()  # as when one is running
pid = os.fork()
if not pid:
    made = []
    Checkpoints._checkpoint = lambda _self: made.append(1) or 0
    for _ in range(100):
        repository.append_message("s", "user", "x")
    checkpoints.finish()
    os._exit(7 if made else 1)
checkpoints._one_at_a_time.release()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    command = [sys.executable, "-c", program, str(database)]
    done = prepared.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (7, "")


def test_checkpoints_come_more_often_when_the_log_grows_faster_and_more_seldom_when_slower(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(
        LateEngine(lambda: plain_engine(url_of(database))), 800, nullcontext()
    )
    lengths = iter([350, 350, 700, 250])
    monkeypatch.setattr(checkpoints, "_checkpoint", lambda: next(lengths))
    intervals = []
    for number in range(1, 5):
        checkpoints.after(number * 1_000_000)
        checkpoints.finish()
        intervals.append(checkpoints._interval)
    assert intervals == [32, 64, 32, 16]  # grown by 350, 0, 350; begun anew: 250
    monkeypatch.undo()
    checkpoints._due = 10
    checkpoints.after(9)
    checkpoints.after(10)
    assert checkpoints._due == 10 + 16
    checkpoints.finish()


def test_a_log_that_got_long_is_left_to_two_commits_without_a_checkpoint_beside_them(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(
        LateEngine(lambda: plain_engine(url_of(database))), 800, nullcontext()
    )
    lengths = iter([799, 800, 5])
    made: list[int] = []
    monkeypatch.setattr(checkpoints, "_checkpoint", lambda: made.append(1) or next(lengths))
    runs = []
    for operations in (1_000, 2_000, 3_000, 3_001, 3_002):
        checkpoints.after(operations)
        checkpoints.finish()
        runs.append(len(made))
    assert runs == [1, 2, 2, 2, 3]
