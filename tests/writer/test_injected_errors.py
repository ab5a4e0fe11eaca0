"""An error at any statement of the execution path: what is acknowledged is stored, nothing else."""

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from injected import Injected, driver_error
from sqlalchemy import URL
from stored import check, column
from support import Caller, only_sqlite, until

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection
from hermes_store.database.repair import Repair
from hermes_store.errors import (
    HermesStoreError,
    StoreBusyError,
    StoreUnavailableError,
    TransactionRolledBackError,
)
from hermes_store.execution.savepoint import run_in_savepoint
from hermes_store.queries import appends
from hermes_store.queries.rows import new_row

STATEMENTS = ["BEGIN", "SAVEPOINT", "ROLLBACK TO", "RELEASE", "COMMIT"]


@pytest.fixture
def repository(database: Path | URL) -> Iterator[SessionRepository]:
    with SessionRepository(database, write_pool_size=1) as repository:
        repository.create_session("s", "cli")
        yield repository


@pytest.fixture
def injected(repository: SessionRepository, monkeypatch: pytest.MonkeyPatch) -> Injected:
    return Injected(monkeypatch)


def append(text: str) -> Callable[[OpenConnection], int]:
    return lambda connection: appends.append(
        connection, new_row(session_id="s", role="u", content=text)
    )


def append_then_fail(text: str) -> Callable[[OpenConnection], int]:
    def operation(connection: OpenConnection) -> int:
        append(text)(connection)
        raise LookupError(text)

    return operation


def in_a_group(
    repository: SessionRepository, *operations: Callable[[OpenConnection], object]
) -> list[Caller]:
    """Queue the operations behind a transaction of this thread, then let them run as one group."""
    writer = repository._store._writer
    with repository.transaction():
        callers = []
        for number, operation in enumerate(operations, start=1):
            callers.append(Caller(lambda operation=operation: repository._store.write(operation)))
            until(lambda number=number: writer.waiting == number)
    for caller in callers:
        caller.join(30)
        assert not caller.is_alive()
    return callers


def stored(database: Path | URL) -> list[str]:
    return column(database, "SELECT content FROM messages ORDER BY id")


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_of_a_group_what_is_acknowledged_is_stored_and_what_failed_is_not(
    repository: SessionRepository,
    database: Path | URL,
    injected: Injected,
    statement: str,
    number: int,
) -> None:
    injected.fail_once(statement, number, driver_error(database, "SQLITE_IOERR"))
    operations = {"a": append("a"), "b": append_then_fail("b"), "c": append("c"), "d": append("d")}
    callers = dict(zip(operations, in_a_group(repository, *operations.values()), strict=True))
    assert stored(database) == [name for name, caller in callers.items() if caller.error is None]
    assert callers["b"].error is not None
    repository.append_message("s", "user", "next")
    assert stored(database)[-1] == "next"
    check(database)


@pytest.mark.parametrize("statement", ["SAVEPOINT", "RELEASE"])
def test_a_savepoint_that_fails_costs_only_its_operation(
    repository: SessionRepository, database: Path | URL, injected: Injected, statement: str
) -> None:
    injected.fail_once(statement, 1, driver_error(database, "SQLITE_IOERR"))
    first, broken, last = in_a_group(repository, append("a"), append_then_fail("b"), append("c"))
    assert isinstance(broken.error, LookupError)
    assert isinstance(first.error, HermesStoreError)
    assert last.error is None
    assert stored(database) == ["c"]


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if each != "RELEASE"])
def test_a_lock_at_any_statement_costs_nobody_anything(
    repository: SessionRepository, database: Path | URL, injected: Injected, statement: str
) -> None:
    injected.fail_once(statement, 1, driver_error(database, "SQLITE_BUSY"))
    first, broken, last = in_a_group(repository, append("a"), append_then_fail("b"), append("c"))
    assert (first.error, last.error) == (None, None)
    assert broken.error is not None
    assert stored(database) == ["a", "c"]


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
def test_of_a_write_alone_an_error_leaves_nothing(
    repository: SessionRepository, database: Path | URL, injected: Injected, statement: str
) -> None:
    injected.fail_once(statement, 1, driver_error(database, "SQLITE_IOERR"))
    caller = Caller(lambda: repository.append_message("s", "user", "lost"))
    caller.join(30)
    assert caller.error is not None
    repository.append_message("s", "user", "next")
    assert stored(database) == ["next"]


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT"])
def test_of_a_transaction_of_the_caller_s_an_error_leaves_nothing(
    repository: SessionRepository, database: Path | URL, injected: Injected, statement: str
) -> None:
    def write() -> None:
        with repository.transaction() as tx:
            tx.append_message("s", "user", "lost")

    if statement == "COMMIT":  # the driver has committed by then
        injected.should_fail = lambda _said: None
        repository._store._writer._commit = refuse  # type: ignore[method-assign]
    else:
        injected.fail_once(statement, 1, driver_error(database, "SQLITE_IOERR"))
    caller = Caller(write)
    caller.join(30)
    assert caller.error is not None
    vars(repository._store._writer).pop("_commit", None)
    repository.append_message("s", "user", "next")
    assert stored(database) == ["next"]


def test_in_a_transaction_that_lost_a_savepoint_nothing_more_is_done_and_nothing_stored(
    repository: SessionRepository, database: Path | URL, injected: Injected
) -> None:
    injected.fail_once("RELEASE", 2, driver_error(database, "SQLITE_IOERR"))
    injected.here = -1  # fail in this thread, too
    with pytest.raises(TransactionRolledBackError):
        with repository.transaction() as tx:
            tx.append_message("s", "user", "first")
            for text in ("loses the savepoint", "comes too late"):
                with pytest.raises(TransactionRolledBackError):
                    tx.append_message("s", "user", text)
    assert stored(database) == []


def refuse(*_: object) -> None:
    raise StoreUnavailableError("refused", "try again")


def test_an_error_of_a_run_before_is_not_told_when_the_operation_succeeds_in_the_next(
    repository: SessionRepository, database: Path | URL, injected: Injected
) -> None:
    tries: list[str] = []

    def fails_twice(connection: OpenConnection) -> None:
        tries.append("try")
        if len(tries) <= 2:
            raise LookupError
        append("in the end")(connection)

    injected.fail_once("COMMIT", 1, driver_error(database, "SQLITE_BUSY"))
    first, second = in_a_group(repository, fails_twice, append("b"))
    assert (first.error, second.error) == (None, None)
    assert stored(database) == ["in the end", "b"]


def test_a_savepoint_outside_of_a_transaction_is_refused_and_commits_nothing(
    repository: SessionRepository, database: Path | URL
) -> None:
    def without(connection: OpenConnection) -> None:
        connection.roll_back()
        run_in_savepoint(connection, append("in autocommit"), None)

    with pytest.raises(TransactionRolledBackError):
        repository._store.write(without)
    assert stored(database) == []


def fails_by_the_driver(connection: OpenConnection, _: BaseException) -> None:
    connection.dbapi.execute("SELECT nonsense")


def fails_by_sqlalchemy(connection: OpenConnection, _: BaseException) -> None:
    connection.core.exec_driver_sql("SELECT nonsense")


@pytest.mark.parametrize("repair", [fails_by_the_driver, fails_by_sqlalchemy])
def test_a_repair_that_fails_inside_a_callers_transaction_rolls_all_of_it_back(
    repository: SessionRepository,
    database: Path | URL,
    repair: Callable[[OpenConnection, BaseException], None],
) -> None:
    def in_a_savepoint(connection: OpenConnection) -> None:
        append("before")(connection)
        damaged = Repair(lambda exc: isinstance(exc, LookupError), repair)
        run_in_savepoint(connection, raises_lookup_error, damaged)

    with pytest.raises(TransactionRolledBackError):
        repository._store.write(in_a_savepoint)
    assert stored(database) == []
    repository.append_message("s", "user", "next")
    assert stored(database) == ["next"]


def raises_lookup_error(_: OpenConnection) -> None:
    raise LookupError


@only_sqlite
def test_ctrl_c_behind_a_commit_that_was_done_acknowledges_the_others(
    repository: SessionRepository, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = OpenConnection.commit
    interrupts = iter([True])

    def interrupted(connection: OpenConnection) -> None:
        original(connection)
        if threading.current_thread() is threading.main_thread() and next(interrupts, False):
            signal.raise_signal(signal.SIGINT)

    writer = repository._store._writer
    inside, release = threading.Event(), threading.Event()

    def hold() -> None:
        with repository.transaction():
            inside.set()
            release.wait(30)

    def follow() -> object:
        until(lambda: writer.waiting == 1)  # the main thread waits and will lead
        follower = Caller(lambda: repository.append_message("s", "user", "follower"))
        until(lambda: writer.waiting == 2)
        release.set()
        return follower.finish()

    holder = Caller(hold)
    assert inside.wait(30)
    helper = Caller(follow)
    monkeypatch.setattr(OpenConnection, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        repository.append_message("s", "user", "main")
    helper.finish()
    holder.finish()
    assert stored(database) == ["main", "follower"]


@only_sqlite
def test_a_busy_commit_of_a_group_is_an_error_only_after_the_patience(
    repository: SessionRepository, database: Path, injected: Injected
) -> None:
    error = driver_error(database, "SQLITE_BUSY")
    injected.should_fail = lambda said: error if said == "COMMIT" else None
    caller = Caller(lambda: repository._store._writer.run(append("never"), 0.0))
    with pytest.raises(StoreBusyError):
        caller.finish()
    injected.should_fail = lambda _said: None
    assert stored(database) == []
