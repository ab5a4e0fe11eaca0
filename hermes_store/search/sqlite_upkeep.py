"""Care of the index on SQLite: its state, and how it is built."""

from __future__ import annotations

from functools import partial

from hermes_store.search import rebuild, sqlite_build
from hermes_store.search.index import check, is_index_damage, require_ready
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

reindex = partial(rebuild.reindex, build=sqlite_build)
backfill = partial(rebuild.backfill, build=sqlite_build)
