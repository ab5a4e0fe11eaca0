"""Compare indexes and keys, in place of Alembic's own comparison.

SQLAlchemy reflects descending and partial indexes of SQLite poorly, so indexes are compared by
their text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Connection, Index, Table, UniqueConstraint
from sqlalchemy.schema import CreateIndex

from hermes_store.database.sql_text import canonical
from hermes_store.schema.raw_ddl import RawDDLOp

__all__ = ["compare_indexes", "pass_over_identity_key", "pass_over_nullable_key"]


def compare_indexes(
    context: AutogenContext,
    table_ops: ops.ModifyTableOps,
    _schema: str | None,
    table_name: str,
    found_table: Table | None,
    model_table: Table | None,
) -> PriorityDispatchResult:
    """Add the indexes that differ in their text, and the unique constraints, to the draft."""
    assert context.connection is not None
    wanted = {} if model_table is None else {str(each.name): each for each in model_table.indexes}
    found = {} if found_table is None else _found_indexes(context.connection, table_name)
    same = {
        name
        for name in wanted.keys() & found.keys()
        if canonical(found[name]) == canonical(_index_sql(context, wanted[name]))
    }
    for name in sorted(found.keys() - same):
        drop = f"DROP INDEX IF EXISTS {name}"  # it may be on this database only
        table_ops.ops.append(RawDDLOp("remove_index", name, [drop], [found[name]], None))
    for name in sorted(wanted.keys() - same):
        table_ops.ops.append(ops.CreateIndexOp.from_index(wanted[name]))
    if found_table is not None and model_table is not None:
        table_ops.ops += _unique_constraints(found_table, model_table)
    return PriorityDispatchResult.STOP


def _found_indexes(connection: Connection, table_name: str) -> dict[str, str]:
    """Name and SQL; the indexes that SQLite makes for a key have no SQL."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master"
        " WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
        (table_name,),
    )
    return {row.name: row.sql for row in rows}


def _index_sql(context: AutogenContext, index: Index) -> str:
    return str(CreateIndex(index).compile(dialect=context.dialect))


def _unique_constraints(found: Table, model: Table) -> Iterator[ops.MigrateOperation]:
    """Alembic compares these together with the indexes, so they have to be compared here."""
    present, wanted = _uniques(found), _uniques(model)
    for columns in sorted(present.keys() - wanted.keys()):
        yield ops.DropConstraintOp.from_constraint(present[columns])
    for columns in sorted(wanted.keys() - present.keys()):
        yield ops.AddConstraintOp.from_constraint(wanted[columns])


def _uniques(table: Table) -> dict[tuple[str, ...], UniqueConstraint]:
    return {
        tuple(column.name for column in each.columns): each
        for each in table.constraints
        if isinstance(each, UniqueConstraint)
    }


def pass_over_nullable_key(*arguments: Any) -> PriorityDispatchResult:
    """Pass over NULL: the original wrote `id TEXT PRIMARY KEY`, which SQLite takes for nullable."""
    model: Column[Any] = arguments[-1]
    return PriorityDispatchResult.STOP if model.primary_key else PriorityDispatchResult.CONTINUE


def pass_over_identity_key(*arguments: Any) -> PriorityDispatchResult:
    """Pass over the default: that an identity numbers the key, the revision says and no model."""
    model: Column[Any] = arguments[-1]
    numbered = model.table.autoincrement_column
    return PriorityDispatchResult.STOP if model is numbered else PriorityDispatchResult.CONTINUE
