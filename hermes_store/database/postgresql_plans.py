"""When PostgreSQL makes the plan of a statement: once for all its parameters, or each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hermes_store.database.connection import OpenConnection

__all__ = ["planned_each_time"]


@contextmanager
def planned_each_time(connection: OpenConnection) -> Iterator[None]:
    """Let the server plan each statement of the block by its own parameters.

    psycopg prepares what has run five times. One plan for all words, filters or numbers of periods
    would be wrong for most.
    """
    dbapi = connection.dbapi
    threshold, dbapi.prepare_threshold = dbapi.prepare_threshold, None
    try:
        yield
    finally:
        dbapi.prepare_threshold = threshold
