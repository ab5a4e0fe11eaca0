"""Where a database is: a path, a URL, or the default file."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from hermes_store import values
from hermes_store.database.choice import URL_REMEDY, backend_of
from hermes_store.database.failures import typed_errors
from hermes_store.database.sqlite_place import checked_path
from hermes_store.errors import InvalidArgumentError
from hermes_store.settings import Settings

__all__ = [
    "Address",
    "create_database",
    "default_path",
    "identity",
    "read_url_of",
    "shown",
    "url_of",
]

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
"""How a path of Windows begins: `C://folder` is one, too."""

Address = str | os.PathLike[str] | URL | None


def default_path() -> Path:
    """`$HERMES_HOME/state.db`, or `~/.hermes/state.db`."""
    return checked_path("db_path", os.environ.get("HERMES_HOME") or "~/.hermes") / "state.db"


def url_of(address: Address) -> URL:
    """The URL of a path, a URL or None (`default_path()`); SQLite paths come out absolute."""
    if address is None:
        address = default_path()
    if isinstance(address, str) and "://" in address and not _DRIVE.match(address):
        address = _parsed(address)
    if not isinstance(address, URL):
        if not isinstance(address, (str, os.PathLike)) or not os.fspath(address):
            problem = f"{values.shown(address)} is not a path"
            raise InvalidArgumentError("db_path", problem, "give a path or a URL")
        address = URL.create("sqlite", database=os.fspath(address))
    return backend_of(address).checked_url(address)


def _parsed(address: str) -> URL:
    try:
        return make_url(address)
    except (SQLAlchemyError, ValueError):  # their text, and the address, may hold a password
        raise InvalidArgumentError("db_path", "is not a database URL", URL_REMEDY) from None


def read_url_of(url: URL, settings: Settings) -> URL:
    """The URL that reads go to: `url`, or the replica that the settings name."""
    if settings.read_url is None:
        return url
    replica = url_of(settings.read_url)
    if not (backend_of(url).is_server and backend_of(replica).is_server):
        raise InvalidArgumentError("read_url", "a SQLite file has no replica", "leave it out")
    return replica


def shown(url: URL) -> str:
    """The address as messages name it: a path, or a URL without its password."""
    return backend_of(url).shown(url)


def identity(url: URL) -> Hashable:
    """A key of the database: a SQLite file has one key under all of its names."""
    return backend_of(url).identity(url)


def create_database(url: URL) -> bool:
    """Create a server's database unless it exists; return whether it was created.

    Raises `StoreUnavailableError`.
    """
    backend = backend_of(url)
    with typed_errors(backend):
        return backend.create_database(url)
