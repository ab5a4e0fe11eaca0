"""Every caller waits as long as its own patience: by a clock that only waiting moves."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from injected import Clock, Injected, driver_error
from stored import column
from support import Caller, until

from hermes_store import SessionRepository
from hermes_store.database import sqlite_engines
from hermes_store.database.connection import OpenConnection
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import StoreBusyError
from hermes_store.queries import appends
from hermes_store.queries.rows import new_row


@pytest.fixture
def database(sqlite_database: Path) -> Path:
    return sqlite_database


@pytest.fixture
def repository(database: Path) -> Iterator[SessionRepository]:
    with SessionRepository(database, busy_timeout=0) as repository:
        repository.create_session("s", "cli")
        yield repository


@pytest.fixture
def injected(repository: SessionRepository, monkeypatch: pytest.MonkeyPatch) -> Injected:
    return Injected(monkeypatch)


@pytest.fixture
def clock(repository: SessionRepository, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def append(text: str) -> Callable[[OpenConnection], int]:
    return lambda connection: appends.append(
        connection, new_row(session_id="s", role="u", content=text)
    )


def lock_for(seconds: int, database: Path, clock: Clock, injected: Injected) -> None:
    """Refuse every BEGIN as behind another process's lock, for so long by the clock."""
    end, error = clock.now + seconds, driver_error(database, "SQLITE_BUSY")
    injected.should_fail = lambda said: error if said == "BEGIN" and clock.now < end else None


def stored(database: Path) -> list[str]:
    return column(database, "SELECT content FROM messages ORDER BY id")


def one_after_the_other(repository: SessionRepository, *patience: float) -> list[Caller]:
    """Callers that wait behind this thread's transaction; the first will lead, the others follow."""
    writer = repository._store._writer
    callers = []
    for number, seconds in enumerate(patience):
        callers.append(Caller(partial(writer.run, append(str(number)), seconds)))
        until(lambda number=number: writer.waiting == number + 1)
    return callers


def test_a_follower_is_not_refused_when_its_leader_s_patience_ends(
    repository: SessionRepository, database: Path, clock: Clock, injected: Injected
) -> None:
    with repository.transaction():
        leader, follower = one_after_the_other(repository, 10, 100)
        lock_for(50, database, clock, injected)
    with pytest.raises(StoreBusyError) as caught:
        leader.finish()
    assert caught.value.waited == 10
    follower.finish()
    assert stored(database) == ["1"]


def test_a_follower_does_not_wait_on_with_a_more_patient_leader(
    repository: SessionRepository, database: Path, clock: Clock, injected: Injected
) -> None:
    with repository.transaction():
        leader, follower, patient = one_after_the_other(repository, 100, 10, 100)
        lock_for(50, database, clock, injected)
    with pytest.raises(StoreBusyError) as caught:
        follower.finish()
    assert caught.value.waited == 10
    leader.finish()
    patient.finish()
    assert stored(database) == ["0", "2"]


def test_the_patience_of_a_transaction_counts_from_when_it_was_asked_for(
    repository: SessionRepository, database: Path, clock: Clock, injected: Injected
) -> None:
    writer = repository._store._writer
    started = clock.now

    def wait() -> None:
        with writer.transaction(10):
            pass

    with repository.transaction():
        caller = Caller(wait)
        until(lambda: writer.waiting == 1)
        clock.now += 8
        lock_for(50, database, clock, injected)
    with pytest.raises(StoreBusyError):
        caller.finish()
    assert clock.now == started + 10


def test_a_caller_that_was_told_busy_in_the_queue_is_not_run_later(
    repository: SessionRepository, database: Path
) -> None:
    writer = repository._store._writer
    with repository.transaction():
        caller = Caller(lambda: writer.run(append("late"), 0.05))
        with pytest.raises(StoreBusyError):
            caller.finish()
        assert writer.waiting == 0
    repository.append_message("s", "user", "next")
    assert stored(database) == ["next"]


def test_pauses_grow_from_20_to_250_milliseconds_and_are_not_alike() -> None:
    from hermes_store.database.failures import pause

    pauses = [[pause(tries) for _ in range(50)] for tries in (0, 3, 50)]
    assert all(0.02 <= each <= 0.25 for some in pauses for each in some)
    assert max(pauses[0]) <= 0.04 < max(pauses[1]) <= 0.25
    assert all(len(set(some)) > 1 for some in pauses)


class TestRollbackJournal:
    """Where there is no write-ahead log, a reader can refuse a COMMIT."""

    @pytest.fixture
    def repository(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[SessionRepository]:
        for switch in ("_write_ahead_log", "keep_log"):
            monkeypatch.setattr(sqlite_engines, switch, lambda *_: None)
        connection = sqlite_driver().connect(database)
        assert connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
        connection.close()
        with SessionRepository(database, busy_timeout=0) as repository:
            repository.create_session("s", "cli")
            yield repository

    @pytest.fixture
    def reader(
        self, repository: SessionRepository, database: Path, clock: Clock
    ) -> Iterator[object]:
        """A reader of another program that goes away at the third pause."""
        connection = sqlite_driver().connect(
            database, isolation_level=None, check_same_thread=False
        )
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM sessions").fetchall()
        start = clock.now
        clock.after_pause = lambda: clock.now == start + 3 and connection.execute("COMMIT")
        yield connection
        connection.close()

    def test_the_commit_of_a_transaction_waits_for_a_reader(
        self, repository: SessionRepository, database: Path, clock: Clock, reader: object
    ) -> None:
        start = clock.now
        with repository.transaction() as tx:
            tx.append_message("s", "user", "patient")
        assert clock.now == start + 3
        assert stored(database) == ["patient"]

    def test_the_commit_of_a_group_waits_for_a_reader(
        self, repository: SessionRepository, database: Path, clock: Clock, reader: object
    ) -> None:
        start = clock.now
        repository.append_message("s", "user", "patient")
        assert clock.now == start + 3
        assert stored(database) == ["patient"]

    def test_a_reader_that_stays_is_an_error_after_the_patience(
        self, repository: SessionRepository, database: Path, clock: Clock, reader: object
    ) -> None:
        clock.after_pause = lambda: None
        start = clock.now
        with pytest.raises(StoreBusyError):
            with repository._store._writer.transaction(5) as connection:
                append("refused")(connection)
        assert clock.now == start + 5
        reader.execute("COMMIT")
        assert stored(database) == []

    def test_a_read_waits_for_another_program_s_commit(
        self, repository: SessionRepository, database: Path, clock: Clock
    ) -> None:
        writing = sqlite_driver().connect(database, isolation_level=None)
        writing.execute("BEGIN EXCLUSIVE")
        start = clock.now
        clock.after_pause = lambda: clock.now == start + 3 and writing.execute("COMMIT")
        assert repository.session_count() == 1
        assert clock.now == start + 3
        writing.close()
