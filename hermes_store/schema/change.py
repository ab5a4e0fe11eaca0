"""Change the schema of one database: the lock, the one transaction, and what follows it.

`migrations/env.py` runs the revisions inside `change`, for the `alembic` command and for
`hermes_store.migrate` alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hermes_store.database.backend import Backend
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.failures import retry_while_busy, translate_error, unknown_error
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    MigrationError,
    StoreBusyError,
    StoreReadOnlyError,
)
from hermes_store.schema.new_file import create_private
from hermes_store.schema.state import State, look
from hermes_store.settings import Settings

__all__ = [
    "Progress",
    "change",
    "changing_on",
    "fill_search_index",
    "keep_log",
    "reading",
    "told",
]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many of it are done, and how many there are."""

_REMEDY = (
    "put right what is in the way, or take the conversations into a new store by "
    "'hermes-store copy OLD NEW' or 'hermes-store import OLD'"
)


def told(progress: Progress | None) -> Progress:
    """`progress`, or a function that tells nobody."""
    return progress or (lambda _step, _done, _total: None)


T = TypeVar("T")


def change(url: URL, work: Callable[[Connection, State], T], *, lock_timeout: float) -> T:
    """Run `work` in one transaction, with the state found inside it; return its result.

    The write lock comes first and the look second, so of two processes the later one finds the
    work done. Nothing is committed that breaks a reference which held before. A SQLite file is in
    WAL afterwards: a new one at once, another one after COMMIT, so that a failure changes no byte.
    A server ends a transaction that it finds in a deadlock with an agent's: all of it runs again,
    and tells its progress from the beginning.
    """
    backend = backend_of(url)
    is_new = not backend.is_server and create_private(Path(str(url.database)))

    def attempt() -> T:
        with _locked(url, lock_timeout, is_new=is_new) as opened:
            with _sound(backend, opened.core) as state, backend.undecodable_replaced(opened.core):
                result = work(opened.core, state)
            _commit(opened, lock_timeout)
            backend.keep_log(opened.dbapi)
            return result

    with _typed_errors(backend, "it was rolled back"):
        return retry_while_busy(backend, attempt, lock_timeout)


@contextmanager
def changing_on(given: Any, *, lock_timeout: float) -> Iterator[tuple[Connection, State]]:
    """The same, once, on a caller's connection, or on one of a caller's engine.

    A transaction that the caller began stays open, with what it checks of references. Another one
    is begun and committed here.
    """
    with given.connect() if hasattr(given, "connect") else nullcontext(given) as connection:
        backend = backend_of(connection.engine.url)
        begun = nullcontext() if connection.in_transaction() else _begun(backend, connection)
        with _typed_errors(backend, "it was rolled back"), begun:
            _lock(backend, connection, lock_timeout)
            with _sound(backend, connection) as state:
                yield connection, state


@contextmanager
def _begun(backend: Backend, connection: Connection) -> Iterator[None]:
    """A transaction of a caller's connection; SQLAlchemy's listeners may not begin the driver's."""
    dbapi = connection.connection.dbapi_connection
    with backend.without_references(dbapi):
        with connection.begin():
            yield
        backend.keep_log(dbapi)


def _lock(backend: Backend, connection: Connection, lock_timeout: float) -> None:
    """Take the write lock; Python's driver for SQLite begins no transaction for DDL."""
    dbapi: Any = connection.connection.dbapi_connection
    backend.lock_schema(connection)
    if not backend.in_transaction(dbapi):
        retry_while_busy(
            backend, lambda: backend.begin(connection, backend.begin_writing), lock_timeout
        )


@contextmanager
def _sound(backend: Backend, connection: Connection) -> Iterator[State]:
    """The state found. Refuses to go on when a reference that held before is broken after."""
    state = look(connection)
    has_rows = not (state.is_current or state.is_empty)
    broken = backend.broken_references(connection) if has_rows else None
    yield state
    if broken is not None and backend.broken_references(connection) - broken:
        raise MigrationError("the migration would leave rows that refer to nothing")


def _commit(connection: OpenConnection, lock_timeout: float) -> None:
    """Readers of a file without a write-ahead log hold up the commit, not the transaction."""
    connection.require_same_file()
    retry_while_busy(connection.backend, connection.dbapi.commit, lock_timeout)
    connection.commit()


@contextmanager
def _locked(url: URL, lock_timeout: float, *, is_new: bool = False) -> Iterator[OpenConnection]:
    backend = backend_of(url)
    connection = retry_while_busy(
        backend, lambda: _begin(backend, url, lock_timeout, is_new), lock_timeout
    )
    try:
        yield connection
    finally:
        connection.close()  # rolls back what was not committed


def _begin(backend: Backend, url: URL, lock_timeout: float, is_new: bool) -> OpenConnection:
    engine = backend.migration_engine(url, lock_timeout)
    connection = OpenConnection(engine, backend, backend.begin_writing)
    try:
        if is_new:
            backend.start_log(connection.dbapi)
        connection.begin(for_caller=True)
        backend.lock_schema(connection.core)
        backend.make_namespace(connection.core)
    except BaseException:
        connection.close()
        raise
    return connection


def keep_log(url: URL) -> None:
    """Switch a SQLite file that needs no upgrade to WAL, if that can be now."""
    backend = backend_of(url)
    with (
        suppress(SQLAlchemyError, sqlite_driver().Error),  # a later read says what is wrong
        closing(backend.migration_engine(url, 0).raw_connection()) as connection,
    ):
        backend.keep_log(connection.dbapi_connection)


@contextmanager
def reading(url: URL, state: State) -> Iterator[Connection]:
    """A connection for commands that only look; to nothing until there is a revision."""
    engine = create_engine("sqlite://", poolclass=NullPool)
    if state.revision is not None:
        engine = backend_of(url).read_engine(url, Settings())
    try:
        with _typed_errors(backend_of(url), "nothing was changed"), engine.connect() as connection:
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
    from hermes_store.search.choice import repair_of, upkeep_of  # noqa: PLC0415 - seldom needed at opening

    backend = backend_of(url)

    def attempt(operation: Callable[[OpenConnection], T]) -> T:
        with _locked(url, lock_timeout) as connection:
            result = operation(connection)
            _commit(connection, lock_timeout)
            return result

    def run(operation: Callable[[OpenConnection], T]) -> T:
        # A server ends a step where it and an agent wait for each other.
        with _typed_errors(backend, "messages are safe"):
            return retry_while_busy(backend, lambda: attempt(operation), lock_timeout)

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress("search index", done, total)

    try:
        upkeep_of(backend).backfill(run, report, seconds=seconds)
    except (StoreBusyError, StoreReadOnlyError):
        return
    except (MigrationError, DamagedFileError) as exc:
        cause = exc.__cause__
        repair = repair_of(backend)
        if repair is None or cause is None or not repair.applies(cause):
            raise
        run(lambda connection: repair.apply(connection, cause))


@contextmanager
def _typed_errors(backend: Backend, consequence: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite_driver().Error) as exc:
        known = translate_error(backend, exc)
        if isinstance(known, HermesStoreError):
            raise known from exc
        reason = unknown_error(backend, exc).reason
        raise MigrationError(f"{reason}; {consequence}: {_REMEDY}") from exc
