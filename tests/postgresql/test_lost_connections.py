"""A connection that is lost costs no acknowledged write: a typed error at most, then it goes on."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import pytest
from network import Network
from sqlalchemy import URL, text
from stored import column
from support import Caller, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import OutcomeUnknownError, StoreUnavailableError


@pytest.fixture
def network(database: URL) -> Iterator[Network]:
    with Network(database) as network:
        yield network


@pytest.fixture
def repository(network: Network) -> Iterator[SessionRepository]:
    with SessionRepository(network.url, pool_size=2) as repository:
        repository.create_session("s", "cli")
        yield repository


def process(connection: OpenConnection) -> int:
    found: int = connection.core.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def terminate(database: URL, *processes: int) -> None:
    """End server processes, as an administrator does, and see them gone."""
    for number in processes:
        assert column(database, "SELECT pg_terminate_backend(?)", number) == [True]
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY (?)"
    until(lambda: column(database, gone, list(processes)) == [0])


def streaming(database: URL) -> list[int]:
    """The server processes that wait inside a transaction."""
    return column(
        database,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction'",
    )


def contents(database: URL) -> list[str]:
    return column(database, "SELECT content FROM messages ORDER BY id")


class TestIdle:
    def test_a_writer_s_dead_connection_is_replaced(self, repository, database):
        terminate(database, repository._store.write(process))
        repository.append_message("s", "user", "after")
        assert contents(database) == ["after"]

    def test_a_reader_s_dead_connection_is_replaced(self, repository, database):
        terminate(database, repository._store.read(process))
        assert repository.session_count() == 1

    def test_a_reader_s_dead_connection_leaves_no_error_in_the_log(
        self, repository, database, caplog
    ):
        terminate(database, repository._store.read(process))
        repository.session_count()
        assert caplog.records == []

    def test_a_dead_connection_is_replaced_for_a_transaction_too(self, repository, database):
        terminate(database, repository._store.write(process))
        with repository.transaction() as tx:
            tx.append_message("s", "user", "after")
        assert contents(database) == ["after"]

    def test_one_that_was_idle_for_long_is_asked_before_it_is_used(
        self, repository, database, monkeypatch
    ):
        monkeypatch.setattr("hermes_store.database.postgresql_engines._FRESH_SECONDS", 0.0)
        terminate(database, repository._store.read(process))
        with repository._store.reading() as connection:  # a stream is not run again
            assert connection.core.execute(text("SELECT 1")).scalar_one() == 1

    def test_all_of_them_at_once(self, repository, network, database):
        repository.session_count()
        network.cut()
        assert repository.session_count() == 1
        repository.append_message("s", "user", "after")
        assert contents(database) == ["after"]

    def test_all_that_write(self, database):
        with SessionRepository(database, write_pool_size=2) as repository:
            for session_id in ("s", "t"):
                repository.create_session(session_id, "cli")
            with repository.transaction() as tx:
                tx.append_message("t", "user", "on one connection")
                Caller(lambda: repository.append_message("s", "user", "on another")).finish()
            idle = [process(each) for each in repository._store._writer._connections._idle]
            assert len(idle) == 2
            terminate(database, *idle)
            repository.append_message("s", "user", "after")
        assert contents(database)[-1] == "after"


class TestInTheMiddle:
    def kill_itself(self, database: URL, times: int):
        """A write whose connection dies under it, so many times."""
        left = [True] * times

        def operation(connection: OpenConnection) -> None:
            connection.core.execute(
                text("INSERT INTO messages (session_id, role, timestamp) VALUES ('s', 'user', 1)")
            )
            if left:
                left.pop()
                terminate(database, process(connection))
            connection.core.execute(text("SELECT 1"))

        return operation

    def test_a_write_is_run_again_once(self, repository, database):
        repository._store.write(self.kill_itself(database, times=1))
        assert contents(database) == [None]

    def test_a_write_that_loses_every_connection_is_an_error_and_the_next_works(
        self, repository, database
    ):
        with pytest.raises(StoreUnavailableError, match=r"connection .* was lost .*; try again"):
            repository._store.write(self.kill_itself(database, times=9))
        assert contents(database) == []
        repository.append_message("s", "user", "next")
        assert contents(database) == ["next"]

    def test_a_read_is_run_again(self, repository, database):
        deaths = [True]

        def operation(connection: OpenConnection) -> int:
            if deaths:
                deaths.pop()
                terminate(database, process(connection))
            return connection.core.execute(text("SELECT 42")).scalar_one()

        assert repository._store.read(operation) == 42

    def test_a_transaction_is_an_error_and_leaves_nothing(self, repository, database):
        with pytest.raises(StoreUnavailableError, match="was lost"):
            with repository.transaction() as tx:
                tx.append_message("s", "user", "lost")
                terminate(database, process(tx._open))
                tx.append_message("s", "user", "lost too")
        repository.append_message("s", "user", "next")
        assert contents(database) == ["next"]

    def test_an_export_that_streams_is_an_error_not_the_end(self, repository, database):
        for number in range(300):
            repository.ensure_session(f"s{number}", source="cli")
        stream = repository.iter_export()
        next(stream)
        terminate(database, *streaming(database))
        with pytest.raises(StoreUnavailableError, match="was lost"):
            list(stream)
        assert len(list(repository.iter_export())) == 301

    def test_an_export_that_is_left_then_says_nothing(self, repository, database, caplog):
        stream = repository.iter_export()
        next(stream)
        terminate(database, *streaming(database))
        del stream
        gc.collect()  # a warning of the driver fails the test
        assert caplog.records == []
        assert repository.session_count() == 1

    def test_a_stream_that_loses_it_at_its_own_statement_says_nothing_else(
        self, repository, database, caplog
    ):
        def operation(connection: OpenConnection) -> None:
            terminate(database, process(connection))
            connection.core.execute(text("SELECT 1").execution_options(yield_per=1))

        with pytest.raises(StoreUnavailableError, match="was lost"):
            repository._store.read(operation)
        gc.collect()
        assert caplog.records == []


class TestAtCommit:
    """Whether a COMMIT whose answer never came was done, nobody can say."""

    @pytest.mark.parametrize("delivered", [True, False])
    def test_the_outcome_is_unknown_and_that_is_said(
        self, repository, network, database, delivered
    ):
        network.lose_connection_at("COMMIT", delivered=delivered)
        with pytest.raises(OutcomeUnknownError, match="may have been stored: look before"):
            repository.append_message("s", "user", "perhaps")
        perhaps = ["perhaps"] if delivered else []
        until(lambda: contents(database) == perhaps)
        repository.append_message("s", "user", "next")
        assert contents(database) == [*perhaps, "next"]
        assert repository.get_session("s")["message_count"] == len(perhaps) + 1

    def test_of_a_transaction_too(self, repository, network, database):
        with pytest.raises(OutcomeUnknownError):
            with repository.transaction() as tx:
                tx.append_message("s", "user", "perhaps")
                network.lose_connection_at("COMMIT", delivered=True)
        until(lambda: contents(database) == ["perhaps"])

    def test_every_caller_of_a_group_is_told(self, repository, network, database):
        other = network.url.update_query_dict({"application_name": "another host"})
        with SessionRepository(
            other, batch_size=3, batch_wait_ms=60_000, write_pool_size=1
        ) as grouping:
            network.lose_connection_at("COMMIT", delivered=True)
            callers = [
                Caller(partial(grouping.append_message, "s", "user", str(number)))
                for number in range(3)
            ]
            for caller in callers:
                with pytest.raises(OutcomeUnknownError):
                    caller.finish()
        until(lambda: sorted(contents(database)) == ["0", "1", "2"])


class TestTheServerIsAway:
    def test_opening_is_an_error_that_says_what_to_check(self, network):
        network.fail()
        with pytest.raises(StoreUnavailableError, match=r"refused.*check the URL's host"):
            SessionRepository(network.url)
        with pytest.raises(StoreUnavailableError, match="refused"):
            migrate.upgrade(network.url)

    def test_every_call_is_an_error_until_it_is_back(self, repository, network, database):
        repository.append_message("s", "user", "before")
        network.fail()
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                repository.append_message("s", "user", "never")
            with pytest.raises(StoreUnavailableError):
                repository.get_messages("s")
            with pytest.raises(StoreUnavailableError), repository.transaction():
                pass
        network.come_back()
        repository.append_message("s", "user", "after")
        assert [each["content"] for each in repository.get_messages("s")] == ["before", "after"]
        assert contents(database) == ["before", "after"]


FORK = """
import os, sys
from hermes_store import SessionRepository

repository = SessionRepository(sys.argv[1])
repository.append_message("s", "user", "before")
child = os.fork()
for number in range(20):
    repository.append_message("s", "user", "child" if not child else "parent")
    assert repository.message_count() > number + 1
if child:
    assert os.waitpid(child, 0)[1] == 0
    repository.append_message("s", "user", "after")
    assert repository.message_count() == 42
"""


def test_after_a_fork_child_and_parent_write_and_end_each_by_itself(repository, database):
    command = [sys.executable, "-W", "error", "-c", FORK, database.render_as_string(False)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert repository.get_session("s")["message_count"] == 42
    assert contents(database).count("child") == 20


FORK_INSIDE = """
import gc, os, sys
from hermes_store import SessionRepository
from hermes_store.errors import StoreUnavailableError

repository = SessionRepository(sys.argv[1])
try:
    with repository.transaction() as tx:
        tx.append_message("s", "user", "before")
        child = os.fork()
        if child:
            assert os.waitpid(child, 0)[1] == 0
            tx.append_message("s", "user", "after")
except StoreUnavailableError:
    assert not child
if not child:
    del tx
    gc.collect()
    os._exit(0)
"""


def test_a_child_that_drops_its_parent_s_transaction_leaves_it_whole(repository, database):
    command = [sys.executable, "-W", "error", "-c", FORK_INSIDE, database.render_as_string(False)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(database) == ["before", "after"]
