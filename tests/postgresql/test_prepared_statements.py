"""The server parses and plans a statement that a connection repeats once, not at every call."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.database.connection import OpenConnection

SEEN_OFTEN = 10


@pytest.fixture
def repository(database: URL) -> Iterator[SessionRepository]:
    with SessionRepository(database, pool_size=1) as repository:
        repository.create_session("s", "cli")
        yield repository


def prepared(connection: OpenConnection) -> str:
    found: Any = connection.core.exec_driver_sql("SELECT statement FROM pg_prepared_statements")
    return "\n".join(found.scalars())


def test_of_reads(repository: SessionRepository) -> None:
    for _ in range(SEEN_OFTEN):
        repository.get_messages("s")
    assert "FROM messages" in repository._store.read(prepared)


def test_of_writes(repository: SessionRepository) -> None:
    for _ in range(SEEN_OFTEN):
        repository.append_message("s", "user", "hello")
    statements = repository._store.write(prepared)
    assert "UPDATE sessions" in statements
    assert "INSERT INTO messages" in statements
