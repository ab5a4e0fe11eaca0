"""The place of a SQLite file: whether it has one name, who may write it, and who else reads it.

Two names of a file are two logs, which corrupt the file. So a file with two names is refused.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from hermes_store.database.mounts import is_mount_point
from hermes_store.database.sqlite_log import is_log_left
from hermes_store.errors import (
    InvalidArgumentError,
    SecondNameError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

__all__ = [
    "COMPANIONS",
    "checked_path",
    "exposed",
    "hard_linked",
    "is_of_database",
    "require_one_name",
    "why_not_opened",
    "why_read_only",
]

COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a file, under the file's name and this ending."""
_SEARCH = 0o011
"""The right of group and others to get at what is in a folder."""


def checked_path(argument: str, path: str) -> Path:
    """The path with a folder in place of a leading `~`. Raises `InvalidArgumentError`."""
    if "\0" in path:
        raise InvalidArgumentError(argument, "the path holds a NUL character", "remove it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        problem, remedy = f"{path!a} is no name of a file", "remove what cannot be encoded"
        raise InvalidArgumentError(argument, problem, remedy) from None
    try:
        return Path(path).expanduser()
    except RuntimeError:  # no such user, or one without a home
        problem, remedy = f"nobody knows the home folder in {path!r}", "give the whole path"
        raise InvalidArgumentError(argument, problem, remedy) from None


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
        raise hard_linked(path, found.st_nlink)
    if is_mount_point(path):
        raise SecondNameError(f"{path} is mounted as a single file", "mount its folder instead")


def hard_linked(path: Path | str, links: int) -> SecondNameError:
    """The error for a file that has `links` names."""
    remedy = f"remove all but one ('find FOLDER -samefile {path}' names them)"
    return SecondNameError(f"{path} is one of {links} hard links to the same file", remedy)


def is_of_database(path: Path, database: str) -> bool:
    """Whether a path names a SQLite file or what SQLite puts beside it, under whatever name."""
    with suppress(OSError):
        if path.samefile(database):
            return True
    real = os.path.realpath(database)
    return os.path.realpath(path) in {real, *(real + ending for ending in COMPANIONS)}


def why_read_only(path: Path) -> str | None:
    """Why a file that is there cannot be written; None when it can, or is missing."""
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists() raises for a name that is too long
        return None
    if not os.access(path, os.W_OK):
        return f"{path} may not be written"
    if os.access(path.parent, os.W_OK) or os.access(f"{path}-wal", os.W_OK):
        return None
    return f"the folder {path.parent} may not be written, and SQLite needs files beside {path.name}"


def why_not_opened(path: Path) -> StoreUnavailableError | None:
    """The error for a file that SQLite could not open, where its place says why."""
    return _unreadable_log(path) or _closed_companion(path) or _no_room(path)


def _closed_companion(path: Path) -> StoreUnavailableError | None:
    for companion in (f"{path}-wal", f"{path}-shm"):
        is_there = os.path.exists(companion)  # noqa: PTH110 - as in why_read_only
        if is_there and not os.access(companion, os.R_OK | os.W_OK):
            remedy = f"give it to the user of {path.name}, or run as the user who made it"
            return StoreUnavailableError(f"{companion} may not be read and written", remedy)
    return None


def _no_room(path: Path) -> StoreUnavailableError | None:
    """SQLite makes a file beside the one that it reads."""
    if os.name != "posix" or os.statvfs(path.parent).f_bavail:
        return None
    problem = f"the disk of {path.parent} is full, and SQLite needs a file beside {path.name}"
    return StoreUnavailableError(problem, "free some space and try again")


def _unreadable_log(path: Path) -> StoreReadOnlyError | None:
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
