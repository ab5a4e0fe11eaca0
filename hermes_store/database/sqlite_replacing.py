"""Put another file in the place of a SQLite file that processes may have open.

The old file gets another name, and its log goes with it: processes that have both open go on with
both. They notice at their next operation, and then open the new file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from hermes_store.database.driver import sqlite_driver
from hermes_store.database.sqlite_file import write_back
from hermes_store.database.sqlite_log import locked_folder, record_owner
from hermes_store.database.sqlite_place import COMPANIONS

__all__ = ["fold_log", "put_in_place"]

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""


def put_in_place(new: Path, path: Path, free_name: Callable[[], Path]) -> Path | None:
    """Give the file `new` the name `path`; what lies there gets a free name, with its log.

    Returns that name; None when nothing lay there. Where the system exchanges two names at once
    (Linux), `path` stands for one of the two files at every moment, also when the process is
    killed. Raises OSError, and nothing was changed.
    """
    with locked_folder(path.parent):  # who opens the file looks for a foreign log under this lock
        is_there, kept = path.exists(), free_name()  # free as long as the lock is held
        _record_log_of(path)
        if not is_there:
            new.rename(path)
        elif not _exchanged(new, path, kept):
            os.link(path, kept)  # two names until the next line
            new.replace(path)
        for ending in COMPANIONS:
            with suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(kept.with_name(kept.name + ending))
    return kept if is_there else None


def _record_log_of(path: Path) -> None:
    """Say on the log whose it is, for the case that this process is killed before it moves it."""
    with suppress(OSError):
        log = f"{path}-wal"
        record_owner(log, os.lstat(log), path.stat().st_ino)


def _exchanged(new: Path, path: Path, kept: Path) -> bool:
    """Exchange the files of two names; False where the system cannot."""
    if sys.platform != "linux":
        return False
    import ctypes  # noqa: PLC0415 - only here

    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    made = new.stat().st_ino
    try:
        new.rename(kept)  # first, so that the old file never has a name that is cleared away
        return bool(rename(_HERE, os.fsencode(kept), _HERE, os.fsencode(path), _EXCHANGE) == 0)
    finally:
        if kept.exists() and kept.stat().st_ino == made:  # not exchanged, maybe for Ctrl-C
            kept.rename(new)


def fold_log(path: Path) -> None:
    """Move the log of a file into the file, as far as its readers and its damage allow."""
    driver = sqlite_driver()
    with (
        suppress(driver.Error),
        closing(driver.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection,
    ):
        write_back(connection, str(path))
