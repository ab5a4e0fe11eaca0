"""Care of the index on PostgreSQL: its state, and how it is built."""

from __future__ import annotations

from functools import partial

from hermes_store.database.connection import OpenConnection
from hermes_store.search import index, postgresql_build, rebuild
from hermes_store.search.index import is_index_damage
from hermes_store.search.postgresql_build import check, keep_as_it_is, merge

__all__ = [
    "backfill",
    "check",
    "check_writes",
    "is_index_damage",
    "merge",
    "reindex",
    "require_ready",
]

check_writes = False

reindex = partial(rebuild.reindex, build=postgresql_build)
backfill = partial(rebuild.backfill, build=postgresql_build)


def require_ready(connection: OpenConnection) -> None:
    """Raise `SearchIndexError` unless the index can answer, and goes on to do so."""
    keep_as_it_is(connection)
    index.require_ready(connection)
