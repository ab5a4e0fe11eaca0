"""A read of one statement needs no transaction; one of several is of one snapshot all the same."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL
from stored import change

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB
from hermes_store.database.postgresql import POSTGRESQL
from hermes_store.database.sqlite import SQLITE

Begun = list[str]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """How each transaction began."""
    told: Begun = []

    def telling(begin: Callable[..., None]) -> Callable[..., None]:
        def tell(backend: Any, connection: Any, statement: str) -> None:
            told.append(statement)
            begin(backend, connection, statement)

        return tell

    for backend in (type(SQLITE), type(POSTGRESQL)):
        monkeypatch.setattr(backend, "begin", telling(backend.begin))
    return told


def fill(repository: SessionRepository) -> None:
    for session_id in ("a", "b"):
        repository.create_session(session_id, "cli")
        repository.append_message(session_id, "user", "hello")


def continue_one(repository: SessionRepository) -> None:
    repository.create_session("c", "cli", parent_session_id="a", link="compression")


@pytest.mark.parametrize(
    "read",
    [
        lambda repository: repository.get_session("a")["id"],
        lambda repository: len(repository.get_messages("a")),
        lambda repository: len(repository.get_messages("a", limit=1)),
        lambda repository: len(repository.get_messages_as_conversation("a")),
    ],
)
def test_of_one_statement_begins_no_transaction(
    repository: SessionRepository, begun: Begun, read: Callable[[SessionRepository], object]
) -> None:
    fill(repository)
    begun.clear()
    assert read(repository) in {"a", 1}
    assert begun == []


@pytest.mark.parametrize(
    "read",
    [
        lambda db: db.get_session("a")["id"],
        lambda db: len(db.get_messages("a")),
        lambda db: len(db.get_messages_as_conversation("a")),
        lambda db: len(db.list_sessions_rich(limit=1)),
    ],
)
def test_of_the_class_for_hermes_agent_begins_none_either(
    sqlite_database: Path, begun: Begun, read: Callable[[SessionDB], object]
) -> None:
    with closing(SessionDB(sqlite_database)) as db:
        db.create_session("a", "cli")
        db.append_message("a", "user", "hello")
        begun.clear()
        assert read(db) in {"a", 1}
        assert begun == []


def test_a_list_of_one_statement_begins_none_on_a_server(
    repository: SessionRepository, begun: Begun
) -> None:
    fill(repository)
    begun.clear()
    assert len(repository.list_sessions_rich()) == 2
    backend = repository._store.backend
    assert begun == ([] if backend.is_server else [backend.begin_reading])


def test_of_several_statements_is_of_one_snapshot(
    repository: SessionRepository, begun: Begun
) -> None:
    fill(repository)
    continue_one(repository)
    begun.clear()
    for _ in range(2):
        assert {each["id"] for each in repository.list_sessions_rich()} == {"b", "c"}
    assert begun == [repository._store.backend.begin_reading] * 2


def test_of_text_that_is_not_utf_8_is_of_one_snapshot(sqlite_database: Path, begun: Begun) -> None:
    with SessionRepository(sqlite_database) as repository:
        fill(repository)
        change(sqlite_database, "UPDATE sessions SET title = CAST(x'ff' AS TEXT) WHERE id = 'a'")
        begun.clear()
        for _ in range(2):
            assert repository.get_session("a")["title"] == "\ufffd"
        assert begun == [SQLITE.begin_reading] * 2


def test_behind_a_pooler_each_transaction_brings_its_limits(
    postgresql_database: URL, begun: Begun
) -> None:
    url = postgresql_database.update_query_dict({"prepare_threshold": "none"})
    with SessionRepository(url) as repository:
        fill(repository)
        begun.clear()
        assert len(repository.get_messages("a")) == 1
        assert begun == [POSTGRESQL.begin_reading]
