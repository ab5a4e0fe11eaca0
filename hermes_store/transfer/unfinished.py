"""A file that gets its name only when it is whole: a name never stands for half a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hermes_store.errors import StoreUnavailableError

__all__ = ["COMPANIONS", "flush", "publish", "typed_os_errors", "unfinished"]

COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a file, under the file's name and this ending."""
_PREFIX = ".hermes-store-unfinished-"


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """Give the block a new empty file in `folder` that only its owner can read.

    The file is deleted with the block, unless the block gave it another name. First the files are
    deleted that killed processes left. Raises `StoreUnavailableError`.
    """
    with typed_os_errors(folder):
        _clear_away(folder)
        descriptor, path = _new_file(folder)
    try:
        yield path
    finally:
        _delete(path)
        os.close(descriptor)


def _new_file(folder: Path) -> tuple[int, Path]:
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
        if _lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # another process took it for a killed one's before it was locked


def _clear_away(folder: Path) -> None:
    """Delete the files of processes that live no more: a living one holds a lock."""
    for path in folder.glob(f"{_PREFIX}*"):
        if path.name.endswith(COMPANIONS):
            continue
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if _lock(descriptor):
                    _delete(path)
            finally:
                os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file for as long as its descriptor is open; False when another process has it."""
    try:
        import fcntl  # noqa: PLC0415 - Windows has none, and deletes no file that is open
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _delete(path: Path) -> None:
    for ending in ("", *COMPANIONS):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def publish(path: Path, target: Path) -> None:
    """Give the whole file at `path` the name `target`, in place of what has that name.

    After a power cut the name stands for the old file or the new one. Raises
    `StoreUnavailableError`.
    """
    with typed_os_errors(target):
        flush(path)
        path.replace(target)
        flush(target.parent)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if os.name != "posix" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def typed_os_errors(path: Path) -> Iterator[None]:
    """Raise `StoreUnavailableError` that names `path` in place of an error of the system."""
    try:
        yield
    except OSError as exc:
        problem, remedy = f"{path}: {exc.strerror}", "give a place that can be written, and room"
        raise StoreUnavailableError(problem, remedy) from exc
