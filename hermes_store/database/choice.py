"""Which backend a URL asks for. A process imports only the backends that it uses."""

from __future__ import annotations

from functools import cache

from sqlalchemy import URL

from hermes_store.database.backend import Backend
from hermes_store.errors import InvalidArgumentError

__all__ = ["URL_REMEDY", "backend_of"]

URL_REMEDY = "write it like sqlite:////folder/state.db or postgresql+psycopg://user@host/database"


def backend_of(url: URL) -> Backend:
    """The backend of a URL. Raises `InvalidArgumentError` for a database that has none."""
    return _named(url.get_backend_name())


@cache
def _named(name: str) -> Backend:
    if name == "sqlite":
        from hermes_store.database.sqlite import SQLITE  # noqa: PLC0415 - only the backend that is used

        return SQLITE
    if name in {"postgresql", "postgres"}:
        from hermes_store.database.postgresql import POSTGRESQL  # noqa: PLC0415 - only the backend that is used

        return POSTGRESQL
    raise InvalidArgumentError("db_path", f"{name!r} is not a supported database", URL_REMEDY)
