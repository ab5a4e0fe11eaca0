"""A whole SQLite file, page by page, into a new one that needs no log beside it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from hermes_store.database.driver import sqlite_driver

__all__ = ["as_single_file", "copy_pages"]

_PAGES_AT_ONCE = 1_000
"""Pages (4 MB) between two reports."""


def copy_pages(source: Any, path: Path, report: Callable[[int, int], None]) -> None:
    """Copy what the driver's connection `source` sees into the empty file at `path`.

    `source` must be inside a transaction that has read. SQLite then copies that snapshot while
    other processes write. Without the transaction each of their writes would start the copy anew:
    https://sqlite.org/c3ref/backup_finish.html. `report` gets pages that are done, and all pages.
    Raises the driver's errors.
    """
    with closing(_opened(path)) as target:
        target.execute("PRAGMA journal_mode=OFF")  # a copy that fails is deleted, not rolled back
        target.execute("PRAGMA synchronous=OFF")  # the caller flushes the whole file once
        source.backup(
            target,
            pages=_PAGES_AT_ONCE,
            progress=lambda _status, left, total: report(total - left, total),
        )
    as_single_file(path)


def as_single_file(path: Path) -> None:
    """Give a file that only this thread has open a rollback journal in place of its log."""
    with closing(_opened(path)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def _opened(path: Path) -> Any:
    return sqlite_driver().connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)
