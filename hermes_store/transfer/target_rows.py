"""Read and write the rows of the database that a store is copied into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, insert, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.models.stored import TABLES, leases, messages, sessions
from hermes_store.queries.appends_on_servers import noticing_no_place, with_words
from hermes_store.transfer.copy_rows import Row, by_key, keys_of, with_keys

__all__ = [
    "COPIED",
    "OTHERS",
    "count",
    "delete_rows",
    "keys_held",
    "last_message_id",
    "name_and_link",
    "reserve_ids",
    "rows_of",
    "store_new",
    "store_rows",
    "store_sessions",
]

COPIED = tuple(table for table in TABLES if table is not leases)
"""Leases are of a moment: who had one works on the source, and would not know of the copy."""
OTHERS = tuple(table for table in COPIED if table not in (sessions, messages))
_ROWS_AT_ONCE = 500


def count(target: OpenConnection, table: Table) -> int:
    """How many rows the target has."""
    return target.core.execute(select(func.count()).select_from(table)).scalar_one()


def reserve_ids(target: OpenConnection, greatest: int) -> None:
    """Let new messages of the target get ids above `greatest`."""
    target.backend.reserve_ids(target.core, messages.name, greatest)


def last_message_id(target: OpenConnection) -> int | None:
    """The greatest id of a message; None without messages."""
    last: int | None = target.core.execute(select(func.max(messages.c.id))).scalar_one()
    return last


def rows_of(target: OpenConnection, table: Table, like: list[Row]) -> list[Row]:
    """The rows with the keys of others."""
    found = target.core.execute(select(table).where(with_keys(table, like)))
    return [dict(row) for row in found.mappings()]


def keys_held(target: OpenConnection, table: Table) -> Iterator[Row]:
    """The keys of all rows."""
    keys = select(*(table.c[name] for name in keys_of(table)))
    found = target.core.execute(keys.execution_options(yield_per=_ROWS_AT_ONCE))
    yield from map(dict, found.mappings())


def delete_rows(target: OpenConnection, keys: list[Row], *, table: Table) -> None:
    """Delete the rows with these keys."""
    if table is sessions:  # those that continue a deleted one get their parents later
        ids = [row["id"] for row in keys]
        orphans = update(sessions).where(sessions.c.parent_session_id.in_(ids))
        target.core.execute(orphans.values(parent_session_id=None))
    target.core.execute(delete(table).where(with_keys(table, keys)))


def store_rows(target: OpenConnection, rows: list[Row], *, table: Table) -> None:
    """Store the rows that the target lacks or has with other values."""
    there = by_key(table, rows_of(target, table, rows))
    new = {key: row for key, row in by_key(table, rows).items() if there.get(key) != row}
    for key in new.keys() & there.keys():
        same = [table.c[name] == value for name, value in zip(keys_of(table), key, strict=True)]
        target.core.execute(delete(table).where(*same))
    if new:
        store_new(target, list(new.values()), table=table)


def store_new(target: OpenConnection, rows: list[Row], *, table: Table) -> None:
    """Store new rows, in the fastest way unless a program listens: it sees no COPY."""
    if target.watched:
        target.core.execute(insert(table), rows)
        return
    if table is messages and target.takes_words:
        rows = [with_words(target, row) for row in rows]
    with noticing_no_place(target):
        target.backend.insert(target.core, table, rows)


def store_sessions(target: OpenConnection, rows: list[Row]) -> None:
    """Store sessions, or change those that are there."""
    there = {row["id"] for row in rows_of(target, sessions, rows)}
    new = [row for row in rows if row["id"] not in there]
    if new:
        store_new(target, new, table=sessions)
    old = [row for row in rows if row["id"] in there]
    if old:
        _update_sessions(target, old, [name for name in old[0] if name != "id"])


def name_and_link(target: OpenConnection, rows: list[Row]) -> None:
    """Give stored sessions their titles and parents."""
    _update_sessions(target, rows, ["title", "parent_session_id"])


def _update_sessions(target: OpenConnection, rows: list[Row], names: list[str]) -> None:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    given = [{"of_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows]
    target.core.execute(
        update(sessions).where(sessions.c.id == bindparam("of_id")).values(new), given
    )
