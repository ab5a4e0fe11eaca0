"""The file of a SQLite store: made for its owner only, and in WAL before the first write."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from hermes_store.database.driver import sqlite_driver
from hermes_store.database.engine import migration_engine, run_on_driver
from hermes_store.errors import StoreReadOnlyError

__all__ = [
    "begin_log",
    "create_private",
    "keep_write_ahead_log",
    "pragma",
    "try_write_ahead_log",
]

_creating = threading.Lock()


def create_private(path: Path) -> bool:
    """Create an empty file that only its owner can read, unless there is a file.

    Returns whether it is empty. Raises `StoreReadOnlyError`.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Closing a descriptor drops this process's locks on the file: no other thread of ours
        # may get as far as SQLite before it is closed.
        with _creating:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return path.exists() and path.stat().st_size == 0
    except OSError as exc:
        raise StoreReadOnlyError(f"{path} cannot be created: {exc.strerror}") from exc
    return True


def keep_write_ahead_log(url: URL) -> None:
    """Switch a SQLite file to WAL, unless it is; where that cannot be now, the first write does it.

    Not inside an upgrade: one that fails leaves every byte as it was.
    """
    if url.get_backend_name() != "sqlite":
        return
    engine = migration_engine(url, 0)
    with suppress(SQLAlchemyError, sqlite_driver().Error), engine.connect() as connection:
        try_write_ahead_log(connection)


def begin_log(connection: Connection) -> None:
    """Give an empty file its log. Not flushed to disk: the schema that follows is."""
    run_on_driver(connection, "PRAGMA synchronous=OFF")
    try_write_ahead_log(connection)
    run_on_driver(connection, "PRAGMA synchronous=NORMAL")


def try_write_ahead_log(connection: Connection) -> None:
    """Switch the file of `connection`, which is in no transaction, to WAL if that can be now."""
    with suppress(sqlite_driver().Error):  # a reader is in the way, or nothing can be written
        if pragma(connection, "journal_mode") != "wal":
            run_on_driver(connection, "PRAGMA journal_mode=WAL")


def pragma(connection: Connection, name: str) -> Any:
    """The value of a pragma; no transaction is begun for it."""
    dbapi: Any = connection.connection.dbapi_connection
    return dbapi.execute(f"PRAGMA {name}").fetchone()[0]
