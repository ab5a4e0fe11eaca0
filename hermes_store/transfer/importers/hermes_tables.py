"""What a Hermes Agent file holds beside conversations: kept under `meta`, a row under a key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import insert, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.execution.store import Store
from hermes_store.models.stored import meta
from hermes_store.schema.change import Progress
from hermes_store.transfer.copy_rows import by_key, in_pieces, with_keys
from hermes_store.transfer.importers.hermes_account import Line, Remarks
from hermes_store.transfer.importers.hermes_file import HermesFile, Row
from hermes_store.transfer.importers.hermes_values import readable, shown, without_defaults

__all__ = ["keep_rows", "keep_table"]

_PREFIX = "hermes."
"""Of the keys that have the rows of tables which only Hermes Agent reads."""
_OF_A_MOMENT = {"compression_locks": "nothing: they are of a moment"}


def keep_table(
    file: HermesFile, table: str, store: Store, remarks: Remarks, report: Progress
) -> Line:
    """Store the rows of a table that are not there yet."""
    total = file.count(table)
    if table in _OF_A_MOMENT:
        return Line(table, total, _OF_A_MOMENT[table], 0)
    now = keep_rows(file, table, file.rows(table), store, remarks, report)
    prefix = "" if table == "state_meta" else f" under {_PREFIX}{table}/"
    return Line(table, total, f"meta{prefix}", now)


def keep_rows(  # noqa: PLR0917 - a row of what keep_table has
    file: HermesFile,
    table: str,
    rows: Iterable[Row],
    store: Store,
    remarks: Remarks,
    report: Progress,
) -> int:
    """Store rows that are not there yet; return how many of all are there then."""
    now = 0
    for some in in_pieces(meta, _as_meta(file, table, rows, remarks)):
        now += store.write(_store_what_is_missing, some)
        report(f"storing {table}", now, file.count(table) or now)
    return now


def _as_meta(file: HermesFile, table: str, rows: Iterable[Row], remarks: Remarks) -> Iterator[Row]:
    for row in rows:
        key, value = _key_and_value(file, table, row)
        if not (_is_key(key) and file.is_first(key)):
            remarks.alter(f"{table}: row {row['rowid_']}", "its key here is the number of the row")
            key = f"{_PREFIX}{table}/#{row['rowid_']}"
            value = without_defaults(row, file.columns[table])
        yield {"key": key, "value": values.encode_json("value", value)}


def _key_and_value(file: HermesFile, table: str, row: Row) -> tuple[str, Any]:
    if table == "state_meta" and isinstance(row.get("key"), str):
        return row["key"], shown(row.get("value"))
    names = file.keys[table] or ["rowid_"]
    key = "/".join(readable(row[name]) for name in names)
    return f"{_PREFIX}{table}/{key}", without_defaults(row, file.columns[table])


def _is_key(key: str) -> bool:
    try:
        return values.key("key", key) is key
    except InvalidArgumentError:
        return False


def _store_what_is_missing(connection: OpenConnection, rows: list[Row]) -> int:
    """Insert the rows whose keys are not there; return how many of all are there then."""
    new = by_key(meta, rows)
    wanted = len(new)
    there = select(meta.c.key).where(with_keys(meta, rows))
    for key in connection.core.execute(there).all():
        del new[tuple(key)]
    if new:
        connection.core.execute(insert(meta), list(new.values()))
    return wanted
