"""Restore: a backup, or another file of a store, takes the place of what a store holds now.

All checks are made on a copy, before anything of the store changes. What the store held is kept in
a file of its own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL

from hermes_store import migrate, values
from hermes_store.database import sqlite_file
from hermes_store.database.address import Address, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.sqlite_engines import reading_mode, start_log
from hermes_store.database.sqlite_pages import as_single_file, copy_pages
from hermes_store.database.sqlite_replacing import fold_log, put_in_place
from hermes_store.database.sqlite_trust import distrust
from hermes_store.errors import (
    BackupError,
    DamagedFileError,
    ForeignDatabaseError,
    HermesStoreError,
    InvalidArgumentError,
    SchemaError,
    SchemaTooNewError,
)
from hermes_store.migrate import LOCK_TIMEOUT, State
from hermes_store.schema.change import Progress, told
from hermes_store.schema.file_state import look_at_file
from hermes_store.schema.new_file import make_private_folders
from hermes_store.transfer.backup import Contents, backup_as, require_sound
from hermes_store.transfer.backup_label import take_label_off
from hermes_store.transfer.backup_place import given_path, name_of, require_not_the_store, stamped
from hermes_store.transfer.importers.hermes_file import is_hermes_file
from hermes_store.transfer.unfinished import flush, typed_os_errors, unfinished

__all__ = ["Restored", "restore"]

_PAGE = 4096


class Restored(NamedTuple):
    """What a store holds after a restore."""

    sessions: int
    messages: int
    kept: Path | None
    """The file with what the store held before; None when it held nothing."""
    upgraded_from: str | None
    """The older revision of the backup; None when the backup had the newest."""
    remarks: dict[str, int]
    """What a server could not take as it was, and how often; as `copy` counts it."""


def restore(
    backup: str | os.PathLike[str],
    address: Address = None,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Let a store hold what a backup holds, at the newest revision, while processes use the store.

    The backup is not changed. A SQLite file is replaced by a new one and kept beside it; processes
    that have it open get one `FileReplacedError` and go on with the new file. On a server one
    transaction exchanges the rows; what it held is kept in a file beside the backup.

    `replace` lets a server's database go that is not empty, and a file of another program: a sound
    SQLite file, or text.

    Raises `InvalidArgumentError`, `BackupError` for a file that is damaged or holds no store,
    `SchemaTooNewError`, `ForeignDatabaseError`, `StoreUnavailableError`, `StoreBusyError`; in each
    case the store is as it was.
    """
    url, given = url_of(address), _given(backup)
    may_replace = values.truth("replace", replace)
    state = _recognised(given, url)
    if backend_of(url).is_server:
        return _restore_rows(given, state, url, may_replace, told(progress))
    return _restore_file(given, state, url, may_replace, told(progress))


def _restore_file(given: Path, state: State, url: URL, replace: bool, report: Progress) -> Restored:
    path = Path(str(url.database))
    if os.path.lexists(path) and not path.is_file():
        raise InvalidArgumentError("db_path", f"{path} is not a file", "give the path of a file")
    backend_of(url).require_one_name(url)
    if not replace and _is_another_programs(path, url):
        raise BackupError(
            f"{path} is a file of another program, and holds no store; nothing was changed",
            "give the path of the store, or replace it with replace=True (--replace)",
        )
    with typed_os_errors(path):
        make_private_folders(path.parent)
    with _staged(given, state, path.parent, report) as (new, held):
        with closing(sqlite_driver().connect(new, isolation_level=None)) as connection:
            start_log(connection)  # else each program that opens it would, by a journal
        kept = _exchanged(new, path)
    return Restored(*held, kept, _older(state), {})


def _restore_rows(given: Path, state: State, url: URL, replace: bool, report: Progress) -> Restored:
    from hermes_store.transfer.restoring_rows import exchange_rows  # noqa: PLC0415 - only of a server

    def keep() -> Path:
        name = partial(stamped, given.parent, f"{name_of(url)}.replaced-", ".db")
        return backup_as(name, given.parent, url, report).path

    with _staged(given, state, Path(tempfile.gettempdir()), report) as (new, _):
        done, kept = exchange_rows(new, url, keep, replace=replace, report=report)
    return Restored(done.sessions, done.messages, kept, _older(state), done.remarks)


def _given(backup: Any) -> Path:
    return Path(str(url_of(given_path("backup", backup)).database))


def _older(state: State) -> str | None:
    return None if state.is_current else str(state)


def _recognised(path: Path, url: URL) -> State:
    """The schema of the file to restore. Raises when it is no store, or a newer one."""
    with typed_os_errors(path):
        require_not_the_store(path, url)
        is_there = path.exists()
    if not is_there:
        raise BackupError(f"there is no file {path}", "give the path of a backup")
    try:
        state = look_at_file(url_of(path), lock_timeout=LOCK_TIMEOUT)
    except DamagedFileError as exc:
        raise BackupError(f"{path} is damaged ({exc.found})", "give another backup") from exc
    except SchemaError as exc:
        exc.add_note(str(path))
        raise
    if state.is_new:
        raise BackupError(f"{path} holds no store", "give the path of a backup")
    return state


@contextmanager
def _staged(
    path: Path, state: State, folder: Path, report: Progress
) -> Iterator[tuple[Path, Contents]]:
    """A checked copy of the file in `folder`, at the newest revision, without a label."""
    with unfinished(folder) as new:
        _copy(path, new, report)
        report("checking", 0, 0)
        held = require_sound(new, None, f"what is restored from {path}")
        take_label_off(new)
        if state.needs_upgrade:
            migrate.upgrade(new, progress=report)
            as_single_file(new)
            held = require_sound(new, None, f"what is restored from {path}")
        yield new, held


def _copy(path: Path, new: Path, report: Progress) -> None:
    mode = reading_mode(path, read_only=True)
    connection, _ = sqlite_file.connect(sqlite_driver(), str(path), mode, isolation_level=None)
    with closing(connection):
        distrust(connection)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        copy_pages(connection, new, lambda done, total: report("copying", done, total))


def _is_another_programs(path: Path, url: URL) -> bool:
    """Whether a path, which may be mistyped, names a sound file that is no store."""
    try:
        state = look_at_file(url, lock_timeout=LOCK_TIMEOUT)
    except DamagedFileError:
        return _is_text(path)
    except ForeignDatabaseError:
        return True
    except SchemaTooNewError:
        return is_hermes_file(path)
    return state.is_new and not state.is_empty


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        begins = file.read(_PAGE)
    return b"\0" not in begins and begins.decode("utf-8", "ignore").strip() != ""


def _exchanged(new: Path, path: Path) -> Path | None:
    """Put the new file in its place; return where the old one is kept."""

    def free_name() -> Path:
        return stamped(path.parent, f"{path.stem}.replaced-", path.suffix)

    with typed_os_errors(path):
        _take_rights_of(path, new)
        flush(new)
        kept = put_in_place(new, path, free_name)
        flush(path.parent)
    if kept is None:
        return None
    with suppress(HermesStoreError):  # a damaged file stays as it is, with what lies beside it
        if not look_at_file(url_of(kept), lock_timeout=0).is_new:
            fold_log(kept)
    return kept


def _take_rights_of(path: Path, new: Path) -> None:
    """Give the new file the mode of the old one, and its owner if this user may."""
    if not path.exists() or not hasattr(os, "fchown"):
        return
    found = path.stat()
    # By a descriptor: the folder may be another user's, who could put a link in its place.
    descriptor = os.open(new, os.O_RDWR | os.O_NOFOLLOW)
    try:
        with suppress(PermissionError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, found.st_mode & 0o777)
    finally:
        os.close(descriptor)
