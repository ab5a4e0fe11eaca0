"""Change the schema of one database: the lock, the one transaction, and what follows it.

`migrations/env.py` runs the revisions inside `changing`, whoever called it: the `alembic` command
or `hermes_store.migrate`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hermes_store.database.backend import Backend
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import retry_while_busy, translate_error
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    MigrationError,
    StoreBusyError,
    StoreReadOnlyError,
)
from hermes_store.schema.state import State, look
from hermes_store.settings import Settings

__all__ = ["Progress", "changing", "create_private", "fill_search_index", "reading"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many of it are done, and how many there are."""

T = TypeVar("T")

_creating = threading.Lock()


@contextmanager
def changing(url: URL, *, lock_timeout: float) -> Iterator[tuple[Connection, State]]:
    """One transaction for everything that env.py does, and the state found inside it.

    The write lock comes first and the look second, so of two processes the later one finds the
    work done. Nothing is committed that breaks a reference which held before.
    """
    backend = backend_of(url)
    if not backend.is_server:
        create_private(Path(str(url.database)))
    with _typed_errors(backend, "it was rolled back"), _locked(url, lock_timeout) as opened:
        connection = opened.core
        state = look(connection)
        broken = backend.broken_references(connection) if not state.is_current else None
        yield connection, state
        if broken is not None and backend.broken_references(connection) - broken:
            raise MigrationError("the migration would leave rows that refer to nothing")
        _commit(opened, lock_timeout)


def _commit(connection: OpenConnection, lock_timeout: float) -> None:
    """Readers of a file without a write-ahead log hold up the commit, not the transaction."""
    connection.require_same_file()
    retry_while_busy(connection.backend, connection.dbapi.commit, lock_timeout)
    connection.commit()


@contextmanager
def _locked(url: URL, lock_timeout: float) -> Iterator[OpenConnection]:
    backend = backend_of(url)
    connection = retry_while_busy(backend, lambda: _begin(backend, url, lock_timeout), lock_timeout)
    try:
        yield connection
    finally:
        connection.close()  # rolls back what was not committed


def _begin(backend: Backend, url: URL, lock_timeout: float) -> OpenConnection:
    engine = backend.migration_engine(url, lock_timeout)
    connection = OpenConnection(engine, backend, backend.begin_writing)
    try:
        connection.begin(for_caller=True)
        backend.lock_schema(connection.core)
    except BaseException:
        connection.close()
        raise
    return connection


def create_private(path: Path) -> None:
    """Create an empty file that only its owner can read, unless there is one already."""
    try:
        _make_private_folders(path.parent)
        # Closing a descriptor drops this process's locks on the file: no other thread of ours
        # may get as far as SQLite before it is closed.
        with _creating:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as exc:
        raise StoreReadOnlyError(f"{path} cannot be created: {exc.strerror}") from exc


def _make_private_folders(folder: Path) -> None:
    """Make the folders that are missing, each for its owner alone: `mkdir` does so for the last."""
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)


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
    from hermes_store.search import index, rebuild  # noqa: PLC0415 - seldom needed at opening

    def run(operation: Callable[[OpenConnection], T]) -> T:
        with (
            _typed_errors(backend_of(url), "messages are safe"),
            _locked(url, lock_timeout) as connection,
        ):
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
def _typed_errors(backend: Backend, consequence: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite_driver().Error) as exc:
        known = translate_error(backend, exc)
        if isinstance(known, HermesStoreError):
            raise known from exc
        raise MigrationError(f"{exc}; {consequence}") from exc
