"""Where a database is: a path, a URL, or the default file."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import cast

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from hermes_store.database import postgresql
from hermes_store.errors import InvalidArgumentError
from hermes_store.settings import Settings

__all__ = ["Address", "default_path", "identity", "read_url_of", "shown", "url_of"]

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
"""How a path of Windows begins: `C://folder` is one, too."""

Address = str | os.PathLike[str] | URL | None


def default_path() -> Path:
    """`$HERMES_HOME/state.db`, or `~/.hermes/state.db`."""
    return Path(os.environ.get("HERMES_HOME") or "~/.hermes").expanduser() / "state.db"


def url_of(address: Address) -> URL:
    """The URL of a path, a URL or None (`default_path()`); SQLite paths come out absolute."""
    if address is None:
        address = default_path()
    if isinstance(address, str) and "://" in address and not _DRIVE.match(address):
        address = _parsed(address)
    if isinstance(address, URL):
        return _checked_url(address)
    if not isinstance(address, (str, os.PathLike)) or not os.fspath(address):
        raise InvalidArgumentError("db_path", f"{address!r} is no path", "give a path or a URL")
    return _sqlite_url(URL.create("sqlite", database=os.fspath(address)))


_URL_REMEDY = "write it like sqlite:////folder/state.db or postgresql+psycopg://user@host/database"


def _parsed(address: str) -> URL:
    try:
        return make_url(address)
    except (SQLAlchemyError, ValueError):  # their text, and the address, may hold a password
        raise InvalidArgumentError("db_path", "is no database URL", _URL_REMEDY) from None


def _checked_url(url: URL) -> URL:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite_url(url)
    if backend in postgresql.BACKENDS:
        return postgresql.url_of(url)
    raise InvalidArgumentError("db_path", f"{backend!r} is no supported database", _URL_REMEDY)


def _sqlite_url(url: URL) -> URL:
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:  # SQLCipher's would not encrypt here
        problem = f"the driver {url.drivername!r} is not supported"
        raise InvalidArgumentError("db_path", problem, "write sqlite:////folder/state.db")
    database = url.database or ""
    if database in {"", ":memory:"} or "mode=memory" in database:
        raise InvalidArgumentError(
            "db_path",
            "a database in memory cannot be shared by the store's connections",
            "give the path of a file, in a temporary folder if need be",
        )
    if database.startswith("file:") or url.query:
        problem = "SQLite URIs and their parameters are not taken"
        raise InvalidArgumentError("db_path", problem, "give the plain path")
    if "\0" in database:
        raise InvalidArgumentError("db_path", "the path holds a NUL character", "remove it")
    return url.set(database=str(Path(database).expanduser().absolute()))


def read_url_of(url: URL, settings: Settings) -> URL:
    """Where the store at `url` reads: there, or from the replica that the settings name."""
    if settings.read_url is None:
        return url
    replica = url_of(settings.read_url)
    if "sqlite" in {url.get_backend_name(), replica.get_backend_name()}:
        raise InvalidArgumentError("read_url", "a SQLite file has no replica", "leave it out")
    return replica


def shown(url: URL) -> str:
    """The address as messages name it: a path, or a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)


def identity(url: URL) -> Hashable:
    """What tells one database from another: a SQLite file may have several names."""
    if url.get_backend_name() != "sqlite":
        return url
    status = Path(cast("str", url.database)).stat()
    return status.st_dev, status.st_ino
