"""A deploy, or what takes a schema down, while agents and operators are at work."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import postgres_server
import pytest
from sqlalchemy import URL
from stored import column
from support import Caller, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.postgresql import SCHEMA_LOCK
from hermes_store.errors import UpgradeRequiredError

WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


@pytest.fixture
def connect(database: URL) -> Iterator[Callable[[], Any]]:
    """Make further connections of another program."""
    made: list[Any] = []

    def connected() -> Any:
        made.append(postgres_server.connected(database))
        return made[-1]

    yield connected
    for each in made:
        each.close()


def until_waiting(database: URL, number: int) -> None:
    until(lambda: column(database, WAITING) == [number])


def test_a_deadlock_with_an_agent_is_no_end_of_it(database: URL, connect) -> None:
    agent, operator = connect(), connect()
    agent.execute("SET deadlock_timeout = '1min'")  # so that the server ends the other one
    agent.execute("SELECT FROM sessions")
    operator.execute("LOCK TABLE meta IN ACCESS SHARE MODE")
    down = Caller(lambda: migrate.downgrade(database, "0015"))
    until_waiting(database, 1)  # for the operator: it has locked the messages by now
    reading = Caller(lambda: agent.execute("SELECT FROM messages"))
    until_waiting(database, 2)
    operator.rollback()
    reading.finish()
    agent.rollback()
    down.finish()
    assert migrate.current(database) == "0015"


def test_nobody_waits_behind_a_reindex_that_waits_for_a_long_read(database: URL, connect) -> None:
    elsewhere = database.update_query_dict({"application_name": "another host"})
    with SessionRepository(database) as repository, SessionRepository(elsewhere) as other:
        repository.create_session("s", "cli")
        exporting = connect()
        exporting.execute("SELECT FROM messages")
        reindexing = Caller(repository.reindex)
        until_waiting(database, 1)
        for number in range(5):
            appending = Caller(lambda: other.append_message("s", "user", "needle"))
            appending.finish(10)
            assert other.message_count() == number + 1
        assert reindexing.is_alive()
        exporting.rollback()
        reindexing.finish()
        assert len(other.search_messages("needle")) == 5


def test_a_reindex_waits_for_a_change_of_the_schema(database: URL) -> None:
    with (
        SessionRepository(database) as repository,
        closing(postgres_server.connected(database)) as deploy,
    ):
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle")
        deploy.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        reindexing = Caller(repository.reindex)
        until_waiting(database, 1)
        deploy.execute("UPDATE hermes_store_version SET version_num = '0022'")
        deploy.commit()
        with pytest.raises(UpgradeRequiredError):
            reindexing.finish()
        assert column(database, "SELECT state FROM search_index") == ["ready"]
