"""The log beside a SQLite file: how long it is, and of which file it is.

SQLite finds a log by the name of its file. A new file under an old name meets the log of the old
file, and the log corrupts the new file. So each log is recorded with the inode of its file. A
connection that opens a file first moves the log of another file out of the way.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

__all__ = [
    "inode_of",
    "is_log_left",
    "locked_folder",
    "log_bytes",
    "put_away_log_of_another",
    "record_owner",
    "sparing_log_of_another",
    "warn_once_of",
]

log = logging.getLogger("hermes_store")

_RECORD = "user.hermes_store.log_of"
"""Extended attribute of a log: the boot, device and inode of the log, and its file's inode."""
LONG_LOG = 256 * 1024 * 1024
"""Bytes of a log from which on a warning says that something keeps it from being cut back."""
_long: set[str] = set()
"""Files whose log it was said of."""


def warn_once_of(path: str, size: int) -> None:
    """Say that the log of the file at `path` is long, again only after it was shorter."""
    if size >= LONG_LOG and path not in _long:
        log.warning(
            "the log %s-wal has grown to %d MB: a read that goes on, such as an export that "
            "was not read to its end, keeps it from being cut back; get_stats() and "
            "'hermes-store stats' say which",
            path,
            size >> 20,
        )
    (_long.add if size >= LONG_LOG else _long.discard)(path)


def log_bytes(path: Path) -> int:
    """How long the log beside the file is; 0 without one."""
    try:
        return os.lstat(f"{path}-wal").st_size
    except OSError:
        return 0


def is_log_left(path: Path) -> bool:
    """Whether a log lies beside the file that has anything in it."""
    return log_bytes(path) > 0


def inode_of(path: str) -> int | None:
    """The inode of what lies at `path`; None when nothing does."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None


def put_away_log_of_another(path: str, inode: int) -> None:
    """Move a log that is recorded to be of another file than `inode` out of the way."""
    if _owner(f"{path}-wal") in {None, inode}:
        return
    with locked_folder(Path(path).parent):  # one at a time: a second would take the new log
        owner = _owner(f"{path}-wal")
        if owner in {None, inode} or inode_of(path) != inode:
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
def sparing_log_of_another(path: str, mine: int | None) -> Iterator[None]:
    """In the block, close a connection that opened the log `mine`; another log there is kept.

    SQLite deletes a log by its name. Another one may hold what a killed process has committed.
    """
    there = f"{path}-wal"
    if mine is None or inode_of(there) in {None, mine}:
        yield
        return
    second = f"{there}.of-{inode_of(path)}-{time.time_ns()}"
    with suppress(OSError):  # a file system may have no hard links
        os.link(there, second)
    try:
        yield
    finally:
        with suppress(OSError):  # it is still there, as long as another process has it open
            os.link(second, there)
        with suppress(FileNotFoundError):
            os.unlink(second)  # noqa: PTH108 - no Path of it is needed


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Be the only one that moves files of `folder` meanwhile."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none, nor records on logs
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a network share may have no locks on folders
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


def record_owner(log_path: str, found: os.stat_result, inode: int) -> None:
    """Record on a log, where the system has attributes, the inode of the file that it is of."""
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
