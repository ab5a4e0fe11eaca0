"""Change the schema of one database: the lock, the one transaction, and what follows it.

`migrations/env.py` runs the revisions inside `changing`, whoever called it: the `alembic` command
or `hermes_store.migrate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hermes_store.database.driver import sqlite_driver
from hermes_store.database.engine import (
    in_transaction,
    migration_engine,
    read_engine,
    run_on_driver,
)
from hermes_store.database.failures import retry_while_busy, translate_error
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    MigrationError,
    StoreBusyError,
    StoreReadOnlyError,
)
from hermes_store.schema.sqlite_file import (
    begin_log,
    create_private,
    pragma,
    try_write_ahead_log,
)
from hermes_store.schema.state import State, look
from hermes_store.settings import Settings

__all__ = [
    "Progress",
    "changing",
    "changing_on",
    "fill_search_index",
    "reading",
]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many of it are done, and how many there are."""

T = TypeVar("T")

_ADVISORY_LOCK = 4_857_331_908  # any number, the same in every process
_ONE_AT_A_TIME = text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")


@contextmanager
def changing(url: URL, *, lock_timeout: float) -> Iterator[tuple[Connection, State]]:
    """One transaction for everything that env.py does, and the state found inside it.

    The write lock comes first and the look second, so of two processes the later one finds the
    work done. Nothing is committed that breaks a reference which held before.
    """
    is_new = url.get_backend_name() == "sqlite" and create_private(Path(str(url.database)))
    with (
        _typed_errors("it was rolled back"),
        _locked(url, lock_timeout, is_new=is_new) as connection,
    ):
        with _sound(connection) as state:
            yield connection, state
        _commit(connection, lock_timeout)
        if connection.dialect.name == "sqlite":
            try_write_ahead_log(connection)


@contextmanager
def changing_on(given: Any, *, lock_timeout: float) -> Iterator[tuple[Connection, State]]:
    """The same on a caller's connection, or one of a caller's engine.

    A transaction that the caller began stays open; another is begun and committed here.
    """
    with given.connect() if hasattr(given, "connect") else nullcontext(given) as connection:
        is_ours = not connection.in_transaction()
        with _typed_errors("it was rolled back"), _begun(connection, is_ours, lock_timeout):
            with _sound(connection) as state:
                yield connection, state
            if is_ours:
                _commit(connection, lock_timeout)


@contextmanager
def _begun(connection: Connection, is_ours: bool, lock_timeout: float) -> Iterator[None]:
    """A transaction of the database's own: Python's driver may not have begun one, for DDL."""
    is_sqlite = connection.dialect.name == "sqlite"
    checks_keys = is_ours and is_sqlite and pragma(connection, "foreign_keys")
    if checks_keys:  # else a table that is rebuilt would take with it what refers to it
        run_on_driver(connection, "PRAGMA foreign_keys=OFF")
    try:
        if is_ours:
            connection.begin()
        if is_sqlite and not in_transaction(connection):
            retry_while_busy(lambda: run_on_driver(connection, "BEGIN IMMEDIATE"), lock_timeout)
        if not is_sqlite:
            connection.execute(_ONE_AT_A_TIME)
        yield
        if is_ours and is_sqlite:
            try_write_ahead_log(connection)
    finally:
        if is_ours and connection.in_transaction():
            connection.rollback()
        if checks_keys:
            run_on_driver(connection, "PRAGMA foreign_keys=ON")


@contextmanager
def _sound(connection: Connection) -> Iterator[State]:
    """The state found; refuse to go on when a reference that held before is broken after."""
    state = look(connection)
    broken = _broken_references(connection) if not state.is_current else None
    yield state
    if broken is not None and _broken_references(connection) - broken:
        raise MigrationError("the migration would leave rows that refer to nothing")


def _commit(connection: Connection, lock_timeout: float) -> None:
    """Readers of a file without a write-ahead log hold up the commit, not the transaction."""
    retry_while_busy(connection.connection.commit, lock_timeout)
    connection.commit()


@contextmanager
def _locked(url: URL, lock_timeout: float, *, is_new: bool = False) -> Iterator[Connection]:
    connection = retry_while_busy(lambda: _begin(url, lock_timeout, is_new), lock_timeout)
    try:
        yield connection
    finally:
        connection.close()  # rolls back what was not committed


def _begin(url: URL, lock_timeout: float, is_new: bool) -> Connection:
    connection = migration_engine(url, lock_timeout).connect()
    try:
        if is_new:  # WAL first: it makes the COMMIT one flush to disk where the journal takes four
            begin_log(connection)
        connection.begin()
        if url.get_backend_name() == "postgresql":
            connection.execute(_ONE_AT_A_TIME)
            _make_schema(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_schema(connection: Connection) -> None:
    """Create the PostgreSQL schema that the URL or the role names, when it is the only one."""
    path = connection.exec_driver_sql("SHOW search_path").scalar_one()
    if "," not in path and connection.exec_driver_sql("SELECT current_schema()").scalar() is None:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {path}")


def _broken_references(connection: Connection) -> set[tuple[Any, ...]]:
    """Rows that refer to nothing; a server does not let them come about."""
    if connection.dialect.name != "sqlite":
        return set()
    return {tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}


@contextmanager
def reading(url: URL, state: State) -> Iterator[Connection]:
    """A connection for commands that only look; to nothing until there is a revision."""
    engine = create_engine("sqlite://", poolclass=NullPool)
    if state.revision is not None:
        engine = read_engine(url, Settings())
    try:
        with _typed_errors("nothing was changed"), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def fill_search_index(
    url: URL,
    progress: Progress | None = None,
    *,
    seconds: float | None = None,
    lock_timeout: float,
) -> None:
    """Index the messages that a revision left to be indexed, for at most `seconds`.

    In short transactions, so that agents go on writing. Left alone are a file that cannot be
    written and one that another process is filling; an index that turns out to be damaged is
    recorded as damaged.
    """
    from hermes_store.search import index, rebuild  # noqa: PLC0415 - seldom needed at opening

    def run(operation: Callable[[Connection], T]) -> T:
        with _typed_errors("messages are safe"), _locked(url, lock_timeout) as connection:
            result = operation(connection)
            _commit(connection, lock_timeout)
            return result

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress("search index", done, total)

    try:
        rebuild.backfill(run, report, seconds=seconds)
    except (StoreBusyError, StoreReadOnlyError):
        return
    except (MigrationError, DamagedFileError) as exc:
        cause = exc.__cause__
        if not isinstance(cause, DatabaseError) or not index.is_index_damage(cause):
            raise
        run(lambda connection: index.mark_damaged(connection, cause))


@contextmanager
def _typed_errors(consequence: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite_driver().Error) as exc:
        known = translate_error(exc)
        if isinstance(known, HermesStoreError):
            raise known from exc
        raise MigrationError(f"{exc}; {consequence}") from exc
