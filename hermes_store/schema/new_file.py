"""A new SQLite file, for its owner only."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from hermes_store.errors import StoreReadOnlyError

__all__ = ["create_private", "make_private_folders"]

_creating = threading.Lock()


def create_private(path: Path) -> bool:
    """Create an empty file that only its owner can read, unless there is a file.

    Returns whether it is empty. Raises `StoreReadOnlyError`.
    """
    try:
        make_private_folders(path.parent)
        # Closing a descriptor drops this process's locks on the file: no other thread of ours
        # may get as far as SQLite before it is closed.
        with _creating:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return path.exists() and path.stat().st_size == 0
    except OSError as exc:
        raise StoreReadOnlyError(f"{path} cannot be created: {exc.strerror}") from exc
    return True


def make_private_folders(folder: Path) -> None:
    """Make the folders that are missing, each for its owner alone: `mkdir` does so for the last."""
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
