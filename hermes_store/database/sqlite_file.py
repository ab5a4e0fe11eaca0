"""A SQLite file while it is open: a connection notices when its file leaves its path.

What was committed to a file that was moved is written into it before the connection is closed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from hermes_store.database.sqlite_log import (
    inode_of,
    is_log_left,
    put_away_log_of_another,
    record_owner,
    sparing_log_of_another,
    warn_once_of,
)
from hermes_store.database.sqlite_place import hard_linked
from hermes_store.errors import FileReplacedError, StoreUnavailableError

__all__ = ["UNCHANGING", "Opened", "connect", "write_back"]

log = logging.getLogger("hermes_store")

UNCHANGING = "mode=ro&immutable=1"
"""The mode for a file that this user cannot write, without a log: SQLite then takes no locks."""
_MOMENT = 0.01
"""Seconds for which a look at the places of file and log is good enough, before a COMMIT or a read.

What is committed to a file that is gone is not acknowledged: after COMMIT there is always a look.
"""
_TRIES = 5
_WRITTEN_BACK = "user.hermes_store.written_back"
"""Extended attribute of a moved file: when a process began to write its log back into it."""
_TOGETHER_NS = 10_000_000_000
"""Nanoseconds in which several processes notice that their file was moved."""


def connect(driver: ModuleType, path: str, mode: str, **keywords: Any) -> tuple[Any, Opened]:
    """Connect to the file at `path`, after the log of another file is out of its way.

    `mode` are the parameters of SQLite's URI. Raises `StoreUnavailableError`.
    """
    for _ in range(_TRIES):
        opened = Opened(path, unchanging=mode == UNCHANGING)
        put_away_log_of_another(path, opened.inode)
        dbapi = driver.connect(f"{Path(path).as_uri()}?{mode}", uri=True, **keywords)
        if inode_of(path) == opened.inode:
            return dbapi, opened
        dbapi.close()  # it has not looked at any log yet
    raise FileReplacedError(path, "replaced again and again", None)


class Opened:
    """The file that a connection has open, and its log, as they lay at their places."""

    __slots__ = ("_device", "_due", "_found", "_log", "_path", "_unchanged", "inode")

    def __init__(self, path: str, *, unchanging: bool = False) -> None:
        """Look at what lies at `path`. Raises `StoreUnavailableError` when nothing does."""
        self._path = path
        try:
            self._found = os.lstat(path)
        except OSError as exc:
            raise StoreUnavailableError(
                f"{path} cannot be opened: {exc.strerror}", "put the file back, or give its path"
            ) from exc
        self.inode = self._found.st_ino
        self._device = self._found.st_dev
        self._log: int | None = None
        """Inode of the log; it lies in the same folder."""
        self._due = 0.0
        self._unchanged = self._found if unchanging else None
        """How the file was, when it is read as one that does not change."""

    def claim_log(self) -> None:
        """Note the log that SQLite has opened, and record on it whose it is.

        A log that was noted before must still be there. Raises `FileReplacedError`.
        """
        self.require_same()
        if self._log is not None:
            self._require_log()
            return
        try:
            found = os.lstat(f"{self._path}-wal")
        except OSError:
            return  # a rollback journal
        self._log = found.st_ino
        record_owner(f"{self._path}-wal", found, self.inode)

    def require_same(self) -> None:
        """Raise `FileReplacedError` unless the file lies where it was opened."""
        try:
            found = os.lstat(self._path)
        except OSError:
            raise FileReplacedError(self._path, "moved or removed", self._now_at()) from None
        if found.st_ino != self.inode or found.st_dev != self._device:
            raise FileReplacedError(self._path, "replaced by another file", self._now_at())
        self._found = found

    def require_same_lately(self) -> None:
        """Raise unless file and log lay at their places a moment ago, the file under one name.

        Raises `FileReplacedError`, `SecondNameError`. Looks at most every hundredth of a second.
        """
        now = time.monotonic()
        if now < self._due:
            return
        self.require_same()
        if self._found.st_nlink > 1:
            raise hard_linked(self._path, self._found.st_nlink)
        if self._log is not None:
            self._require_log()
        if self._unchanged is not None:
            self._require_unchanged(self._unchanged)
        self._due = now + _MOMENT

    def _require_log(self) -> None:
        """A file that was away and came back may have got another log meanwhile."""
        try:
            found = os.lstat(f"{self._path}-wal")
        except OSError:
            raise FileReplacedError(self._path, "parted from its log", None) from None
        if found.st_ino != self._log:
            raise FileReplacedError(self._path, "given another log", None)
        warn_once_of(self._path, found.st_size)

    def _require_unchanged(self, before: os.stat_result) -> None:
        """Another user may write what this one can only read."""
        written = self._found.st_mtime_ns, self._found.st_size
        if written != (before.st_mtime_ns, before.st_size) or is_log_left(Path(self._path)):
            raise FileReplacedError(self._path, "written by another user", None)

    def part(self, dbapi: Any) -> None:
        """Let a file that left its path keep what was committed to it, before `dbapi` is closed.

        What was committed stands in the log. When the file was moved, it is written into it.
        """
        try:
            self.require_same()
        except FileReplacedError as exc:
            if exc.now_at is not None and self._is_untouched():
                write_back(dbapi, exc.now_at)

    def sparing_log(self) -> AbstractContextManager[None]:
        """In the block, which closes the connection, keep a log at its place that is not its."""
        return sparing_log_of_another(self._path, self._log)

    def _now_at(self) -> str | None:
        """Where the file is now, if that can be told; None when it was removed."""
        return next((name for _, name in _descriptors(self.inode, self._device)), None)

    def _is_untouched(self) -> bool:
        """Whether the file is unwritten since it was moved. Moving a file sets only its ctime.

        A program that opened it at its new place works without our log. Writing it back would
        then mix two states.
        """
        found = next((each for each, _ in _descriptors(self.inode, self._device)), None)
        return found is not None and (
            found.st_mtime_ns == self._found.st_mtime_ns
            or found.st_mtime_ns < found.st_ctime_ns
            or _is_being_written_back(self._now_at())
        )


def _descriptors(inode: int, device: int) -> Iterator[tuple[os.stat_result, str]]:
    """What this process has open of a file that still has a name, where the system tells (Linux).

    Nothing is opened for it: closing a descriptor would drop SQLite's locks.
    """
    with suppress(OSError):
        for number in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names, not paths
            link = f"/proc/self/fd/{number}"
            with suppress(OSError):
                found = os.stat(link)  # noqa: PTH116 - costs half of Path's
                if found.st_ino == inode and found.st_dev == device and found.st_nlink:
                    yield found, os.readlink(link)  # noqa: PTH115 - as above


def _is_being_written_back(where: str | None) -> bool:
    """Whether another process of the store writes back too, or did so a moment ago."""
    try:
        begun = int(os.getxattr(where or "", _WRITTEN_BACK))
    except (OSError, AttributeError, ValueError):
        return False
    return 0 <= time.monotonic_ns() - begun < _TOGETHER_NS


def write_back(dbapi: Any, where: str) -> None:
    """Move the log that `dbapi` has open into its file, which lies at `where`; or log a warning."""
    with suppress(OSError, AttributeError):
        os.setxattr(where, _WRITTEN_BACK, str(time.monotonic_ns()).encode())
    try:
        if dbapi.in_transaction:
            dbapi.rollback()
        busy, *_ = dbapi.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except Exception as exc:  # noqa: BLE001 - of two drivers; what it leaves is in the log
        log.warning("%s: its last messages are still in its old log (%s)", where, exc)
        return
    if busy:
        log.warning("%s: its last messages are still in its old log, which is read", where)
