"""What every test starts from: a real database, migrated once and copied per test."""

import gc
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import kept_statements
import postgres_server
import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.database.sqlite_engines import sqlite_driver
from tools import local_pgbouncer

# How long an example takes depends on what else the machine does. Fixtures that live for all
# examples of a test are meant to.
settings.register_profile(
    "store",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("store")


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
def keeps_connections() -> bool:
    """Whether tests may get connections to the server that others closed."""
    return True


@pytest.fixture
def postgresql_database(keeps_connections: bool) -> Iterator[URL]:
    """An empty store of the test's own: a database of the PostgreSQL server."""
    with postgres_server.store(keeps_connections=keeps_connections) as url:
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
    kept_statements.begin()
    if not hasattr(config, "workerinput"):
        postgres_server.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    postgres_server.close()
    if not hasattr(config, "workerinput"):
        postgres_server.end_run()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Ten thousand tests stay until the end: the collector need not look for garbage in them.

    Behind every 10,000 new objects, in place of 700, it takes half as long while the tests run.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)


def _what_cannot_run() -> dict[str, str]:
    """Markers of tests that need what is not here, each with the reason and the remedy."""
    reasons = {
        "postgresql": postgres_server.why_not(),
        "pgbouncer": local_pgbouncer.missing_pooler(),
    }
    return {marker: why for marker, why in reasons.items() if why}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a server, or a pooler, leave its tests out; the summary says so."""
    for marker, why in _what_cannot_run().items():
        missing = [item for item in items if item.get_closest_marker(marker)]
        if missing and postgres_server.is_required():
            raise pytest.UsageError(f"{marker} is required: {why}")
        items[:] = [item for item in items if item not in missing]
        config.hook.pytest_deselected(items=missing)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    for marker, why in _what_cannot_run().items():
        terminalreporter.write_line(f"{marker}: its tests did NOT run: {why}", red=True)
