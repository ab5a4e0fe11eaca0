"""What every test starts from: a real database, migrated once and copied per test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from hermes_store import SessionRepository, migrate
from hermes_store.engine import sqlite_driver


def pytest_report_header() -> str:
    driver = sqlite_driver()
    return (
        f"SQLite {driver.sqlite_version} ({driver.__name__}), SQLAlchemy {sqlalchemy.__version__}"
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store at the newest revision. Copy it; never open it."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    migrate.upgrade(path)
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    """An empty store of the test's own."""
    return Path(shutil.copy(template, tmp_path / "state.db"))


@pytest.fixture
def repository(database: Path) -> Iterator[SessionRepository]:
    with SessionRepository(database) as repository:
        yield repository
