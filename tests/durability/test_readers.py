"""Reads of a file: on connections that are kept, each read on one snapshot, none left open."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import SearchIndexError
from hermes_store.queries import messages


@pytest.fixture
def repository(database: Path) -> Iterator[SessionRepository]:
    with SessionRepository(database, pool_size=1, pool_timeout=0.1) as repository:
        for session_id in ("a", "b", "c"):
            repository.create_session(session_id, "cli")
            repository.append_message(session_id, "user", "needle")
        yield repository


def driver(connection: OpenConnection) -> int:
    return id(connection.dbapi)


def is_left_alone(database: Path) -> bool:
    """Whether the log can be copied and emptied: no reader is on an older snapshot."""
    # Of the library that the store uses: another one in the same process would take its locks away.
    with closing(sqlite_driver().connect(database)) as other:
        refused, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not refused


def test_a_connection_is_kept_from_one_read_to_the_next(repository: SessionRepository) -> None:
    read = repository._store.read
    assert len({read(driver) for _ in range(3)}) == 1


def test_a_read_that_is_refused_keeps_it_too(repository: SessionRepository, database: Path) -> None:
    before = repository._store.read(driver)
    with repository.transaction() as tx:
        tx.execute(text("UPDATE search_index SET state = 'incomplete'"))
    with pytest.raises(SearchIndexError):
        repository.search_messages("needle")
    assert is_left_alone(database)
    assert repository._store.read(driver) == before
    assert is_left_alone(database)


def test_after_an_unknown_error_the_next_read_gets_another(
    repository: SessionRepository, database: Path
) -> None:
    def fail(_connection: OpenConnection) -> None:
        raise ZeroDivisionError

    before = repository._store.read(lambda connection: connection.dbapi)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            repository._store.read(fail)
    assert repository._store.read(lambda connection: connection.dbapi) is not before
    assert repository.session_count() == 3
    assert is_left_alone(database)


def test_a_stream_that_is_given_up_leaves_no_transaction(
    repository: SessionRepository, database: Path
) -> None:
    stream = repository.iter_export()
    next(stream)
    repository.append_message("a", "user", "later")
    stream.close()
    assert is_left_alone(database)
    assert repository.message_count() == 4


def test_a_read_sees_one_snapshot_however_it_asks(repository: SessionRepository) -> None:
    def count(connection: OpenConnection) -> list[int]:
        counts = [messages.count(connection, None)]
        repository.append_message("a", "user", "meanwhile")
        counts.append(messages.count(connection, None))
        statement = "SELECT count(*) FROM messages"
        counts.append(connection.core.execute(text(statement)).scalar_one())
        repository.append_message("a", "user", "meanwhile")
        counts.append(connection.core.exec_driver_sql(statement).scalar_one())
        return counts

    assert repository._store.read(count) == [3, 3, 3, 3]
    assert repository.message_count() == 5


def test_what_is_read_by_sqlalchemy_alone_is_one_snapshot_too(
    repository: SessionRepository,
) -> None:
    def count(connection: OpenConnection) -> list[int]:
        first = connection.core.execute(text("SELECT count(*) FROM messages")).scalar_one()
        repository.append_message("a", "user", "meanwhile")
        return [first, messages.count(connection, None)]

    assert repository._store.read(count) == [3, 3]
    assert repository.message_count() == 4
