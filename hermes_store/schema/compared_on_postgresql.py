"""Compare the triggers, views and functions of PostgreSQL with those that the revisions make.

They are compared as the server gives them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Connection, text

from hermes_store.schema.names import is_raw
from hermes_store.schema.raw_ddl import RawDDLOp
from hermes_store.search import postgresql_build
from hermes_store.search.postgresql_ddl import DROPS, HEAD_DDL, INDEX, TO_BE_FILLED

__all__ = ["compare_on_postgresql"]

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


def compare_on_postgresql(
    context: AutogenContext, upgrade_ops: ops.UpgradeOps, _schemas: Iterable[str | None]
) -> PriorityDispatchResult:
    """Add what differs to the draft: what is left over, and a search that is not as made."""
    assert context.connection is not None
    upgrade_ops.ops += [*_left_over(context.connection), *_changed_search(context.connection)]
    return PriorityDispatchResult.CONTINUE


def _left_over(connection: Connection) -> Iterator[RawDDLOp]:
    """What a revision made once and the newest one does not."""
    for type_, name, sql, drop in connection.execute(_MADE_ON_POSTGRESQL):
        if is_raw(name) and name not in HEAD_DDL:
            yield RawDDLOp(f"drop_removed_{type_}", name, [drop], [sql], "postgresql")


def _changed_search(connection: Connection) -> Iterator[RawDDLOp]:
    """PostgreSQL's search is made anew as a whole, and empty: it is filled in steps afterwards."""
    changed = postgresql_build.found_changed(connection)
    if changed == [INDEX]:
        drop = f"DROP INDEX IF EXISTS {INDEX}"
        yield RawDDLOp(
            "create_missing_index",
            INDEX,
            [drop, HEAD_DDL[INDEX]],
            [drop],
            "postgresql",
        )
    elif changed:
        anew = [*DROPS, *HEAD_DDL.values(), TO_BE_FILLED]
        yield RawDDLOp("rebuild_search", ", ".join(changed), anew, [], "postgresql")
