"""What is promised here is PostgreSQL's: every test needs a server."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from sqlalchemy import URL

HERE = f"{Path(__file__).parent}{os.sep}"
_numbers = itertools.count()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.postgresql)


@pytest.fixture
def keeps_connections() -> bool:
    return False


@pytest.fixture
def database(postgresql_database: URL) -> URL:
    return postgresql_database


@pytest.fixture
def missing_database() -> Iterator[URL]:
    """A database that does not exist; its name needs quotes."""
    name = f'Hermes-"init"-{os.getpid()}-{next(_numbers)}'
    url = postgres_server.template().set(database=name)
    yield url
    postgres_server.drop(url)


@pytest.fixture
def empty_database() -> Iterator[URL]:
    """A database without any table."""
    with postgres_server.empty_database() as url:
        yield url
