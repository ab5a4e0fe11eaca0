"""Several hosts write at once: nothing is lost, counters are exact, locks are waited for."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import postgres_server
import prepared
import pytest
import stored
from sqlalchemy import URL, text
from support import Caller, until

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import (
    SessionNotFoundError,
    StoreBusyError,
    StoreUnavailableError,
    TitleInUseError,
    TransactionRolledBackError,
)
from hermes_store.search.budget import Budget
from hermes_store.search.postgresql import within
from hermes_store.search.postgresql_looks import ends_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def other(database: URL) -> Iterator[Any]:
    """A connection of another host, in a transaction; it never ends a deadlock itself."""
    with closing(postgres_server.connected(database)) as connection:
        connection.execute("SET deadlock_timeout = '1h'")
        connection.commit()
        yield connection
        connection.rollback()


@pytest.fixture
def repository(database: URL) -> Iterator[SessionRepository]:
    with SessionRepository(database) as repository:
        for session_id in ("a", "b"):
            repository.create_session(session_id, "cli")
        yield repository


def rename(session_id: str, source: str) -> str:
    return f"UPDATE sessions SET source = '{source}' WHERE id = '{session_id}'"


def waiting(database: URL) -> int:
    """How many connections wait for a row that another has changed."""
    [found] = stored.column(
        database,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return found


def sources(repository: SessionRepository) -> list[str]:
    return [repository.get_session(session_id)["source"] for session_id in ("a", "b")]


def test_processes_and_threads_lose_nothing_and_count_exactly(repository, database):
    repository.create_session("shared", "cli")
    url = database.render_as_string(hide_password=False)
    script = str(Path(__file__).with_name("writing_at_once.py"))
    hosts, threads, times = 3, 3, 15
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [
        prepared.Popen(
            [sys.executable, script, url, str(host), str(times)], env=environment, **pipes
        )
        for host in range(hosts)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    every = hosts * threads * times
    shared = repository.get_session("shared")
    assert (shared["message_count"], shared["tool_call_count"]) == (every, every)
    assert (shared["input_tokens"], shared["output_tokens"]) == (2 * every, every)
    texts = [message["content"] for message in repository.get_messages("shared")]
    assert len(set(texts)) == every
    for host in range(hosts):
        for thread in range(threads):
            mine = [each for each in texts if each.startswith(f"{host}.{thread} ")]
            assert mine == [f"{host}.{thread} {number}" for number in range(times)]
    stored.check(database)


class TestDeadlocks:
    def crossing(self, database: URL, other: Any, waits: list[threading.Thread]):
        """A write that locks `a`, then `b`, while the other host has `b` and wants `a`."""

        def operation(connection: OpenConnection) -> int:
            connection.core.execute(text(rename("a", "ours")))
            if not waits:
                waits.append(Caller(lambda: other.execute(rename("a", "theirs"))))
                until(lambda: waiting(database) == 1)
            connection.core.execute(text(rename("b", "ours")))
            return 42

        return operation

    def test_a_write_that_the_server_ends_for_one_runs_again(self, repository, database, other):
        other.execute(rename("b", "theirs"))
        waits: list[Any] = []
        write = Caller(lambda: repository._store.write(self.crossing(database, other, waits)))
        until(lambda: waits)
        waits[0].finish()  # the server has ended the write, and given `a` to the other
        assert not write.result
        other.commit()
        assert write.finish() == 42
        assert sources(repository) == ["ours", "ours"]

    def test_a_transaction_is_an_error_and_leaves_nothing(self, repository, database, other):
        other.execute(rename("b", "theirs"))
        waits: list[Any] = []
        said = "rolled the transaction back after a deadlock with another transaction; run all"
        with pytest.raises(TransactionRolledBackError, match=said), repository.transaction() as tx:
            tx.append_message("a", "user", "lost")
            self.crossing(database, other, waits)(tx._open)
        waits[0].finish()
        other.commit()
        assert sources(repository) == ["theirs", "theirs"]
        assert repository.message_count() == 0
        repository.append_message("a", "user", "next")

    def test_one_that_lasts_is_an_error_after_the_budget(self, database, other):
        with SessionRepository(database, lock_timeout=0.3) as repository:
            repository.create_session("a", "cli")
            tries = []

            def operation(connection: OpenConnection) -> None:
                tries.append(True)
                connection.core.execute(
                    text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$")
                )

            with pytest.raises(StoreBusyError) as caught:
                repository._store.write(operation)
            assert caught.value.waited >= 0.3
            assert len(tries) > 1


def test_a_write_that_cannot_be_serialized_runs_again(repository, database, other):
    other_was_faster: list[bool] = []

    def operation(connection: OpenConnection) -> None:
        connection.core.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        [(count,)] = connection.core.execute(
            text("SELECT message_count FROM sessions WHERE id = 'a'")
        )
        if not other_was_faster:
            other.execute("UPDATE sessions SET message_count = 10 WHERE id = 'a'")
            other.commit()
            other_was_faster.append(True)
        connection.core.execute(
            text("UPDATE sessions SET message_count = :new WHERE id = 'a'"), {"new": count + 1}
        )

    repository._store.write(operation)
    assert repository.get_session("a")["message_count"] == 11


class TestLocks:
    def test_a_row_that_another_holds_is_waited_for(self, repository, database, other):
        other.execute(rename("a", "theirs"))
        write = Caller(lambda: repository.append_message("a", "user", "patient"))
        until(lambda: waiting(database) == 1)
        other.commit()
        assert write.finish() == 1

    def test_one_that_stays_locked_is_an_error_after_lock_timeout(self, database, other):
        with SessionRepository(database, lock_timeout=0.2) as repository:
            repository.create_session("a", "cli")
            other.execute(rename("a", "theirs"))
            with pytest.raises(StoreBusyError) as caught:
                repository.append_message("a", "user", "refused")
            assert caught.value.waited >= 0.2
            other.rollback()
            repository.append_message("a", "user", "next")
            assert [each["content"] for each in repository.get_messages("a")] == ["next"]

    def test_another_session_is_not_waited_for(self, repository, other):
        other.execute(rename("a", "theirs"))
        repository.append_message("b", "user", "at once")
        assert repository.message_count("b") == 1

    def test_reads_wait_for_nobody(self, repository, database, other):
        other.execute("LOCK TABLE sessions, messages IN EXCLUSIVE MODE")
        assert repository.session_count() == 2
        assert repository.get_messages("a") == []


class TestFaster:
    """What another host did between a write's look and its change."""

    def between(self, repository: SessionRepository, other: Any, statement: str, call: Callable):
        """Run `call` while another host's uncommitted `statement` is in its way; then commit it."""
        other.execute(statement)
        write = Caller(call)
        until(lambda: waiting(repository._store.url) == 1)
        other.commit()
        return write.finish()

    def test_created_the_same_session(self, repository, other):
        statement = "INSERT INTO sessions (id, source, started_at) VALUES ('c', 'theirs', 1)"
        self.between(
            repository, other, statement, lambda: repository.create_session("c", "cli", model="m")
        )
        created = repository.get_session("c")
        assert (created["source"], created["model"]) == ("theirs", "m")

    def test_took_the_title(self, repository, other):
        statement = "UPDATE sessions SET title = 'Taken' WHERE id = 'b'"
        with pytest.raises(TitleInUseError, match="in use by session b"):
            self.between(
                repository, other, statement, lambda: repository.set_session_title("a", "Taken")
            )

    def test_deleted_the_session(self, repository, other):
        with pytest.raises(SessionNotFoundError):
            self.between(
                repository,
                other,
                "DELETE FROM sessions WHERE id = 'a'",
                lambda: repository.append_message("a", "user", "late"),
            )
        assert repository.message_count() == 0


class TestStatementTimeout:
    def test_a_statement_that_takes_longer_is_ended_with_the_name_of_the_setting(self, database):
        # a slow machine, too, runs the other statements in this time
        with SessionRepository(database, statement_timeout=0.8) as repository:
            repository.create_session("a", "cli")
            long = text("SELECT pg_sleep(60)")
            for run in (repository._store.read, repository._store.write):
                with pytest.raises(StoreUnavailableError, match="raise statement_timeout"):
                    run(lambda connection: connection.core.execute(long))
            with pytest.raises(StoreUnavailableError, match="raise statement_timeout"):
                with repository.transaction() as tx:
                    tx.append_message("a", "user", "lost")
                    tx.execute(long)
            repository.append_message("a", "user", "next")
            assert [each["content"] for each in repository.get_messages("a")] == ["next"]

    @pytest.mark.parametrize(("budget", "greatest"), [(0, 1_900), (1, 1_050), (5, 1_900)])
    def test_a_search_has_the_lower_of_the_two_limits_and_a_twentieth_for_its_rollback(
        self, database, budget, greatest
    ):
        limit = text("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")

        def look(connection):
            whole = Budget(budget)
            with within(connection, whole):
                ends_of(connection, whole, {})  # the first statement of a search
                inside = connection.core.execute(limit).scalar()
            return inside, connection.core.execute(limit).scalar()

        with SessionRepository(database, statement_timeout=1.9) as repository:
            inside, _ = repository._store.read(look)  # in a transaction of its own
            afterwards = repository._store.read(lambda read: read.core.execute(limit).scalar())
            with repository.transaction() as tx:
                inside_a_block, later_in_it = look(tx._open)
        assert 0 < inside <= greatest
        assert 0 < inside_a_block <= greatest
        assert (afterwards, later_in_it) == (1_900, 1_900)

    def test_there_is_none_unless_it_is_set(self, repository):
        limit = text("SHOW statement_timeout")
        for run in (repository._store.read, repository._store.write):
            assert run(lambda connection: connection.core.execute(limit).scalar()) == "0"
