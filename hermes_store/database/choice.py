"""Which backend a URL asks for."""

from __future__ import annotations

from sqlalchemy import URL

from hermes_store.database.backend import Backend
from hermes_store.database.postgresql import POSTGRESQL
from hermes_store.database.sqlite import SQLITE
from hermes_store.errors import InvalidArgumentError

__all__ = ["URL_REMEDY", "backend_of"]

URL_REMEDY = "write it like sqlite:////folder/state.db or postgresql+psycopg://user@host/database"

_BY_NAME: dict[str, Backend] = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
}


def backend_of(url: URL) -> Backend:
    """The backend of a URL. Raises `InvalidArgumentError` for a database that has none."""
    name = url.get_backend_name()
    if name not in _BY_NAME:
        raise InvalidArgumentError("db_path", f"{name!r} is not a supported database", URL_REMEDY)
    return _BY_NAME[name]
