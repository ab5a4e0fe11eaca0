"""Care of the index on SQLite: its state, and how it is built."""

from __future__ import annotations

from functools import partial

from hermes_store.database.connection import OpenConnection
from hermes_store.search import index, rebuild, sqlite_build, waiting
from hermes_store.search.index import check, is_index_damage
from hermes_store.search.sqlite_build import merge

__all__ = [
    "backfill",
    "check",
    "check_writes",
    "is_index_damage",
    "merge",
    "reindex",
    "require_ready",
]

check_writes = True
"""FTS5 is told to check itself by an INSERT."""


def require_ready(connection: OpenConnection) -> None:
    """Raise `SearchIndexError` unless the index can answer; as `waiting.require_looked_at`."""
    if index.require_ready(connection).has_waiting:
        waiting.require_looked_at(connection)
    else:
        connection.looks_at_waiting = False


reindex = partial(rebuild.reindex, build=sqlite_build)
backfill = partial(rebuild.backfill, build=sqlite_build)
