"""A SQLite file and its name: one name for a file, one log beside it, the same file while open.

SQLite finds a file's log by the file's name. Two names are two logs. A new file under an old name
meets the log of the old file. Each of the two corrupts a file. So the store refuses a file with two
names, and a connection notices when its file leaves its path. A connection that opens a file first
moves the log of another file out of the way.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from hermes_store.database.mounts import is_mount_point
from hermes_store.errors import (
    FileReplacedError,
    SecondNameError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

__all__ = [
    "LONG_LOG",
    "UNCHANGING",
    "Opened",
    "connect",
    "exposed",
    "is_log_left",
    "log_bytes",
    "require_one_name",
    "unreadable_log",
    "why_read_only",
]

log = logging.getLogger("hermes_store")

_RECORD = "user.hermes_store.log_of"
"""Extended attribute of a log: the boot, device and inode of the log, and its file's inode."""
UNCHANGING = "mode=ro&immutable=1"
"""The mode for a file that this user cannot write, without a log: SQLite then takes no locks."""
LONG_LOG = 256 * 1024 * 1024
"""Bytes of a log from which on a warning says that something keeps it from being cut back."""
_long: set[str] = set()
"""Files whose log it was said of."""
_MOMENT = 0.01
"""Seconds for which a look at the places of file and log is good enough, before a COMMIT or a read.

What is committed to a file that is gone is not acknowledged: after COMMIT there is always a look.
"""
_TRIES = 5
_WRITTEN_BACK = "user.hermes_store.written_back"
"""Extended attribute of a moved file: when a process began to write its log back into it."""
_TOGETHER_NS = 10_000_000_000
"""Nanoseconds in which several processes notice that their file was moved."""


# --- one name -------------------------------------------------------------------------------------


def require_one_name(path: Path) -> None:
    """Raise `SecondNameError` for a file with hard links, or mounted alone; a missing one is fine.

    A symbolic link is not a second name: SQLite keeps the log beside the file that it points to.
    """
    try:
        found = path.stat()
    except OSError:
        return  # SQLite says what is wrong when it opens the file
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_nlink > 1:
        raise _hard_linked(path, found.st_nlink)
    if is_mount_point(path):
        raise SecondNameError(f"{path} is mounted as a single file", "mount its folder instead")


def _hard_linked(path: Path | str, links: int) -> SecondNameError:
    remedy = f"remove all but one ('find FOLDER -samefile {path}' names them)"
    return SecondNameError(f"{path} is one of {links} hard links to the same file", remedy)


# --- one file -------------------------------------------------------------------------------------


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
        """Note the log that SQLite has opened, and record on it whose it is."""
        self.require_same()
        try:
            found = os.lstat(f"{self._path}-wal")
        except OSError:
            return  # a rollback journal
        self._log = found.st_ino
        _record_owner(f"{self._path}-wal", found, self.inode)

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
            raise _hard_linked(self._path, self._found.st_nlink)
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
        self._warn_once_of(found.st_size)

    def _warn_once_of(self, size: int) -> None:
        """Say that the log is long, again only after it was shorter."""
        if size >= LONG_LOG and self._path not in _long:
            log.warning(
                "the log %s-wal has grown to %d MB: a read that goes on, such as an export that "
                "was not read to its end, keeps it from being cut back; get_stats() and "
                "'hermes-store stats' say which",
                self._path,
                size >> 20,
            )
        (_long.add if size >= LONG_LOG else _long.discard)(self._path)

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
                _write_back(dbapi, exc.now_at)

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


def _write_back(dbapi: Any, where: str) -> None:
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


# --- one log --------------------------------------------------------------------------------------


def connect(driver: ModuleType, path: str, mode: str, **keywords: Any) -> tuple[Any, Opened]:
    """Connect to the file at `path`, after the log of another file is out of its way.

    `mode` are the parameters of SQLite's URI. Raises `StoreUnavailableError`.
    """
    for _ in range(_TRIES):
        opened = Opened(path, unchanging=mode == UNCHANGING)
        _put_away_log_of_another(path, opened.inode)
        dbapi = driver.connect(f"{Path(path).as_uri()}?{mode}", uri=True, **keywords)
        if _inode(path) == opened.inode:
            return dbapi, opened
        dbapi.close()  # it has not looked at any log yet
    raise FileReplacedError(path, "replaced again and again", None)


def _inode(path: str) -> int | None:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def _put_away_log_of_another(path: str, inode: int) -> None:
    if _owner(f"{path}-wal") in {None, inode}:
        return
    with _locked_folder(Path(path).parent):  # one at a time: a second would take the new log
        owner = _owner(f"{path}-wal")
        if owner in {None, inode} or _inode(path) != inode:
            return
        _put_away(path, owner)


def _put_away(path: str, owner: int | None) -> None:
    """Processes that have the log open go on with it under whatever name, or none."""
    aside = f"{path}-wal.of-{owner}-{time.time_ns()}"
    if os.lstat(f"{path}-wal").st_size:
        os.rename(f"{path}-wal", aside)  # noqa: PTH104 - no Path of it is needed
        log.warning(
            "%s was replaced; the log of the file that was there before is kept in %s: it holds "
            "that file's last messages, unless they were written back since",
            path,
            aside,
        )
    else:
        os.unlink(f"{path}-wal")  # noqa: PTH108 - as above
    with suppress(FileNotFoundError):
        os.unlink(f"{path}-shm")  # noqa: PTH108 - as above


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    import fcntl  # noqa: PLC0415 - where there is a record, there is flock

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _owner(log_path: str) -> int | None:
    """The inode of the file that a log is recorded to belong to; None when that is not known.

    A record counts as long as the system runs, and on the very log that it was made on.
    """
    try:
        record = os.getxattr(log_path, _RECORD).decode()
        found = os.lstat(log_path)
    except (OSError, AttributeError, UnicodeDecodeError):  # not every system has attributes
        return None
    where, _, owner = record.rpartition(":")
    return int(owner) if where == _log_id(found) and owner.isdigit() else None


def _record_owner(log_path: str, found: os.stat_result, inode: int) -> None:
    record = f"{_log_id(found)}:{inode}".encode()
    with suppress(OSError, AttributeError):
        os.setxattr(log_path, _RECORD, record)


def _log_id(found: os.stat_result) -> str:
    return f"{_boot()}:{found.st_dev}:{found.st_ino}"


@cache
def _boot() -> str:
    """What tells one run of the operating system from another: numbers of devices may change."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


# --- a place that cannot be written ---------------------------------------------------------------


def why_read_only(path: Path) -> str | None:
    """Why a file that is there cannot be written; None when it can, or is missing."""
    if not path.exists():
        return None
    if not os.access(path, os.W_OK):
        return f"{path} may not be written"
    if os.access(path.parent, os.W_OK) or os.access(f"{path}-wal", os.W_OK):
        return None
    return f"the folder {path.parent} may not be written, and SQLite needs files beside {path.name}"


def log_bytes(path: Path) -> int:
    """How long the log beside the file is; 0 without one."""
    try:
        return os.lstat(f"{path}-wal").st_size
    except OSError:
        return 0


def is_log_left(path: Path) -> bool:
    """Whether a log lies beside the file that has anything in it."""
    return log_bytes(path) > 0


def unreadable_log(path: Path) -> StoreReadOnlyError | None:
    """The error for a file whose log SQLite cannot read because the place cannot be written."""
    if why_read_only(path) is None or not is_log_left(path):
        return None
    return StoreReadOnlyError(
        f"the log {path}-wal holds the last messages, and SQLite cannot read it where it cannot "
        f"write {path.name}-shm",
        "copy the file and the log to a folder that can be written, and open the copy",
    )


def exposed(path: Path) -> list[str]:
    """Who else can read or write the file, in words: not only its owner, and not by its folder."""
    try:
        mode, folder = path.stat().st_mode, path.parent.stat().st_mode
    except OSError:
        return []
    reach = mode & ((folder & _SEARCH) * 0o6)  # a folder that one may not enter hides its files
    can = [what for what, bits in (("read", 0o044), ("written", 0o022)) if reach & bits]
    if os.name != "posix" or not can:
        return []
    return [f"{path} can be {' and '.join(can)} by other users: chmod 600 keeps it to its owner"]


_SEARCH = 0o011
"""The right of group and others to get at what is in a folder."""
