"""Care of the index on PostgreSQL: its state, and how it is built."""

from __future__ import annotations

from functools import partial

from hermes_store.search import postgresql_build, rebuild
from hermes_store.search.index import is_index_damage, require_ready
from hermes_store.search.postgresql_build import check, merge

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
