"""Let Alembic see what SQLAlchemy cannot: on SQLite triggers, views, search tables and indexes.

When one of them is missing, changed or left over, `alembic check` fails. `alembic revision
--autogenerate` then writes the statements that put it right. SQLAlchemy reflects descending and
partial indexes of SQLite poorly, so indexes are compared by their text, in place of Alembic's own
comparison. On PostgreSQL the functions, the column, the trigger, the index and the view of search
are compared as the server gives them back.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority, PriorityDispatchResult
from sqlalchemy import Column, Connection, Index, MetaData, Table, UniqueConstraint, text
from sqlalchemy.schema import CreateIndex

from hermes_store.database.sql_text import canonical
from hermes_store.schema import drafts
from hermes_store.schema.names import is_raw
from hermes_store.schema.revisions import tables_made
from hermes_store.search import postgresql_build
from hermes_store.search.ddl import HEAD_DDL
from hermes_store.search.postgresql_ddl import DROPS as DROPS_ON_POSTGRESQL
from hermes_store.search.postgresql_ddl import HEAD_DDL as ON_POSTGRESQL
from hermes_store.search.postgresql_ddl import INDEX as SEARCH_INDEX_NAME
from hermes_store.search.postgresql_ddl import TO_BE_FILLED

__all__ = ["autogenerate_options"]

log = logging.getLogger(__name__)

_SHADOW_TABLE = re.compile(r"_(data|idx|content|docsize|config)$")


def autogenerate_options(metadata: MetaData) -> dict[str, Any]:
    """What `context.configure` needs so that no difference is missed and none made up."""
    for index in (index for table in metadata.tables.values() for index in table.indexes):
        if whose := index.info.get("condition"):
            condition = index.dialect_options["sqlite"]["where"]
            on_both = whose == "both databases'"
            index.dialect_options["postgresql"]["where"] = condition if on_both else None

    def include_name(name: str | None, type_: str, parents: Mapping[str, str | None]) -> bool:
        if type_ in {"column", "index"} and parents.get("table_name") == "messages":
            return name not in ON_POSTGRESQL
        return type_ != "table" or name in metadata.tables or name in tables_made()

    return {
        "include_name": include_name,
        "compare_type": True,
        "compare_server_default": True,
        "render_item": drafts.render_item,
        "autogenerate_plugins": ["alembic.autogenerate.*", __name__],
    }


def setup(plugin: Plugin) -> None:
    """Register the comparators: one of our own, and three in place of Alembic's."""
    plugin.add_autogenerate_comparator(_compare_objects, "schema", "raw_ddl", qualifier="sqlite")
    plugin.add_autogenerate_comparator(
        _compare_on_postgresql, "schema", "raw_ddl", qualifier="postgresql"
    )
    for comparator, target, element, database in (
        (_compare_indexes, "table", "indexes", "sqlite"),
        (_pass_over_nullable_key, "column", "nullable", "sqlite"),
        (_pass_over_identity_key, "column", "server_default", "postgresql"),
    ):
        plugin.add_autogenerate_comparator(
            comparator, target, element, qualifier=database, priority=DispatchPriority.FIRST
        )


class RawDDLOp(ops.MigrateOperation):
    """Statements, and those that take them back.

    `database` names the only one that they are for; None: they are the same on both.
    """

    def __init__(
        self,
        what: str,
        name: str,
        do: Iterable[str],
        undo: Iterable[str],
        database: str | None = "sqlite",
    ) -> None:
        self.what, self.name, self.database = what, name, database
        self.do, self.undo = tuple(do), tuple(undo)

    def reverse(self) -> RawDDLOp:
        """The operation for the other direction."""
        return RawDDLOp(f"undo_{self.what}", self.name, self.undo, self.do, self.database)

    def to_diff_tuple(self) -> tuple[str, str]:
        """What `alembic check` prints."""
        return (self.what, self.name)


@renderers.dispatch_for(RawDDLOp)
def _render(_context: AutogenContext, operation: RawDDLOp) -> list[str]:
    lines = [f"op.execute({_literal(statement)})" for statement in operation.do]
    if not lines or operation.database is None:
        return lines
    guard = f"if op.get_context().dialect.name == {operation.database!r}:"
    return ["\n    ".join([guard, *lines])]


def _literal(sql: str) -> str:
    """`sql` as Python source; `op.execute` takes a bare colon for a parameter.

    Alembic indents every line: where that would change the meaning, there is only one.
    """
    escaped = sql.replace(":", r"\:")
    is_changed_by_indenting = canonical(indent(sql, "    ")) != canonical(sql)
    if is_changed_by_indenting or "\n" not in sql or '"""' in sql or sql.endswith(('"', "\\")):
        return repr(escaped)
    return f'r"""{escaped}"""'


# --- triggers, views and search tables ----------------------------------------------------------


@dataclass(frozen=True)
class _Object:
    type: str
    name: str
    sql: str

    @property
    def drop(self) -> str:
        return f"DROP {self.type.upper()} {self.name}"

    @property
    def is_search_table(self) -> bool:
        return canonical(self.sql).startswith("create virtual table")

    @property
    def rebuild(self) -> str:
        return f"INSERT INTO {self.name}({self.name}) VALUES('rebuild')"


def head_objects() -> dict[str, _Object]:
    """What the revisions make by raw DDL, in the order in which it can be created."""
    return {
        name: _Object(canonical(sql).split()[1].replace("virtual", "table"), name, sql)
        for name, sql in HEAD_DDL.items()
    }


def _compare_objects(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, _schemas: Iterable[str | None]
) -> PriorityDispatchResult:
    assert context.connection is not None
    wanted = head_objects()
    found = _found_objects(context.connection, wanted)
    same = {
        name
        for name, each in wanted.items()
        if name in found and canonical(found[name].sql) == canonical(each.sql)
    }
    rebuilds = [wanted[name].rebuild for name in same if wanted[name].is_search_table]
    differences = [
        *_drops(wanted, found, same, rebuilds),
        *_creates(wanted, found, same, rebuilds),
    ]
    for each in differences:
        log.info("Detected %s %s", each.what, each.name)
    upgrade_ops.ops += differences
    return PriorityDispatchResult.CONTINUE


def _found_objects(connection: Connection, wanted: Mapping[str, _Object]) -> dict[str, _Object]:
    rows = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'view', 'trigger')"
    )
    found = {name: _Object(type_, name, sql) for type_, name, sql in rows}
    return {
        name: each
        for name, each in found.items()
        if name in wanted or (is_raw(name) and not _is_shadow(each, found))
    }


def _is_shadow(each: _Object, found: Mapping[str, _Object]) -> bool:
    """Whether SQLite keeps this table for a search table."""
    owner = _SHADOW_TABLE.sub("", each.name)
    return owner != each.name and owner in found and found[owner].is_search_table


def _drops(
    wanted: Mapping[str, _Object],
    found: Mapping[str, _Object],
    same: set[str],
    rebuilds: list[str],
) -> Iterator[RawDDLOp]:
    """Views first, then triggers, then tables: SQLite looks into neither before it is used."""
    order = {name: place for place, name in enumerate(wanted)}
    gone = [each for each in found.values() if each.name not in same]
    for each in sorted(gone, key=lambda each: (each.type, order.get(each.name, 0)), reverse=True):
        what = "changed" if each.name in wanted else "removed"
        undo = [each.sql, *_filling(each, rebuilds)]
        yield RawDDLOp(f"drop_{what}_{each.type}", each.name, [each.drop], undo)


def _creates(
    wanted: Mapping[str, _Object],
    found: Mapping[str, _Object],
    same: set[str],
    rebuilds: list[str],
) -> Iterator[RawDDLOp]:
    for each in wanted.values():
        if each.name not in same:
            what = "changed" if each.name in found else "missing"
            do = [each.sql, *_filling(each, rebuilds)]
            yield RawDDLOp(f"create_{what}_{each.type}", each.name, do, [each.drop])


def _filling(each: _Object, rebuilds: list[str]) -> list[str]:
    """A new search table is empty; one over a new view holds what the old view said."""
    if each.is_search_table:
        return [each.rebuild]
    return rebuilds if each.type == "view" else []


# --- on PostgreSQL ------------------------------------------------------------------------------

_MADE_ON_POSTGRESQL = text("""\
SELECT 'trigger' AS type, tgname AS name, pg_get_triggerdef(t.oid) AS sql,
        'DROP TRIGGER ' || quote_ident(tgname) || ' ON ' || CAST(c.oid AS regclass) AS drop
    FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid
    WHERE NOT tgisinternal AND relnamespace = CAST(quote_ident(current_schema()) AS regnamespace)
UNION ALL SELECT 'view', relname,
        'CREATE VIEW ' || CAST(oid AS regclass) || E' AS\n' || pg_get_viewdef(oid),
        'DROP VIEW ' || CAST(oid AS regclass)
    FROM pg_class
    WHERE relkind = 'v' AND relnamespace = CAST(quote_ident(current_schema()) AS regnamespace)
UNION ALL SELECT 'function', proname, pg_get_functiondef(oid),
        'DROP FUNCTION ' || CAST(oid AS regprocedure)
    FROM pg_proc
    WHERE prokind = 'f' AND pronamespace = CAST(quote_ident(current_schema()) AS regnamespace)
""")  # triggers first: a function that one calls cannot be dropped before it


def _compare_on_postgresql(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, _schemas: Iterable[str | None]
) -> PriorityDispatchResult:
    assert context.connection is not None
    upgrade_ops.ops += [*_left_over(context.connection), *_changed_search(context.connection)]
    return PriorityDispatchResult.CONTINUE


def _left_over(connection: Connection) -> Iterator[RawDDLOp]:
    """What a revision made once and the newest one does not."""
    for type_, name, sql, drop in connection.execute(_MADE_ON_POSTGRESQL):
        if is_raw(name) and name not in ON_POSTGRESQL:
            yield RawDDLOp(f"drop_removed_{type_}", name, [drop], [sql], "postgresql")


def _changed_search(connection: Connection) -> Iterator[RawDDLOp]:
    """PostgreSQL's search is made anew as a whole, and empty: it is filled in steps afterwards."""
    changed = postgresql_build.found_changed(connection)
    if changed == [SEARCH_INDEX_NAME]:
        drop = f"DROP INDEX IF EXISTS {SEARCH_INDEX_NAME}"
        yield RawDDLOp(
            "create_missing_index",
            SEARCH_INDEX_NAME,
            [drop, ON_POSTGRESQL[SEARCH_INDEX_NAME]],
            [drop],
            "postgresql",
        )
    elif changed:
        anew = [*DROPS_ON_POSTGRESQL, *ON_POSTGRESQL.values(), TO_BE_FILLED]
        yield RawDDLOp("rebuild_search", ", ".join(changed), anew, [], "postgresql")


# --- indexes and keys -------------------------------------------------------------------------


def _compare_indexes(
    context: AutogenContext,
    table_ops: ops.ModifyTableOps,
    _schema: str | None,
    table_name: str,
    found_table: Table | None,
    model_table: Table | None,
) -> PriorityDispatchResult:
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


def _pass_over_nullable_key(*arguments: Any) -> PriorityDispatchResult:
    """The original wrote `id TEXT PRIMARY KEY`, which SQLite takes for nullable."""
    model: Column[Any] = arguments[-1]
    return PriorityDispatchResult.STOP if model.primary_key else PriorityDispatchResult.CONTINUE


def _pass_over_identity_key(*arguments: Any) -> PriorityDispatchResult:
    """The model says that the key is numbered; that an identity does it is the revision's."""
    model: Column[Any] = arguments[-1]
    numbered = model.table.autoincrement_column
    return PriorityDispatchResult.STOP if model is numbered else PriorityDispatchResult.CONTINUE


# At import, once: env.py runs for every command, and a second registration raises.
Plugin.setup_plugin_from_module(sys.modules[__name__], __name__)
