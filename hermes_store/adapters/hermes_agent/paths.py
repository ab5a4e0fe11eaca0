"""Where the store of a Hermes home is: never the file that a plain Hermes uses."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL

from hermes_store.database.sqlite_place import checked_path

__all__ = ["FILE", "PLAIN", "home", "store_of"]

PLAIN = "state.db"
"""The file of a plain Hermes, in each of its homes."""
FILE = "hermes_store.db"
"""Our file beside it."""
_URL = "HERMES_STORE_URL"


def home() -> Path:
    """The home of Hermes: $HERMES_HOME, else ~/.hermes."""
    given = os.environ.get("HERMES_HOME")
    return Path(given) if given else checked_path("HERMES_HOME", "~/.hermes")


def store_of(asked: Path | str | None) -> Path | str | URL:
    """The store that is meant by a path which Hermes gives.

    No path, and the path of the plain file, mean the store of the home: the database of
    $HERMES_STORE_URL, else the file beside the plain one. A profile of the home has a file of its
    own. Another path is taken as it is.
    """
    main = home()
    if asked is None or _is_same(Path(asked), main / PLAIN):
        return os.environ.get(_URL) or main / FILE
    path = Path(asked)
    if path.name == PLAIN and _is_same(path.parent.parent, main / "profiles"):
        return path.with_name(FILE)
    return path


def _is_same(one: Path, other: Path) -> bool:
    ones, others = (checked_path("db_path", str(each)).absolute() for each in (one, other))
    return ones == others
