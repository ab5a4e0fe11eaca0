"""Engines of a SQLite file: the driver, the pragmas, and how a transaction begins.

A file is used in three ways, each with an engine of its own:

* One connection writes. It begins with `BEGIN IMMEDIATE`, so that a write after a read never fails.
* Several connections only read (`query_only`), each on one snapshot.
* One connection runs migrations, without foreign keys, so that a table can be rebuilt.

The driver's own transaction control is off, because it would leave DDL outside of transactions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy
import sqlalchemy.dialects.sqlite.pysqlite  # here, not at the first open
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.pool import NullPool

from hermes_store.database import sqlite_file as files
from hermes_store.database.driver import connect_arguments, sqlite_driver
from hermes_store.database.sqlite_ids import say_no_id_is_left
from hermes_store.database.sqlite_kept import Kept
from hermes_store.database.sqlite_log import is_log_left
from hermes_store.database.sqlite_place import why_read_only
from hermes_store.database.sqlite_trust import distrust_schema
from hermes_store.errors import TransactionRolledBackError
from hermes_store.settings import Settings

__all__ = [
    "begin_writing",
    "has_wal_reset_bug",
    "keep_log",
    "migration_engine",
    "plain_engine",
    "read_engine",
    "reading_mode",
    "require_transaction",
    "sqlite_driver",
    "start_log",
    "without_references",
    "write_engine",
]


def write_engine(url: URL, settings: Settings) -> Engine:
    """Engine for the connection that writes."""
    engine = _engine(url, settings.echo)

    def configure(dbapi: Any, record: Any) -> None:
        distrust_schema(dbapi)
        _common_pragmas(dbapi, settings)
        _write_ahead_log(dbapi, url)
        _claim_log(dbapi, record)
        dbapi.execute(f"PRAGMA synchronous={settings.synchronous}")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.execute("PRAGMA recursive_triggers=ON")
        dbapi.execute(f"PRAGMA journal_size_limit={settings.journal_size_limit}")
        dbapi.execute(f"PRAGMA wal_autocheckpoint={settings.wal_autocheckpoint}")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", require_transaction)
    event.listen(engine, "invalidate", _give_lock_back)
    event.listen(engine, "handle_error", say_no_id_is_left)
    for hook in ("do_execute", "do_executemany", "do_execute_no_params"):
        event.listen(engine, hook, _require_transaction_of)
    return engine


def _give_lock_back(dbapi: Any, *_: Any) -> None:
    """Roll back before SQLAlchemy closes a connection, as at a Ctrl-C in a statement.

    SQLite closes it when the statement is gone, and that is as long there as the traceback.
    """
    if dbapi.in_transaction:
        dbapi.rollback()


def require_transaction(connection: Connection) -> None:
    """Listener of "begin": refuse to begin where the store has not.

    SQLite ends a transaction by itself on some errors. What ran next would be committed without
    what came before it.
    """
    dbapi: Any = connection.connection.dbapi_connection
    if not dbapi.in_transaction:
        raise TransactionRolledBackError


def _require_transaction_of(*arguments: Any) -> None:
    # A listener of the dialect, not of the engine: `watched` looks at the engine's listeners.
    require_transaction(arguments[-1].root_connection)


def read_engine(url: URL, settings: Settings, kept: Kept | None = None) -> Engine:
    """Engine whose connections can only read. The first is the one that is kept, if any."""
    engine = _engine(url, settings.echo, partial(reading_mode, read_only=settings.read_only), kept)

    def configure(dbapi: Any, record: Any) -> None:
        distrust_schema(dbapi)
        _common_pragmas(dbapi, settings)
        dbapi.execute("PRAGMA query_only=ON")
        _claim_log(dbapi, record)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", _begin_reading)
    return engine


def _begin_reading(connection: Connection) -> None:
    dbapi: Any = connection.connection.dbapi_connection
    if not dbapi.in_transaction:
        dbapi.execute("BEGIN")


def plain_engine(url: URL) -> Engine:
    """Engine for what is neither reading nor writing: checkpoints, VACUUM."""
    return _engine(url)


def migration_engine(url: URL) -> Engine:
    """Engine for revisions: takes the write lock at once and checks no foreign keys."""
    engine = _engine(url)
    event.listen(engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA busy_timeout=250"))
    event.listen(engine, "begin", begin_writing)
    return engine


def begin_writing(connection: Connection) -> None:
    """Listener of "begin": take the write lock, unless the connection holds it."""
    dbapi: Any = connection.connection.dbapi_connection
    if not dbapi.in_transaction:
        dbapi.execute("BEGIN IMMEDIATE")


def _writing_mode(_path: Path) -> str:
    return "mode=rw"  # never makes a file: all users could read it


def _engine(
    url: URL,
    echo: bool = False,
    mode: Callable[[Path], str] = _writing_mode,
    kept: Kept | None = None,
) -> Engine:
    driver = sqlite_driver()
    # As an attribute of the module, so that instrumentation that wraps it is not missed.
    engine = sqlalchemy.create_engine(
        url, module=driver, connect_args=connect_arguments(), poolclass=NullPool, echo=echo
    )

    def connect(_dialect: Any, record: Any, arguments: Any, keywords: Any) -> Any:
        path = arguments[0]
        how = mode(Path(path))
        found = None if kept is None else kept.take(how)
        dbapi, record.info["opened"] = found or files.connect(driver, path, how, **keywords)
        return dbapi

    event.listen(engine, "do_connect", connect)
    return engine


def reading_mode(path: Path, *, read_only: bool = False) -> str:
    """The mode in which a file is opened to be read: `immutable` when no program can write it.

    Elsewhere the connection may write, so that it removes the empty log that it makes. It would
    also move a log that is not empty into the file; `read_only` prevents that.
    """
    is_fixed = why_read_only(path) is not None
    if is_log_left(path) and (is_fixed or read_only):
        return "mode=ro"
    return files.UNCHANGING if is_fixed else "mode=rw"


def _claim_log(dbapi: Any, record: Any) -> None:
    dbapi.execute("PRAGMA schema_version").fetchone()  # SQLite opens the log at the first read
    record.info["opened"].claim_log()


def _common_pragmas(dbapi: Any, settings: Settings) -> None:
    dbapi.execute(f"PRAGMA busy_timeout={settings.busy_timeout}")
    dbapi.execute("PRAGMA temp_store=MEMORY")
    dbapi.execute(f"PRAGMA mmap_size={settings.mmap_size}")
    dbapi.execute(f"PRAGMA cache_size={settings.cache_size}")


def _write_ahead_log(dbapi: Any, url: URL) -> None:
    """Switch the file to WAL, once; a file system that cannot is used with a rollback journal."""
    if _pragma(dbapi, "journal_mode") == "wal":
        return
    mode = _pragma(dbapi, "journal_mode=WAL")  # when it is locked, the next connection tries again
    if mode != "wal":
        warnings.warn(
            f"{url.database}: no write-ahead log here (journal mode {mode}); "
            "reads wait while another process commits",
            RuntimeWarning,
            stacklevel=2,
        )


def keep_log(dbapi: Any) -> None:
    """Switch the file to WAL, unless a reader is in the way or the file cannot be written."""
    with suppress(sqlite_driver().Error):
        if _pragma(dbapi, "journal_mode") != "wal":
            dbapi.execute("PRAGMA journal_mode=WAL")


def start_log(dbapi: Any) -> None:
    """Switch an empty file to WAL. Not flushed to disk: the schema that follows is."""
    dbapi.execute("PRAGMA synchronous=OFF")
    keep_log(dbapi)
    dbapi.execute("PRAGMA synchronous=NORMAL")


@contextmanager
def without_references(dbapi: Any) -> Iterator[None]:
    """Check no foreign keys: a table that is rebuilt would take with it what refers to it."""
    checked = _pragma(dbapi, "foreign_keys")
    dbapi.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        dbapi.execute(f"PRAGMA foreign_keys={checked}")


def _pragma(dbapi: Any, pragma: str) -> Any:
    return dbapi.execute(f"PRAGMA {pragma}").fetchone()[0]


_WAL_RESET_FIXED = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
"""The patch release of each branch that has the fix: https://sqlite.org/wal.html"""


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether a SQLite can corrupt a file whose log is reset while another process writes."""
    if version[:2] in _WAL_RESET_FIXED:
        return version[2] < _WAL_RESET_FIXED[version[0], version[1]]
    return (3, 7) <= version < (3, 52)
