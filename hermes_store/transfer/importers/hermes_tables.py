"""What a Hermes Agent file holds beside conversations: kept under `meta`, a row under a key."""

from __future__ import annotations

from collections.abc import Iterator

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

__all__ = ["keep_table"]

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
    now = done = 0
    for rows in in_pieces(meta, _as_meta(file, table, remarks)):
        now += store.write(_store_what_is_missing, rows)
        done += len(rows)
        report(f"storing {table}", done, total or done)
    prefix = "" if table == "state_meta" else f" under {_PREFIX}{table}/"
    return Line(table, total, f"meta{prefix}", now)


def _as_meta(file: HermesFile, table: str, remarks: Remarks) -> Iterator[Row]:
    for row in file.rows(table):
        try:
            yield _key_and_value(file, table, row)
        except InvalidArgumentError as exc:
            remarks.leave_out(f"{table}: row {row['rowid_']} ({exc})")


def _key_and_value(file: HermesFile, table: str, row: Row) -> Row:
    names = file.keys[table]
    of_it = "/".join(readable(row[name]) for name in names) if names else str(row["rowid_"])
    if table == "state_meta":
        key, value = readable(row["key"]), shown(row["value"])
    else:
        key, value = f"{_PREFIX}{table}/{of_it}", without_defaults(row, file.columns[table])
    return {"key": values.key("key", key), "value": values.encode_json("value", value)}


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
