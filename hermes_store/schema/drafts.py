"""What `alembic revision --autogenerate` may write: only what is right on both databases.

A draft is made on one database and run on both. An operation that one of them refuses, or takes for
something else, stays in the draft as a refusal: `alembic check` reports the difference as ever, and
writing the file fails with the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import CommandError
from sqlalchemy import Boolean, Column, False_, True_, TypeDecorator
from sqlalchemy.schema import DefaultClause

__all__ = ["RefusedOp", "refuse_what_one_database_cannot", "render_item"]

_GUIDE = "docs/changing-the-schema.md"

_REBUILD = (
    "SQLite cannot do that to a table that is there: write the rebuild of the table by hand, as "
    f"'Rebuilding a table' in {_GUIDE} shows"
)
_BOOLEAN = "PostgreSQL refuses a number there: write server_default=sa.false() or sa.true()"
_NOT_NULL = (
    "SQLite cannot add it to a table with rows: allow NULL, or give it a constant server_default"
)
_CONDITION = (
    "without its condition the index is a full one on the other database: give both sqlite_where "
    "and postgresql_where, one of them None where a full index is meant"
)
_BY_HAND = (ops.AlterColumnOp, ops.AddConstraintOp, ops.DropConstraintOp)


def render_item(type_: str, item: Any, _context: AutogenContext) -> str | bool:
    """Write a type of the models as what it stores: a revision imports nothing of the package.

    And a default of true or false as that: PostgreSQL does not take SQLite's 1 and 0 for a BOOLEAN.
    """
    if type_ == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    if type_ == "server_default" and isinstance(item, DefaultClause):
        if isinstance(item.arg, True_):
            return "sa.true()"
        if isinstance(item.arg, False_):
            return "sa.false()"
    return False  # as Alembic does it


class RefusedOp(ops.MigrateOperation):
    """An operation that is a true difference and no statement of a revision."""

    def __init__(self, operation: Any, what: str, recipe: str) -> None:
        self.operation, self.what, self.recipe = operation, what, recipe

    def reverse(self) -> RefusedOp:
        """The same refusal on the way down."""
        return self

    def to_diff_tuple(self) -> Any:
        """What `alembic check` prints: the difference itself."""
        return self.operation.to_diff_tuple()


@renderers.dispatch_for(RefusedOp)
def _refuse(_context: AutogenContext, refused: RefusedOp) -> NoReturn:
    raise CommandError(f"{refused.what}: {refused.recipe}")


def refuse_what_one_database_cannot(script: ops.MigrationScript) -> None:
    """Replace in a new revision every operation that is not right on both databases."""
    for upgrade in script.upgrade_ops_list:
        _look_through(upgrade, frozenset())
    for downgrade in script.downgrade_ops_list:
        _look_through(downgrade, frozenset())


def _look_through(container: ops.OpContainer, new: frozenset[str]) -> None:
    """`new` are tables that the revision makes itself: without rows, a rebuild or a name."""
    made = {each.table_name for each in container.ops if isinstance(each, ops.CreateTableOp)}
    for place, operation in enumerate(container.ops):
        if isinstance(operation, ops.OpContainer):
            _look_through(operation, new | made)
        else:
            for what, recipe in _problems(operation, new | made):
                container.ops[place] = RefusedOp(operation, what, recipe)


def _problems(operation: Any, new: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with an operation, and what to write instead."""
    if isinstance(operation, ops.CreateTableOp):
        for column in operation.columns:
            if isinstance(column, Column):
                yield from _numbers_for_boolean(operation.table_name, column)
    elif isinstance(operation, ops.AddColumnOp):
        yield from _numbers_for_boolean(operation.table_name, operation.column)
        yield from _missing_default(operation.table_name, operation.column)
    elif isinstance(operation, ops.CreateIndexOp):
        yield from _one_sided(operation.index_name or "an index", operation.kw)
    elif isinstance(operation, _BY_HAND):
        yield from _rebuilds(operation, new)


def _rebuilds(operation: Any, new: frozenset[str]) -> Iterator[tuple[str, str]]:
    table = getattr(operation, "table_name", None) or operation.source_table
    if table not in new:
        column = getattr(operation, "column_name", None)
        where = f"{table}.{column}" if column else table
        yield f"another type, default or rule of {where}", _REBUILD


def _numbers_for_boolean(table: str, column: Column[Any]) -> Iterator[tuple[str, str]]:
    default = column.server_default
    if isinstance(column.type, Boolean) and isinstance(default, DefaultClause):
        given = str(getattr(default.arg, "text", default.arg)).strip("'() ")
        if given.isdigit():
            yield f"the default {given} of {table}.{column.name}, a BOOLEAN", _BOOLEAN


def _missing_default(table: str, column: Column[Any]) -> Iterator[tuple[str, str]]:
    if not column.nullable and column.server_default is None:
        yield f"{table}.{column.name}, a new column that is NOT NULL", _NOT_NULL


def _one_sided(name: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = [option for option in ("sqlite_where", "postgresql_where") if option in options]
    if len(given) == 1:
        yield f"the index {name} has only {given[0]}", _CONDITION
