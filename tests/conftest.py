"""What every test starts from: a real database, migrated once and copied per test."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
import sqlalchemy
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.database.sqlite_engines import sqlite_driver


def pytest_report_header() -> str:
    driver = sqlite_driver()
    return (
        f"SQLite {driver.sqlite_version} ({driver.__name__}), SQLAlchemy {sqlalchemy.__version__}"
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite store at the newest revision. Copy it; never open it."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    migrate.upgrade(path)
    return path


@pytest.fixture
def sqlite_database(template: Path, tmp_path: Path) -> Path:
    """An empty store of the test's own: a SQLite file."""
    return Path(shutil.copy(template, tmp_path / "state.db"))


@pytest.fixture
def postgresql_database() -> Iterator[URL]:
    """An empty store of the test's own: a database of the PostgreSQL server."""
    with postgres_server.store() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> Path | URL:
    """An empty store of the test's own; the test runs once on each kind of database."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def repository(database: Path | URL) -> Iterator[SessionRepository]:
    with SessionRepository(database) as repository:
        yield repository


# --- PostgreSQL: one server for all workers of a run ----------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    # A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        postgres_server.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgres_server.end_run()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a server leave its half out; the summary says so."""
    missing = [item for item in items if item.get_closest_marker("postgresql")]
    if not missing or not postgres_server.why_not():
        return
    if postgres_server.is_required():
        raise pytest.UsageError(f"PostgreSQL is required: {postgres_server.why_not()}")
    items[:] = [item for item in items if not item.get_closest_marker("postgresql")]
    config.hook.pytest_deselected(items=missing)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    if postgres_server.why_not():
        terminalreporter.write_line(
            f"PostgreSQL: its half of the tests did NOT run: {postgres_server.why_not()}", red=True
        )
