"""What a SQLite file holds, before any connection works with it.

Looking changes nothing, not even a byte of a file that is refused.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy import URL

from hermes_store.database import sqlite_file, sqlite_place, sqlite_trust
from hermes_store.database.driver import connect_arguments, sqlite_driver
from hermes_store.database.failures import retry_while_busy, type_error
from hermes_store.database.sqlite import SQLITE
from hermes_store.database.sqlite_engines import reading_mode
from hermes_store.database.sqlite_kept import Kept
from hermes_store.database.sqlite_log import locked_folder
from hermes_store.errors import DamagedFileError, StoreUnavailableError
from hermes_store.schema.state import State, look_through

__all__ = ["look_at_file"]


def look_at_file(url: URL, *, lock_timeout: float, kept: Kept | None = None) -> State:
    """The state of a SQLite file; a missing or empty one is new.

    `kept` is given to open the file: it gets the connection that looked at a file which can be
    used as it is, and triggers that are not the store's are not looked for.

    Raises `SchemaTooNewError`, `ForeignDatabaseError`, `DamagedFileError`, `StoreUnavailableError`
    or `StoreBusyError`.
    """
    path = Path(str(url.database))
    if _is_missing_or_empty(path):
        return State(is_empty=True)
    inode = _inode(path)
    try:
        return retry_while_busy(SQLITE, lambda: _open_and_look(path, kept), lock_timeout)
    except sqlite_driver().Error as exc:
        if _is_exchanged(path, inode):
            return look_at_file(url, lock_timeout=lock_timeout, kept=kept)
        error = type_error(SQLITE, exc)
        if isinstance(error, StoreUnavailableError):
            error = sqlite_place.why_not_opened(path) or error
        raise error from exc
    except UnicodeDecodeError as exc:  # SQLite's message quotes what it found in the schema
        raise DamagedFileError(f"its schema is damaged ({exc})") from exc


def _is_missing_or_empty(path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        _refuse_dangling(path)
        return True
    except OSError as exc:
        problem = f"{path}: {exc.strerror}"
        raise StoreUnavailableError(problem, "give the path of a file that can be read") from exc
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnavailableError(f"{path} is not a file", "give the path of a file")
    if not os.access(path, os.R_OK):
        raise StoreUnavailableError(f"{path} cannot be read", "change its permissions")
    return found.st_size == 0


def _refuse_dangling(path: Path) -> None:
    """Raise `StoreUnavailableError` for a symbolic link to a file that is missing."""
    if path.is_symlink():
        raise StoreUnavailableError(
            f"{path} is a symbolic link to {path.resolve()}, and no file is there",
            "put the file there, or remove the link",
        )


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _is_exchanged(path: Path, inode: int | None) -> bool:
    """Whether another file lies there by now. A restore has the folder locked until it ends."""
    with suppress(OSError), locked_folder(path.parent):  # a folder may not be readable
        pass
    return _inode(path) != inode


def _open_and_look(path: Path, kept: Kept | None) -> State:
    # With a write-ahead log lying there, a read-only connection: another one would move it into
    # the file on closing.
    has_log = os.path.exists(f"{path}-wal")  # noqa: PTH110 - in a third of the time
    mode = "mode=ro" if has_log else reading_mode(path)
    arguments = connect_arguments()
    connection, opened = sqlite_file.connect(sqlite_driver(), str(path), mode, **arguments)
    with ExitStack() as closing_it:
        closing_it.callback(connection.close)
        sqlite_trust.distrust(connection)
        connection.execute("PRAGMA query_only=ON")
        [journal_mode] = connection.execute("PRAGMA journal_mode").fetchone()
        connection.execute("BEGIN")  # one snapshot for all the questions
        state = look_through(lambda sql: connection.execute(sql).fetchall(), triggers=kept is None)
        if journal_mode != "wal":
            state = replace(state, is_in_wal=False)
        if kept is not None and state.is_ready and not has_log:
            connection.execute("COMMIT")
            sqlite_trust.end_distrust(connection)
            kept.put(connection, opened, mode)
            closing_it.pop_all()
        return state
