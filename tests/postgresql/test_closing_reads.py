"""A repository that is closed while it reads: the connection is closed when it comes back."""

import gc
from collections.abc import Iterator

import pytest
from sqlalchemy import URL
from stored import column
from support import until

from hermes_store import SessionRepository

OPEN = "SELECT pid FROM pg_stat_activity WHERE application_name = 'closing'"


@pytest.fixture
def lent(database: URL) -> Iterator[tuple[SessionRepository, Iterator[object]]]:
    """A repository, and an export that has a connection of it."""
    repository = SessionRepository(database.update_query_dict({"application_name": "closing"}))
    for number in range(2):
        repository.create_session(f"s{number}", "cli")
    export = repository.iter_export()
    next(export)
    gc.disable()  # a connection that is left open is not closed by the collector
    yield repository, export
    gc.enable()


def none_is_open(database: URL) -> bool:
    return column(database, OPEN) == []


def test_a_connection_that_comes_back_after_the_close_is_closed(database, lent):
    repository, export = lent
    repository.close()
    assert not none_is_open(database)
    export.close()
    until(lambda: none_is_open(database))


def test_a_connection_that_comes_back_during_the_close_is_closed(database, lent, monkeypatch):
    repository, export = lent
    readers = repository._store._readers
    monkeypatch.setattr(type(readers), "_closed", _ClosedMeanwhile(repository), raising=False)
    export.close()
    until(lambda: none_is_open(database))


class _ClosedMeanwhile:
    """False for who looks first, and then the repository is closed."""

    def __init__(self, repository: SessionRepository) -> None:
        self._repository, self._is_closed = repository, False

    def __get__(self, _readers: object, _class: object = None) -> bool:
        before = self._is_closed
        if not before:
            self._repository.close()
        return before

    def __set__(self, _readers: object, value: bool) -> None:
        self._is_closed = value
