"""From an address to engines: driver, pragmas, how a transaction begins, what an error means.

What is PostgreSQL's is in `postgresql.py`; nobody else asks it. SQLite is used in three ways,
each with an engine of its own: one connection that writes
(`BEGIN IMMEDIATE`, so that a read-then-write never fails half-way), a bounded pool of connections
that only read (`query_only`, one snapshot each), and one for migrations (no foreign keys, so that
a table can be rebuilt). The driver's own transaction control is off: it would leave DDL outside.
"""

from __future__ import annotations

import importlib
import os
import random
import sqlite3
import time
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401 - here, not at the first open
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from hermes_store import postgresql
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    InvalidArgumentError,
    StoreBusyError,
    StoreReadOnlyError,
    StoreUnavailableError,
    TransactionRolledBackError,
)
from hermes_store.settings import Settings

__all__ = [
    "Address",
    "again_if_lost",
    "compact",
    "create_database",
    "damage",
    "default_path",
    "describe",
    "has_wal_reset_bug",
    "identity",
    "in_transaction",
    "is_busy",
    "is_lost",
    "is_overtaken",
    "keeps_nul",
    "last_id",
    "may_commit",
    "migration_engine",
    "pause",
    "plain_engine",
    "read_any_text",
    "read_engine",
    "read_url_of",
    "reserve_ids",
    "retry_while_busy",
    "run_on_driver",
    "shown",
    "sqlite_driver",
    "translate_error",
    "typed_errors",
    "undecodable_text_as_bytes",
    "undecodable_text_replaced",
    "url_of",
    "write_engine",
]

Address = str | os.PathLike[str] | URL | None
T = TypeVar("T")

_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25


def default_path() -> Path:
    """`$HERMES_HOME/state.db`, or `~/.hermes/state.db`."""
    return Path(os.environ.get("HERMES_HOME") or "~/.hermes").expanduser() / "state.db"


def url_of(address: Address) -> URL:
    """The URL of a path, a URL or None (`default_path()`); SQLite paths come out absolute."""
    if address is None:
        address = default_path()
    if isinstance(address, str) and "://" in address:
        address = _parsed(address)
    if isinstance(address, URL):
        return _checked_url(address)
    if not isinstance(address, (str, os.PathLike)) or not os.fspath(address):
        raise InvalidArgumentError("db_path", f"{address!r} is no path", "give a path or a URL")
    return _sqlite_url(URL.create("sqlite", database=os.fspath(address)))


_URL_REMEDY = "write it like sqlite:////folder/state.db or postgresql+psycopg://user@host/database"


def _parsed(address: str) -> URL:
    try:
        return make_url(address)
    except (SQLAlchemyError, ValueError):  # their text, and the address, may hold a password
        raise InvalidArgumentError("db_path", "is no database URL", _URL_REMEDY) from None


def _checked_url(url: URL) -> URL:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_url(url)
    if backend in postgresql.BACKENDS:
        return postgresql.url_of(url)
    raise InvalidArgumentError("db_path", f"{backend!r} is no supported database", _URL_REMEDY)


def _sqlite_url(url: URL) -> URL:
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:  # SQLCipher's would not encrypt here
        problem = f"the driver {url.drivername!r} is not supported"
        raise InvalidArgumentError("db_path", problem, "write sqlite:////folder/state.db")
    database = url.database or ""
    if database in {"", ":memory:"} or "mode=memory" in database:
        raise InvalidArgumentError(
            "db_path",
            "a database in memory cannot be shared by the store's connections",
            "give the path of a file, in a temporary folder if need be",
        )
    if database.startswith("file:") or url.query:
        problem = "SQLite URIs and their parameters are not taken"
        raise InvalidArgumentError("db_path", problem, "give the plain path")
    if "\0" in database:
        raise InvalidArgumentError("db_path", "the path holds a NUL character", "remove it")
    return url.set(database=str(Path(database).expanduser().absolute()))


def read_url_of(url: URL, settings: Settings) -> URL:
    """Where the store at `url` reads: there, or from the replica that the settings name."""
    if settings.read_url is None:
        return url
    replica = url_of(settings.read_url)
    if "sqlite" in {url.get_backend_name(), replica.get_backend_name()}:
        raise InvalidArgumentError("read_url", "a SQLite file has no replica", "leave it out")
    return replica


def shown(url: URL) -> str:
    """The address as messages name it: a path, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def identity(url: URL) -> Hashable:
    """What tells one database from another: a SQLite file may have several names."""
    if url.get_backend_name() != "sqlite":
        return url
    status = Path(cast("str", url.database)).stat()
    return status.st_dev, status.st_ino


@cache
def sqlite_driver() -> ModuleType:
    """`pysqlite3` (a newer SQLite) where it is installed, else the standard library's `sqlite3`.

    The environment variable HERMES_STORE_SQLITE names one of the two to insist on it.
    """
    choice = os.environ.get("HERMES_STORE_SQLITE", "")
    if choice not in {"", "sqlite3", "pysqlite3"}:
        raise InvalidArgumentError("HERMES_STORE_SQLITE", f"{choice!r}", "use sqlite3 or pysqlite3")
    if choice != "sqlite3":
        try:
            return importlib.import_module("pysqlite3.dbapi2")
        except ModuleNotFoundError:
            if choice:
                raise
    return sqlite3


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
    """Engine of a bounded pool whose connections can only read."""
    if url.get_backend_name() != "sqlite":
        return postgresql.make_engine(url, settings, postgresql.BEGIN_READING, **_bounded(settings))
    engine = _sqlite_engine(url, **_bounded(settings))

    def configure(dbapi: Any, _record: Any) -> None:
        _common_pragmas(dbapi, settings)
        dbapi.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", configure)
    # As an event of the engine this would cost a read as much as all else that SQLAlchemy does.
    event.listen(engine, "checkout", lambda dbapi, *_: dbapi.execute("BEGIN"))
    return engine


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
        if "Could not decode to UTF-8" not in str(_original(exc)):
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


# --- errors -------------------------------------------------------------------------------------

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")


def _original(exc: BaseException) -> BaseException:
    return getattr(exc, "orig", None) or exc


def _name(exc: BaseException) -> str:
    return str(getattr(_original(exc), "sqlite_errorname", ""))


def is_busy(exc: BaseException) -> bool:
    """Whether the same operation may well succeed when it is run again."""
    return _name(exc).startswith(_BUSY) or postgresql.is_refused_by_lock(exc)


def is_overtaken(exc: BaseException) -> bool:
    """Whether another host may have changed what the operation had just looked at."""
    return postgresql.is_overtaken(exc)


def is_lost(exc: BaseException) -> bool:
    """Whether the connection to a server is gone, and what was not committed with it."""
    return postgresql.is_lost(exc)


def translate_error(exc: BaseException) -> BaseException:
    """The typed error for an error of the driver; others come back as they are."""
    if isinstance(exc, HermesStoreError):
        return exc
    if is_busy(exc):
        return StoreBusyError(0.0)
    return _translate_sqlite(exc) or postgresql.translate_error(exc) or exc


def _translate_sqlite(exc: BaseException) -> HermesStoreError | None:
    name, said = _name(exc), str(_original(exc))
    if name == "SQLITE_FULL":
        return StoreUnavailableError(
            f"the disk is full ({said}); nothing of this operation was stored",
            "free some space and try again",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return StoreReadOnlyError(said)
    if name.startswith("SQLITE_NOTADB") or name in {"SQLITE_CORRUPT", "SQLITE_CORRUPT_INDEX"}:
        return DamagedFileError(said)
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PROTOCOL", "SQLITE_NOMEM")):
        return StoreUnavailableError(said, "check the disk, the folder and its permissions")
    return None


@contextmanager
def typed_errors() -> Iterator[None]:
    """Raise the typed error in place of the driver's."""
    try:
        yield
    except Exception as exc:
        error = translate_error(exc)
        if error is exc:
            raise
        raise error from exc


# --- patience -----------------------------------------------------------------------------------


def pause(attempt: int) -> float:
    """Seconds to wait before try number `attempt` + 1: random, so that waiting processes spread."""
    return random.uniform(_FIRST_PAUSE, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt + 1)))  # noqa: S311 - not a secret


def again_if_lost(attempt: Callable[[], T]) -> T:
    """Run `attempt`, once more when the connection to the server was lost: for reads only."""
    try:
        return attempt()
    except Exception as exc:
        if not is_lost(exc):
            raise
    return attempt()


def retry_while_busy(attempt: Callable[[], T], budget: float) -> T:
    """Run `attempt` until it is not refused by a lock, at most `budget` seconds.

    Raises `StoreBusyError` that says how long it waited.
    """
    started = time.monotonic()
    tries = 0
    while True:
        try:
            return attempt()
        except Exception as exc:
            waited = time.monotonic() - started
            if not is_busy(exc):
                raise
            if waited >= budget:
                raise StoreBusyError(waited) from exc
        time.sleep(pause(tries))
        tries += 1
