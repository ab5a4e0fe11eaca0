"""A file that gets its name only when it is whole: a name never stands for half a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree

from hermes_store.database.address import url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.failures import typed_errors
from hermes_store.errors import StoreUnavailableError

__all__ = ["flush", "publish", "typed_os_errors", "unfinished"]

_PREFIX = ".hermes-store-unfinished-"


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """Give the block a new empty file that only its owner can read.

    The file lies in a folder of its own inside `folder`, which is deleted with the block; the block
    may give the file another name. First the folders are deleted that killed processes left.
    Raises `StoreUnavailableError`, and typed errors in place of SQLite's.
    """
    with ExitStack() as stack:
        with typed_os_errors(folder):
            _clear_away(folder)
            path = _new_folder(folder, stack) / "new.db"
            path.touch(mode=0o600)
        with typed_errors(backend_of(url_of(path))):
            yield path


def _new_folder(folder: Path, stack: ExitStack) -> Path:
    """A new folder that this process has locked; `stack` deletes it."""
    while True:
        own = folder / f"{_PREFIX}{os.urandom(8).hex()}"
        stack.callback(rmtree, own, ignore_errors=True)  # first: Ctrl-C may come with the folder
        own.mkdir(mode=0o700)
        with suppress(FileNotFoundError, BlockingIOError):
            lock = _locked(own)
            stack.callback(os.close, lock)  # before `rmtree`: Windows deletes no file that is open
            if own.exists():
                return own  # else another process took it for a killed one's before it was locked


def _clear_away(folder: Path) -> None:
    """Delete the folders of processes that live no more: a living one holds a lock."""
    if os.name != "posix":
        return  # there are no locks
    for own in folder.glob(f"{_PREFIX}*"):
        if own.is_symlink():
            continue  # it leads into a folder of somebody else
        with suppress(OSError):
            lock = _locked(own)
            rmtree(own, ignore_errors=True)
            os.close(lock)


def _locked(own: Path) -> int:
    """Lock a folder for as long as the descriptor that is returned is open.

    The lock is on a file of its own. To close a descriptor of a SQLite file would drop all locks of
    this process on it: https://sqlite.org/howtocorrupt.html. Raises BlockingIOError when another
    process has the lock, and OSError.
    """
    nothing_else = getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(own / "lock", os.O_RDWR | os.O_CREAT | nothing_else, 0o600)
    try:
        import fcntl  # noqa: PLC0415 - Windows has none

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


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
