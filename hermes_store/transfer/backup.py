"""A backup: one file that holds a whole store as of one moment, checked before it gets its name.

Of a SQLite file the pages are copied, in one read transaction, at any revision. Of a server the
rows are copied into a new file, from one snapshot, and compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL

from hermes_store import migrate, values
from hermes_store.database.address import Address, shown, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.sqlite_log import locked_folder
from hermes_store.database.sqlite_pages import as_single_file, copy_pages
from hermes_store.errors import BackupError, InvalidArgumentError
from hermes_store.execution.sharing import gate
from hermes_store.records import Backup
from hermes_store.schema.change import Progress, told
from hermes_store.settings import make_settings
from hermes_store.transfer import backup_place as place
from hermes_store.transfer.backup_label import Label, put_label_on
from hermes_store.transfer.unfinished import publish, typed_os_errors, unfinished
from hermes_store.values import written

__all__ = ["Contents", "backup", "backup_as", "require_sound"]

_MOST_KEPT = 10_000
_OPCODES_AT_ONCE = 100_000


class Contents(NamedTuple):
    """How much a store holds."""

    sessions: int
    messages: int

    def __str__(self) -> str:
        sessions = written.count(self.sessions, "session")
        return f"{sessions} with {written.count(self.messages, 'message')}"


def backup(
    address: Address,
    path: str | os.PathLike[str],
    *,
    keep: int | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> Backup:
    """Write all that a store holds at this moment into one file, while others go on writing.

    `path` is a file, or a folder that gets a file with the time in its name. With `keep` it is a
    folder, and the oldest backups of this store there are deleted, so that `keep` are left. The
    file is for its owner only, it is checked, and it gets its name at the end: an earlier backup
    stays until then, and for good when anything fails. Another file is replaced only with
    `replace`. `progress` is called with a step, how much of it is done, and how much there is.

    Raises `InvalidArgumentError` for a path that holds something else, `BackupError` when the
    store is damaged or missing, `StoreUnavailableError` for a full disk, and `SchemaError`.
    """
    url, target = url_of(address), place.given_path("path", path)
    kept = None if keep is None else _checked_keep(keep)
    with typed_os_errors(target):
        is_folder = kept is not None or target.is_dir()
    may_replace = values.truth("replace", replace)
    if is_folder:
        folder, name = target, partial(place.new_name, target, url)
    else:
        folder, name = target.parent, partial(place.free_place, target, url, replace=may_replace)
    done = backup_as(name, folder, url, told(progress))
    return done if kept is None else done._replace(deleted=place.delete_old(done.path, url, kept))


def backup_as(name: Callable[[], Path], folder: Path, url: URL, report: Progress) -> Backup:
    """Write a backup into `folder`, under the path that `name` returns.

    `name` may refuse, so it is called before the work; and again at its end, with the folder
    locked, because other programs make files meanwhile.
    """
    with typed_os_errors(folder):
        name()
    with unfinished(folder) as new:
        label, remarks = _filled(new, url, report)
        size = new.stat().st_size
        with typed_os_errors(folder), locked_folder(folder):
            target = name()
            publish(new, target)
    return Backup(target, *label, size, remarks, [])


def _checked_keep(keep: Any) -> int:
    if isinstance(keep, bool) or not isinstance(keep, int) or not 1 <= keep <= _MOST_KEPT:
        remedy = f"give a whole number from 1 to {_MOST_KEPT}"
        raise InvalidArgumentError("keep", f"{values.shown(keep)} cannot be used", remedy)
    return keep


def _filled(new: Path, url: URL, report: Progress) -> tuple[Label, dict[str, int]]:
    """Copy the store into the new file, check the file and label it."""
    state = migrate.inspect(url)
    if state.is_new:
        raise BackupError(f"there is no store in {shown(url)}", "give the address of a store")
    is_server = backend_of(url).is_server
    held, remarks = (_rows if is_server else _pages)(new, url, report)
    report("checking", 0, 0)
    require_sound(new, held, f"the backup of {shown(url)}")
    return put_label_on(new, url, str(state), *held), remarks


def _pages(new: Path, url: URL, report: Progress) -> tuple[Contents, dict[str, int]]:
    with gate.held(), _reading(url) as connection:
        held = Contents(*map(_number_of(connection.dbapi), Contents._fields))
        copy_pages(connection.dbapi, new, lambda done, total: report("copying", done, total))
    return held, {}


@contextmanager
def _reading(url: URL) -> Iterator[OpenConnection]:
    """A read transaction on a SQLite file, at whatever revision it is."""
    backend = backend_of(url)
    engine = backend.read_engine(url, make_settings(mmap_size=0, read_only=True))
    with closing(OpenConnection(engine, backend, backend.begin_reading)) as connection:
        connection.begin()
        yield connection


def _rows(new: Path, url: URL, report: Progress) -> tuple[Contents, dict[str, int]]:
    from hermes_store.transfer.copying import copy  # noqa: PLC0415 - only of a server

    done = copy(url, new, progress=report)
    as_single_file(new)
    return Contents(done.sessions, done.messages), done.remarks


def require_sound(path: Path, held: Contents | None, what: str) -> Contents:
    """Return how much a SQLite file holds; refuse one that is damaged, or holds another number.

    Raises `BackupError` and the driver's errors.
    """
    address = f"{path.as_uri()}?mode=ro"
    with closing(sqlite_driver().connect(address, uri=True)) as connection:
        found = _checked(connection)
        if found != "ok":
            raise _damaged(what, " ".join(found.split()))
        counted = Contents(*map(_number_of(connection), Contents._fields))
    if held not in {None, counted}:
        raise _damaged(what, f"{held} were to be copied, {counted} are there")
    return counted


def _checked(dbapi: Any) -> str:
    """What SQLite finds wrong first, or "ok". Ctrl-C ends the check, which may take long."""
    dbapi.set_progress_handler(lambda: False, _OPCODES_AT_ONCE)  # Python looks for signals there
    try:
        [found] = dbapi.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite_driver().OperationalError as exc:
        if exc.sqlite_errorname == "SQLITE_INTERRUPT":
            raise KeyboardInterrupt from exc
        raise
    finally:
        dbapi.set_progress_handler(None, 0)
    return str(found)


def _number_of(dbapi: Any) -> Any:
    def count(table: str) -> int:
        [number] = dbapi.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a constant
        return int(number)

    return count


def _damaged(what: str, found: str) -> BackupError:
    return BackupError(
        f"{what} would be damaged ({found}); it was not kept, and nothing was changed",
        "'hermes-store doctor' says what is wrong with a store",
    )
