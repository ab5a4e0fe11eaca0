"""SQLite: a file, one connection that writes, and connections that only read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, Table, insert
from sqlalchemy.exc import DBAPIError

from hermes_store.database import sqlite_engines as engines
from hermes_store.database import sqlite_errors as errors
from hermes_store.database import sqlite_place as place
from hermes_store.database.checkpoint import AfterCommits, Checkpoints
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_file import Opened
from hermes_store.database.sqlite_kept import Kept
from hermes_store.database.sqlite_log import log_bytes
from hermes_store.database.sqlite_triggers import Triggers
from hermes_store.database.writeback import Writeback
from hermes_store.errors import HermesStoreError, InvalidArgumentError, StoreBusyError
from hermes_store.settings import Settings, taken_by

__all__ = ["SQLITE", "text_or_bytes"]

_CHECKPOINT_PAUSE_SECONDS = 0.01


class _SQLite:
    """`Backend` for a file of SQLite's."""

    # --- where ----------------------------------------------------------------------------------

    name = "sqlite"
    is_server = False
    settings = taken_by("sqlite")

    def checked_url(self, url: URL) -> URL:
        """The URL with an absolute path. Raises `InvalidArgumentError`."""
        if url.drivername not in {"sqlite", "sqlite+pysqlite"}:  # SQLCipher's would not encrypt
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
        real = _real(place.checked_path("db_path", database))
        return url if real == database else url.set(database=real)

    def shown(self, url: URL) -> str:
        """The path."""
        return str(url.database)

    def identity(self, url: URL) -> Hashable:
        """The path, without symbolic links: a file that is replaced is the same place."""
        return os.path.realpath(cast("str", url.database))

    def create_database(self, url: URL) -> bool:  # noqa: ARG002 - a server's has to be created
        """Nothing: SQLite creates a file when it is opened."""
        return False

    def require_one_name(self, url: URL) -> None:
        """Refuse a file with hard links, or mounted by itself. Raises `SecondNameError`."""
        place.require_one_name(Path(str(url.database)))

    def exposed(self, url: URL) -> list[str]:
        """What other users of the machine can do with the file."""
        return place.exposed(Path(str(url.database)))

    def why_read_only(self, url: URL) -> str | None:
        """Why the file or its folder cannot be written; None when they can."""
        return place.why_read_only(Path(str(url.database)))

    def opened(self, connection: Connection) -> Opened | None:
        """The file that the connection has open."""
        return cast("Opened | None", connection.info.get("opened"))

    # --- engines --------------------------------------------------------------------------------

    begin_writing = "BEGIN IMMEDIATE"
    begin_reading = "BEGIN"
    keeps_readers = True

    def write_engine(self, url: URL, settings: Settings) -> Engine:
        """Engine for the one connection that writes, in WAL mode."""
        return engines.write_engine(url, settings)

    def read_engine(self, url: URL, settings: Settings, kept: Kept | None = None) -> Engine:
        """Engine whose connections are `query_only`."""
        return engines.read_engine(url, settings, kept)

    def migration_engine(self, url: URL, lock_timeout: float) -> Engine:  # noqa: ARG002 - it retries
        """Engine for revisions: takes the write lock at once and checks no foreign keys."""
        return engines.migration_engine(url)

    def write_connections(self, settings: Settings) -> int:  # noqa: ARG002 - a server's choice
        """One: SQLite lets one connection write at a time."""
        return 1

    def after_commits(
        self, url: URL, settings: Settings, inside: AbstractContextManager[object]
    ) -> AfterCommits | None:
        """The thread that moves the log into the file; not on a SQLite with the WAL-reset bug.

        A checkpoint beside a COMMIT is what the WAL-reset bug needs to lose pages. Then SQLite
        makes checkpoints by itself, inside the commits of the one connection that writes, and the
        log is written to the disk early, unless each COMMIT syncs it or none does.
        """
        if engines.has_wal_reset_bug(engines.sqlite_driver().sqlite_version_info):
            return Writeback(str(url.database)) if settings.synchronous == "NORMAL" else None
        engine = LateEngine(partial(engines.plain_engine, url))
        return Checkpoints(engine, settings.wal_autocheckpoint, inside)

    # --- transactions ---------------------------------------------------------------------------

    def begin(self, connection: Connection, statement: str) -> None:
        """Begin with `statement`."""
        dbapi: Any = connection.connection.dbapi_connection
        dbapi.execute(statement)

    @contextmanager
    def waiting_at_most(self, dbapi: Any, seconds: float) -> Iterator[None]:
        """For the block, SQLite waits for a lock no longer than this, or than its settings."""
        ((usual,),) = dbapi.execute("PRAGMA busy_timeout").fetchall()
        dbapi.execute(f"PRAGMA busy_timeout={min(usual, round(seconds * 1000))}")
        try:
            yield
        finally:
            dbapi.execute(f"PRAGMA busy_timeout={usual}")

    tried_alone = frozenset({"one"})  # to read a list twice costs more than a list can save

    def runs_alone(self, connection: Connection) -> bool:  # noqa: ARG002 - a server's differ
        """Yes: both are a tenth of a small read."""
        return True

    def in_transaction(self, dbapi: Any) -> bool:
        """Whether the driver's connection holds a transaction."""
        return bool(dbapi.in_transaction)

    def may_commit(self, dbapi: Any) -> bool:
        """Whether COMMIT would store the transaction."""
        return bool(dbapi.in_transaction)

    locks_rows = False

    def is_executing(self, dbapi: Any) -> bool:  # noqa: ARG002 - a call of SQLite is never left
        """Never: Python looks for Ctrl-C between the calls of SQLite."""
        return False

    # --- errors ---------------------------------------------------------------------------------

    def is_busy(self, exc: BaseException) -> bool:
        """Whether a lock was in the way."""
        return errors.is_busy(exc)

    def is_overtaken(self, exc: BaseException) -> bool:  # noqa: ARG002 - there is no other host
        """Never: the write lock is taken before an operation looks at anything."""
        return False

    def is_lost(self, exc: BaseException) -> bool:  # noqa: ARG002 - there is no server
        """Never: a file has no connection to lose."""
        return False

    def may_be_stored(self, exc: BaseException) -> bool:  # noqa: ARG002 - as above
        """Never: as above."""
        return False

    def is_drivers(self, exc: BaseException) -> bool:
        """Whether the driver raised it, or SQLAlchemy for the driver."""
        return isinstance(exc, (DBAPIError, engines.sqlite_driver().Error))

    def is_undecodable(self, exc: BaseException) -> bool:
        """Whether a stored text could not be read because it is not valid UTF-8."""
        return errors.is_undecodable(exc)

    def is_raised(self, exc: BaseException) -> bool:
        """Whether a trigger said so by RAISE: one of another program, as the store's do not."""
        return errors.is_raised(exc)

    def said_by(self, exc: BaseException) -> str:
        """All of it: SQLite names columns, and quotes no value."""
        return str(exc)

    def translate(self, exc: BaseException) -> HermesStoreError | None:
        """The typed error for an error of the driver other than a lock; None for others."""
        return errors.translate(exc)

    # --- rows -----------------------------------------------------------------------------------

    keeps_nul = True
    sorts_null_first = False
    takes_words = False
    weighs_joins = False

    def last_id(self, connection: Connection, table: str) -> int:
        """The greatest id that `table` ever gave out, 0 before the first."""
        given = "SELECT seq FROM sqlite_sequence WHERE name = ?"
        return connection.exec_driver_sql(given, (table,)).scalar() or 0

    def reserve_ids(self, connection: Connection, table: str, greatest: int) -> None:
        """Never give out an id up to `greatest`."""
        if self.last_id(connection, table) < greatest:
            run = connection.exec_driver_sql
            run("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            run("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, greatest))

    def insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Store new rows with equal keys."""
        connection.execute(insert(table), rows)

    def undecodable_as_bytes(self, connection: Connection) -> AbstractContextManager[None]:
        """In the block, read text that is not valid UTF-8 as bytes."""
        return _decoding(connection, text_or_bytes)

    def undecodable_replaced(self, connection: Connection) -> AbstractContextManager[None]:
        """In the block, read text with U+FFFD in place of bytes that are not valid UTF-8."""
        return _decoding(connection, _text_with_replacements)

    # --- schema ---------------------------------------------------------------------------------

    def lock_schema(self, connection: Connection) -> None:
        """Nothing: the transaction began with the write lock."""

    schema_record = "snapshot_sqlite.sql"

    def takes_record(self, connection: Connection) -> bool:  # noqa: ARG002 - every SQLite does
        """Yes: the statements ask for nothing that is not in SQLite."""
        return True

    def make_namespace(self, connection: Connection) -> None:
        """Nothing: a file is one."""

    def start_log(self, dbapi: Any) -> None:
        """Switch an empty file to WAL, before anything is in it."""
        engines.start_log(dbapi)

    def keep_log(self, dbapi: Any) -> None:
        """Switch the file to WAL if that can be now."""
        engines.keep_log(dbapi)

    def without_references(self, dbapi: Any) -> AbstractContextManager[None]:
        """Check no foreign keys meanwhile."""
        return engines.without_references(dbapi)

    def broken_references(self, connection: Connection) -> set[tuple[Any, ...]]:
        """Rows that refer to nothing: other tools write without foreign keys."""
        return {tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}

    triggers = (
        "SELECT name, tbl_name, sql FROM (SELECT * FROM main.sqlite_master"
        " UNION ALL SELECT type, name, tbl_name, rootpage, 'temp.' || sql"
        " FROM temp.sqlite_master) WHERE type = 'trigger' AND ("
        "lower(tbl_name) IN"
        " ('sessions', 'messages', 'search_index', 'usage', 'meta', 'leases')"
        " OR tbl_name LIKE 'messages_fts%' OR sql LIKE '%messages_fts%') ORDER BY name"
    )
    drop_trigger = "DROP TRIGGER {name}"

    def fired(self, connection: Connection) -> Callable[[Any, bool], set[str]]:  # noqa: ARG002 - a server's differ
        """The triggers of the file and of the connection."""
        return Triggers().made

    # --- care -----------------------------------------------------------------------------------

    def log_bytes(self, url: URL) -> int:
        """How long the log beside the file is."""
        return log_bytes(Path(str(url.database)))

    def describe(self, connection: Connection) -> dict[str, Any]:
        """Which SQLite is in force, and how it keeps the file."""
        driver = engines.sqlite_driver()
        pragma = connection.exec_driver_sql
        return {
            "library": driver.__name__.partition(".")[0],
            "version": driver.sqlite_version,
            "wal_reset_bug": engines.has_wal_reset_bug(driver.sqlite_version_info),
            "journal_mode": pragma("PRAGMA journal_mode").scalar(),
            "file_bytes": pragma(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).scalar(),
        }

    def damage(self, connection: Connection) -> list[str]:
        """What SQLite finds wrong with the file, in its words.

        FTS5 checks, since SQLite 3.44, the pieces of an index that this connection read last, also
        when others took their place since. With the schema it forgets them.
        """
        connection.exec_driver_sql("PRAGMA writable_schema=RESET")  # off, as it was: reads it anew
        found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars()
        return [problem for problem in found if problem != "ok"]

    def compact(self, url: URL, lock_timeout: float) -> None:
        """Write the file anew without what was deleted, and empty the log.

        Raises `StoreBusyError`.
        """
        with closing(engines.plain_engine(url).raw_connection()) as connection:
            dbapi: Any = connection.dbapi_connection
            dbapi.execute(f"PRAGMA busy_timeout={round(lock_timeout * 1000)}")
            dbapi.execute("VACUUM")
            _empty_log(dbapi, lock_timeout)


def _empty_log(dbapi: Any, lock_timeout: float) -> None:
    """Copy the log into the file and cut it to nothing. Raises `StoreBusyError`.

    SQLite waits for readers and writers as long as `busy_timeout` says, but not for another
    checkpoint: https://www.sqlite.org/c3ref/wal_checkpoint_v2.html.
    """
    deadline = time.monotonic() + lock_timeout
    while dbapi.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        if time.monotonic() >= deadline:
            raise StoreBusyError(lock_timeout, "a reader of an older snapshot, or a checkpoint")
        time.sleep(_CHECKPOINT_PAUSE_SECONDS)


def _real(path: Path) -> str:
    """The path that SQLite uses; that of a link to nothing stays, so that nothing is created."""
    is_there = os.path.exists(path)  # noqa: PTH110 - a Path's raises when the name is too long
    return os.path.realpath(path) if is_there else str(path.absolute())


# SQLite stores any bytes as text; its driver refuses to read text that is not valid UTF-8.


@contextmanager
def _decoding(connection: Connection, decode: Callable[[bytes], str | bytes]) -> Iterator[None]:
    dbapi: Any = connection.connection.dbapi_connection
    dbapi.text_factory = decode
    try:
        yield
    finally:
        dbapi.text_factory = str


def text_or_bytes(stored: bytes) -> str | bytes:
    """A stored text; bytes where it is not valid UTF-8."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def _text_with_replacements(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


SQLITE = _SQLite()
