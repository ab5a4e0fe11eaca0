"""A read of one statement needs no transaction; one of several is of one snapshot all the same."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.database import postgresql_engines

Begun = list[str]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """How each transaction began."""
    told: Begun = []
    begin = postgresql_engines.begin

    def tell(connection: Any, statement: str) -> None:
        told.append(statement)
        begin(connection, statement)

    monkeypatch.setattr(postgresql_engines, "begin", tell)
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
        lambda repository: len(repository.get_messages_as_conversation("a")),
        lambda repository: len(repository.list_sessions_rich()),
    ],
)
def test_of_one_statement_begins_no_transaction(
    postgresql_database: URL, begun: Begun, read: Callable[[SessionRepository], object]
) -> None:
    with SessionRepository(postgresql_database) as repository:
        fill(repository)
        begun.clear()
        assert read(repository) in {"a", 1, 2}
        assert begun == []


def test_of_several_statements_is_of_one_snapshot(postgresql_database: URL, begun: Begun) -> None:
    with SessionRepository(postgresql_database) as repository:
        fill(repository)
        continue_one(repository)
        begun.clear()
        for _ in range(2):
            assert {each["id"] for each in repository.list_sessions_rich()} == {"b", "c"}
        assert begun == [postgresql_engines.BEGIN_READING] * 2


def test_behind_a_pooler_each_transaction_brings_its_limits(
    postgresql_database: URL, begun: Begun
) -> None:
    url = postgresql_database.update_query_dict({"prepare_threshold": "none"})
    with SessionRepository(url) as repository:
        fill(repository)
        begun.clear()
        assert len(repository.get_messages("a")) == 1
        assert begun == [postgresql_engines.BEGIN_READING]
