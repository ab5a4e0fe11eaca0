"""INSERT of a row, or a change of the row that has its key: in the same words on every database.

SQLAlchemy has a construct of its own for each dialect, and neither dialect takes that of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import NamedFromClause

__all__ = ["Upsert", "given"]


def given(table: Table) -> NamedFromClause:
    """The row that was to be inserted, for the expressions of an `Upsert`."""
    return table.alias("excluded")


class Upsert(Insert):
    """INSERT into a table; of a row whose key is there, `changes` are made to that row.

    With `where`, only when that holds of the row that is there; else the statement does nothing,
    and its `rowcount` is 0. The columns of `table` mean the row that is there, those of
    `given(table)` the new one.
    """

    inherit_cache = False

    def __init__(
        self,
        table: Table,
        changes: Mapping[str, ColumnElement[Any]],
        where: ColumnElement[bool] | None = None,
    ) -> None:
        super().__init__(table)
        self._post_values_clause = _Change(table, changes, where)


class _Change(ClauseElement):
    """The end of an `Upsert`."""

    inherit_cache = False

    def __init__(
        self,
        table: Table,
        changes: Mapping[str, ColumnElement[Any]],
        where: ColumnElement[bool] | None,
    ) -> None:
        self.keys = [column.name for column in table.primary_key.columns]
        self.changes = changes
        self.where = where


@compiles(_Change)
def _compile(change: _Change, compiler: SQLCompiler, **_: Any) -> str:
    quoted = compiler.preparer.quote

    def expression(of: ColumnElement[Any]) -> str:
        return compiler.process(of.self_group(), include_table=True, use_schema=False)

    keys = ", ".join(map(quoted, change.keys))
    new = ", ".join(f"{quoted(name)} = {expression(of)}" for name, of in change.changes.items())
    where = "" if change.where is None else f" WHERE {expression(change.where)}"
    return f"ON CONFLICT ({keys}) DO UPDATE SET {new}{where}"
