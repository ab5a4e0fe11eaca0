"""Engines: the driver, pragmas, how a transaction begins, and what each database does its own way.

What is PostgreSQL's is in `postgresql.py`; nobody else asks it. SQLite is used in three ways,
each with an engine of its own: one connection that writes
(`BEGIN IMMEDIATE`, so that a read-then-write never fails half-way), a bounded pool of connections
that only read (`query_only`, one snapshot each), and one for migrations (no foreign keys, so that
a table can be rebuilt). The driver's own transaction control is off: it would leave DDL outside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401 - here, not at the first open
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool, QueuePool

from hermes_store.database import postgresql
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.failures import original, typed_errors
from hermes_store.errors import StoreBusyError, TransactionRolledBackError
from hermes_store.settings import Settings

__all__ = [
    "begin_reading",
    "compact",
    "create_database",
    "damage",
    "describe",
    "has_wal_reset_bug",
    "in_transaction",
    "keeps_nul",
    "last_id",
    "may_commit",
    "migration_engine",
    "plain_engine",
    "read_any_text",
    "read_engine",
    "reserve_ids",
    "run_on_driver",
    "sqlite_driver",
    "undecodable_text_as_bytes",
    "undecodable_text_replaced",
    "write_engine",
]

T = TypeVar("T")


def write_engine(url: URL, settings: Settings) -> Engine:
    """Engine whose transactions take the write lock when they begin. Holds no pool."""
    if url.get_backend_name() != "sqlite":
        return postgresql.make_engine(url, settings, postgresql.BEGIN_WRITING, poolclass=NullPool)
    engine = _sqlite_engine(url, poolclass=NullPool)

    def configure(dbapi: Any, _record: Any) -> None:
        _common_pragmas(dbapi, settings)
        _write_ahead_log(dbapi, url)
        dbapi.execute(f"PRAGMA synchronous={settings.synchronous}")
        dbapi.execute("PRAGMA foreign_keys=ON")
        dbapi.execute("PRAGMA recursive_triggers=ON")
        dbapi.execute(f"PRAGMA journal_size_limit={settings.journal_size_limit}")
        dbapi.execute(f"PRAGMA wal_autocheckpoint={settings.wal_autocheckpoint}")

    event.listen(engine, "connect", configure)
    _begin_with(engine, "BEGIN IMMEDIATE")
    event.listen(engine, "before_cursor_execute", _refuse_autocommit)
    return engine


def read_engine(url: URL, settings: Settings) -> Engine:
    """Engine whose connections can only read. Those to a server are pooled."""
    if url.get_backend_name() != "sqlite":
        return postgresql.make_engine(url, settings, postgresql.BEGIN_READING, **_bounded(settings))
    engine = _sqlite_engine(url, poolclass=NullPool)

    def configure(dbapi: Any, _record: Any) -> None:
        _common_pragmas(dbapi, settings)
        dbapi.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin_reading)
    return engine


def begin_reading(connection: Connection) -> None:
    """Begin a transaction of a SQLite connection that reads, unless there is one."""
    if not in_transaction(connection):
        run_on_driver(connection, "BEGIN")


def plain_engine(url: URL) -> Engine:
    """Engine of a SQLite file for what is neither reading nor writing: checkpoints."""
    return _sqlite_engine(url, poolclass=NullPool)


def migration_engine(url: URL, lock_timeout: float) -> Engine:
    """Engine for revisions: takes the write lock at once and checks no foreign keys."""
    if url.get_backend_name() != "sqlite":
        settings = Settings(lock_timeout=lock_timeout)
        return postgresql.make_engine(url, settings, postgresql.BEGIN_WRITING, poolclass=NullPool)
    engine = _sqlite_engine(url, poolclass=NullPool)
    event.listen(engine, "connect", lambda dbapi, _record: dbapi.execute("PRAGMA busy_timeout=250"))
    _begin_with(engine, "BEGIN IMMEDIATE")
    return engine


def _bounded(settings: Settings) -> dict[str, Any]:
    return {
        "poolclass": QueuePool,
        "pool_size": settings.pool_size,
        "max_overflow": 0,
        "pool_timeout": settings.pool_timeout,
        "pool_use_lifo": True,
    }


def _sqlite_engine(url: URL, **pool: Any) -> Engine:
    driver = sqlite_driver()
    connect_args: dict[str, Any] = {"check_same_thread": False, "isolation_level": None}
    if hasattr(driver, "LEGACY_TRANSACTION_CONTROL"):  # Python 3.12; 3.16 changes the default
        connect_args["autocommit"] = driver.LEGACY_TRANSACTION_CONTROL
    return create_engine(url, module=driver, connect_args=connect_args, **pool)


def _begin_with(engine: Engine, statement: str) -> None:
    event.listen(engine, "begin", lambda connection: run_on_driver(connection, statement))


def _common_pragmas(dbapi: Any, settings: Settings) -> None:
    dbapi.execute(f"PRAGMA busy_timeout={settings.busy_timeout}")
    dbapi.execute("PRAGMA temp_store=MEMORY")
    dbapi.execute(f"PRAGMA mmap_size={settings.mmap_size}")
    dbapi.execute(f"PRAGMA cache_size={settings.cache_size}")


def _write_ahead_log(dbapi: Any, url: URL) -> None:
    """Switch the file to WAL, once; a file system that cannot is used with a rollback journal."""
    if _pragma(dbapi, "journal_mode") == "wal":
        return
    mode = _pragma(dbapi, "journal_mode=WAL")  # when it is locked, whoever connects tries again
    if mode != "wal":
        warnings.warn(
            f"{url.database}: no write-ahead log here (journal mode {mode}); "
            "reads wait while another process commits",
            RuntimeWarning,
            stacklevel=2,
        )


def _pragma(dbapi: Any, pragma: str) -> Any:
    return dbapi.execute(f"PRAGMA {pragma}").fetchone()[0]


def _refuse_autocommit(connection: Connection, *_: Any) -> None:
    """SQLite rolls a transaction back by itself on some errors; nothing may run after that."""
    if connection.in_transaction() and not in_transaction(connection):
        raise TransactionRolledBackError


def in_transaction(connection: Connection) -> bool:
    """Whether the database still holds the transaction that `connection` began."""
    if connection.invalidated:
        return False
    dbapi: Any = connection.connection.dbapi_connection
    if hasattr(dbapi, "in_transaction"):  # SQLite
        return bool(dbapi.in_transaction)
    return postgresql.in_transaction(dbapi)


def may_commit(connection: Connection) -> bool:
    """Whether COMMIT would store the transaction; after an error PostgreSQL rolls back instead."""
    if not in_transaction(connection):
        return False
    dbapi: Any = connection.connection.dbapi_connection
    return hasattr(dbapi, "in_transaction") or postgresql.may_commit(dbapi)


def last_id(connection: Connection, table: str) -> int:
    """The greatest id that `table` ever gave out, 0 before the first."""
    if connection.dialect.name != "sqlite":
        return postgresql.last_id(connection, table)
    given = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
    return given.scalar() or 0


def reserve_ids(connection: Connection, table: str, greatest: int) -> None:
    """Never give out an id up to `greatest`. Call it before rows with ids of their own are stored.

    SQLite sees to the ids that are stored by itself.
    """
    if connection.dialect.name != "sqlite":
        postgresql.reserve_ids(connection, table, greatest)
    elif last_id(connection, table) < greatest:
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.exec_driver_sql("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, greatest))


def keeps_nul(url: URL) -> bool:
    """Whether the database has the character NUL."""
    return url.get_backend_name() == "sqlite"


# SQLite stores as text whatever it is given; its driver refuses to read what is no UTF-8.


@contextmanager
def undecodable_text_as_bytes(connection: Connection) -> Iterator[None]:
    """Read text that is no UTF-8 as the bytes it is."""
    with _decoding(connection, _text_or_bytes):
        yield


@contextmanager
def undecodable_text_replaced(connection: Connection) -> Iterator[None]:
    """Read text that is no UTF-8 with U+FFFD in place of what is none."""
    with _decoding(connection, _text_with_replacements):
        yield


def read_any_text(connection: Connection, read: Callable[[], T]) -> T:
    """Call `read`; again, at the price of a call for each value, when some text is no UTF-8."""
    try:
        return read()
    except Exception as exc:
        if "Could not decode to UTF-8" not in str(original(exc)):
            raise
    with undecodable_text_replaced(connection):
        return read()


@contextmanager
def _decoding(connection: Connection, decode: Callable[[bytes], str | bytes]) -> Iterator[None]:
    if connection.dialect.name != "sqlite":
        yield
        return
    dbapi: Any = connection.connection.dbapi_connection
    dbapi.text_factory = decode
    try:
        yield
    finally:
        dbapi.text_factory = str


def _text_or_bytes(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _text_with_replacements(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def create_database(url: URL) -> bool:
    """Create a server's database unless it is there; whether it was created.

    Raises `StoreUnavailableError`. SQLite creates its files when they are opened.
    """
    if url.get_backend_name() == "sqlite":
        return False
    with typed_errors():
        return postgresql.create_database(url)


def compact(url: URL, lock_timeout: float) -> None:
    """Rewrite the database without what was deleted. Raises `StoreBusyError`.

    PostgreSQL keeps its files and frees the space in them.
    """
    if url.get_backend_name() != "sqlite":
        postgresql.compact(url, lock_timeout)
        return
    with closing(plain_engine(url).raw_connection()) as connection:
        dbapi: Any = connection.dbapi_connection
        dbapi.execute(f"PRAGMA busy_timeout={round(lock_timeout * 1000)}")
        dbapi.execute("VACUUM")
        refused, *_ = dbapi.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if refused:
        raise StoreBusyError(lock_timeout, "a reader of an older snapshot")


def run_on_driver(connection: Connection, statement: str) -> None:
    """Run a statement without parameters or result on the driver's connection, at its price."""
    dbapi: Any = connection.connection.dbapi_connection
    dbapi.execute(statement)


def describe(connection: Connection) -> dict[str, Any]:
    """Which database library is in force, and how it keeps the file."""
    if connection.dialect.name != "sqlite":
        version = connection.dialect.server_version_info or ()
        return {"library": connection.dialect.name, "version": ".".join(map(str, version))}
    driver = sqlite_driver()
    pragma = connection.exec_driver_sql
    return {
        "library": driver.__name__.partition(".")[0],
        "version": driver.sqlite_version,
        "wal_reset_bug": has_wal_reset_bug(driver.sqlite_version_info),
        "journal_mode": pragma("PRAGMA journal_mode").scalar(),
        "file_bytes": pragma(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        ).scalar(),
    }


def damage(connection: Connection) -> list[str]:
    """What the database library finds wrong with its own file, in its words."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars()
    return [problem for problem in found if problem != "ok"]


_WAL_RESET_FIXED = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
"""The patch release of each branch that has the fix: https://sqlite.org/wal.html"""


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Whether a SQLite can corrupt a file whose log is reset while another process writes."""
    if version[:2] in _WAL_RESET_FIXED:
        return version[2] < _WAL_RESET_FIXED[version[0], version[1]]
    return (3, 7) <= version < (3, 52)
