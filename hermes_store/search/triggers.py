"""Triggers on the store's tables that are not the store's: another program's, or a person's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import ForeignTriggerError
from hermes_store.search.ddl import TRIGGERS
from hermes_store.search.postgresql_ddl import AS_FOUND

__all__ = ["described", "drop_foreign", "foreign", "may_hinder", "of", "require_all_stored"]

log = logging.getLogger("hermes_store")

_OWN = frozenset((*TRIGGERS.values(), AS_FOUND))
"""The store's triggers as either database tells of them: SQLite keeps SQL to the letter."""


def foreign(found: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """Of triggers, each with its table and how it was made, those that are not the store's."""
    return [(name, table) for name, table, made in found if _is_foreign(made)]


@lru_cache(maxsize=64)
def _is_foreign(made: str) -> bool:
    """Whether the store makes no such trigger; another program's may have the name of one."""
    if made in _OWN:
        return False
    from hermes_store.database.sql_text import canonical  # noqa: PLC0415 - takes 2 ms, seldom used

    return canonical(made) not in map(canonical, _OWN)


def described(trigger: tuple[str, str]) -> str:
    """What to say of a foreign trigger."""
    name, table = trigger
    return f"the trigger {name} on {table} is not the store's; reindex removes it"


def of(connection: OpenConnection) -> list[tuple[str, str]]:
    """The foreign triggers of a database, and their tables."""
    found = connection.core.exec_driver_sql(connection.backend.triggers)
    return foreign(found)


def drop_foreign(connection: OpenConnection) -> None:
    """Remove them, and say so."""
    quoted = connection.core.dialect.identifier_preparer.quote
    drop = connection.backend.drop_trigger
    for name, table in of(connection):
        connection.core.exec_driver_sql(drop.format(name=quoted(name), table=quoted(table)))
        log.warning("dropped the trigger %s on %s, which was not the store's", name, table)


def may_hinder(connection: OpenConnection) -> bool:
    """Whether a foreign trigger may write in the transaction."""
    fired = connection.fired
    return not _OWN.issuperset(fired) and any(map(_is_foreign, fired))


def require_all_stored(
    connection: OpenConnection, what: str, stored: int, wanted: int, count: Callable[[], int]
) -> None:
    """Raise `ForeignTriggerError` unless all that was to be stored is there.

    `stored` is how many rows the database reported. `count` counts those that are there now: it is
    called only when a foreign trigger may have taken some away again.
    """
    if stored == wanted and may_hinder(connection):
        stored = count()
    if stored != wanted:
        raise ForeignTriggerError(f"{what} would not be there")
