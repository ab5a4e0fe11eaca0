"""Writers of one process side by side: as many as `write_pool_size` says, none behind another's."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from stored import column
from support import Caller, until

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import StoreBusyError, StoreClosedError, TransactionRolledBackError
from hermes_store.execution.turns import Turn

CONNECTED = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'writes' AND datname = current_database()
"""


@pytest.fixture
def url(database: URL) -> URL:
    return database.update_query_dict({"application_name": "writes"})


@pytest.fixture
def repository(url: URL, database: URL) -> Iterator[SessionRepository]:
    with SessionRepository(
        url, write_pool_size=2, lock_timeout=0.3, read_url=database
    ) as repository:
        for session_id in ("a", "b", "c"):
            repository.create_session(session_id, "cli")
        yield repository


@contextmanager
def open_transaction(repository: SessionRepository, session_id: str) -> Iterator[Caller]:
    """A thread that stays in a transaction in which it has written to a session."""
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with repository.transaction() as tx:
            tx.append_message(session_id, "user", "in the transaction")
            inside.set()
            assert leave.wait(30)

    caller = Caller(stay)
    assert inside.wait(30)
    try:
        yield caller
    finally:
        leave.set()
        caller.join(30)


def append(repository: SessionRepository, session_id: str) -> int:
    return repository.append_message(session_id, "user", "x")


def test_a_transaction_of_one_thread_holds_up_only_writes_to_the_same_session(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a") as holder:
        append(repository, "b")
        with pytest.raises(StoreBusyError):
            append(repository, "a")
        append(repository, "b")
    holder.finish()
    counts = "SELECT message_count FROM sessions ORDER BY id"
    assert column(database, counts) == [1, 2, 0]


def test_there_are_never_more_connections_than_the_setting_says(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a"), open_transaction(repository, "b"):
        with pytest.raises(StoreBusyError, match="another thread"):
            append(repository, "c")
        assert column(database, CONNECTED) == [2]
    append(repository, "c")


def test_a_lone_writer_opens_one(repository: SessionRepository, database: URL) -> None:
    for _ in range(5):
        append(repository, "a")
    assert column(database, CONNECTED) == [1]


def test_many_threads_on_one_session_are_counted_exactly(repository: SessionRepository) -> None:
    callers = [Caller(lambda: [append(repository, "a") for _ in range(20)]) for _ in range(8)]
    ids = [message_id for caller in callers for message_id in caller.finish()]
    assert sorted(ids) == [message["id"] for message in repository.get_messages("a")]
    assert repository.get_session("a")["message_count"] == len(set(ids)) == 160


def test_close_lets_them_finish_and_closes_all(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a") as holder:
        append(repository, "b")
        closer = Caller(repository.close)
        until(lambda: repository._store._writer._turns.closed)
        with pytest.raises(StoreClosedError):
            append(repository, "b")
    holder.finish()
    closer.finish()
    until(lambda: column(database, CONNECTED) == [0])


def test_when_closing_takes_too_long_they_are_closed_at_the_end(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a") as holder, pytest.raises(StoreBusyError):
        repository.close()
    holder.finish()
    until(lambda: column(database, CONNECTED) == [0])
    assert column(database, "SELECT content FROM messages") == ["in the transaction"]


beside_threads = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@beside_threads
def test_a_fork_leaves_each_process_connections_of_its_own(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a"):
        append(repository, "b")
        assert column(database, CONNECTED) == [2]
    child = os.fork()
    if child == 0:
        try:
            append(repository, "c")
        finally:
            os._exit(0)
    append(repository, "c")
    os.waitpid(child, 0)
    assert column(database, "SELECT message_count FROM sessions ORDER BY id") == [1, 1, 2]
    append(repository, "c")


@beside_threads
def test_a_fork_beside_an_open_transaction_takes_none_of_its_connection(
    repository: SessionRepository, database: URL
) -> None:
    with open_transaction(repository, "a") as holder:
        child = os.fork()
        if child == 0:
            try:
                append(repository, "b")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    holder.finish()
    assert column(database, "SELECT message_count FROM sessions ORDER BY id") == [1, 1, 0]


def test_what_the_server_would_roll_back_at_commit_is_not_acknowledged(
    repository: SessionRepository, database: URL
) -> None:
    broken = text("SELECT * FROM no_such_table")

    def swallow(connection: OpenConnection) -> str:
        connection.core.execute(text("UPDATE sessions SET source = 'lost'"))
        with suppress(DBAPIError):
            connection.core.execute(broken)
        return "all is well"

    with pytest.raises(TransactionRolledBackError):
        repository._store.write(swallow)
    with pytest.raises(TransactionRolledBackError):
        with repository.transaction() as tx:
            tx.append_message("a", "user", "lost")
            with suppress(DBAPIError):
                tx.connection.execute(broken)
    assert column(database, "SELECT count(*) FROM messages") == [0]
    append(repository, "a")
    assert column(database, "SELECT DISTINCT source FROM sessions") == ["cli"]


def test_while_a_process_forks_nobody_writes_and_nobody_s_transaction_is_cut_short(
    repository: SessionRepository,
) -> None:
    writer = repository._store._writer
    with open_transaction(repository, "a"):
        hasty = Turn(None, 0.05)
        writer.rest(hasty)
        assert len(writer._connections)
        writer.resume(hasty)
    resting = Turn(None, 30)
    writer.rest(resting)
    assert not len(writer._connections)
    late = Caller(lambda: append(repository, "b"))
    until(lambda: writer.waiting == 1)
    assert not len(writer._connections)
    writer.resume(resting)
    late.finish()


def test_no_statement_is_compiled_at_run_time(postgresql_database):
    with SessionRepository(postgresql_database) as repository:
        for engine in (repository.engines.write, repository.engines.read):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SHOW jit").scalar_one() == "off"
