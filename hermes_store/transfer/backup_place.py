"""Where a backup may be written, and which older ones a rotation deletes."""

from __future__ import annotations

import os
import re
import stat
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from hermes_store import values
from hermes_store.database.choice import backend_of
from hermes_store.database.sqlite_place import COMPANIONS, checked_path, is_of_database
from hermes_store.errors import InvalidArgumentError
from hermes_store.transfer.backup_label import label_of, source_of
from hermes_store.transfer.unfinished import typed_os_errors

__all__ = [
    "delete_old",
    "free_place",
    "given_path",
    "name_of",
    "new_name",
    "require_not_the_store",
    "stamped",
]

_STAMPED = r"-(\d{8}T\d{6}Z)(?:-(\d+))?\.db"


def given_path(argument: str, value: Any) -> Path:
    """The absolute path that a caller gave. Raises `InvalidArgumentError`."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text:
        problem = f"{values.shown(value)} is not a path"
        raise InvalidArgumentError(argument, problem, "give the path of a file")
    return checked_path(argument, text).absolute()


def free_place(path: Path, url: URL, *, replace: bool) -> Path:
    """Return `path`; refuse one that holds anything but a backup, or with `replace` but a file.

    Raises `InvalidArgumentError`.
    """
    require_not_the_store(path, url)
    if path.is_symlink():
        raise _refused(f"{path} is a symbolic link", "give the path that the link points to")
    for beside in (path.with_name(path.name + ending) for ending in COMPANIONS):
        if beside.exists():
            problem = f"{beside} lies beside it: {path.name} is a store that is in use, or was"
            raise _refused(problem, "give another path")
    if not path.exists():
        return path
    if not stat.S_ISREG(path.stat().st_mode):
        raise _refused(f"{path} is not a file", "give the path of a file, or of a folder")
    if not replace and path.stat().st_size and label_of(path) is None:
        problem = f"{path} is there, and is not a backup of a store (or was written to since)"
        raise _refused(problem, "give another path, or replace it with replace=True (--replace)")
    return path


def require_not_the_store(path: Path, url: URL) -> None:
    """Refuse a path that names a file of the store itself, under whatever name."""
    if not backend_of(url).is_server and is_of_database(path, str(url.database)):
        raise _refused(f"{path} is a file of the store itself", "give another path")


def _refused(problem: str, remedy: str) -> InvalidArgumentError:
    return InvalidArgumentError("path", problem, remedy)


# --- names with a time, for a folder of backups ---------------------------------------------------


def new_name(folder: Path, url: URL) -> Path:
    """A path in `folder` for a backup that is made now; makes the folder when it is missing.

    Raises `InvalidArgumentError`, and `OSError` when the folder above is missing too.
    """
    if not folder.is_dir():
        if folder.exists():
            raise _refused(f"{folder} is not a folder", "give the path of a folder for keep")
        folder.mkdir(mode=0o700)
    return stamped(folder, f"{name_of(url)}-", ".db")


def stamped(folder: Path, before: str, after: str) -> Path:
    """A free path in `folder` whose name says the time, in UTC, between `before` and `after`."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    number = 1
    while os.path.lexists(path := folder / f"{before}{stamp}{f'-{number}' * (number > 1)}{after}"):
        number += 1
    return path


def name_of(url: URL) -> str:
    """What the names of a store's backups begin with: the name of its file, or its database."""
    name = str(url.database)
    return re.sub(r"[^\w.-]", "_", name if backend_of(url).is_server else Path(name).stem)


def delete_old(made: Path, url: URL, keep: int) -> list[Path]:
    """Delete the oldest backups of this store beside `made`, so that `keep` are there.

    Only files with such a name and the label of this very store are meant. `made` stays, whatever
    the clock said when the others were made. Returns the paths that were deleted.
    """
    name = re.compile(re.escape(name_of(url)) + _STAMPED)
    others: dict[tuple[str, int], Path] = {}
    for path in made.parent.iterdir():
        found = name.fullmatch(path.name)
        if found and path != made and not path.is_symlink() and _is_of(path, url):
            others[found[1], int(found[2] or 1)] = path
    old = [others[key] for key in sorted(others, reverse=True)[keep - 1 :]]
    with typed_os_errors(made.parent):
        for path in old:
            path.unlink(missing_ok=True)  # another rotation may run at the same time
    return old


def _is_of(path: Path, url: URL) -> bool:
    label = label_of(path)
    return label is not None and label.source == source_of(url)
