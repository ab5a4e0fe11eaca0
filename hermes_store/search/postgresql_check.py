"""Whether the search index on PostgreSQL is as the newest revision made it."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from hermes_store.database.connection import OpenConnection
from hermes_store.search import triggers
from hermes_store.search.postgresql_ddl import DROPS, HEAD_DDL, INDEX
from hermes_store.search.running import Progress, Run

__all__ = ["changed", "check", "merge", "reindex"]

_FOUND = text("""\
SELECT proname AS name, prosrc AS made FROM pg_proc
    WHERE pronamespace = CAST(current_schema() AS regnamespace) AND proname = ANY (:names)
UNION ALL SELECT 'messages_search', pg_get_viewdef(to_regclass('messages_search'))
UNION ALL SELECT 'idx_messages_search', pg_get_indexdef(indexrelid, 0, true) FROM pg_index
    WHERE indexrelid = to_regclass('idx_messages_search') AND indisvalid
UNION ALL SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger
    WHERE NOT tgisinternal AND tgname = ANY (:names)
UNION ALL SELECT 'search', pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_attrdef
    ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass('messages') AND attname = 'search' AND attgenerated = 's'
""")


def changed(connection: Connection) -> list[str]:
    """Names of what is missing or not as it was made, in the order in which it can be created."""
    rows = connection.execute(_FOUND, {"names": list(HEAD_DDL)})
    found = {name: _canonical(made or "") for name, made in rows}
    return [name for name, sql in HEAD_DDL.items() if found.get(name) != _canonical(_made_by(sql))]


def check(connection: OpenConnection) -> list[str]:
    """What is wrong with the index, in words; nothing when all is well.

    PostgreSQL keeps the index in step by itself, so only what it is made of is looked at.
    """
    return [f"{name} is missing or not as it was made" for name in changed(connection.core)]


def reindex(run: Run, progress: Progress | None = None) -> None:
    """Build the index anew, and all it is made of when that was changed.

    It is one transaction that keeps others from writing: some ten seconds for a million messages.
    """
    total = run(_rebuild)
    if progress is not None:
        progress(total, total)


def merge(run: Run) -> None:
    """Nothing: PostgreSQL cleans its index by itself."""


def _rebuild(connection: OpenConnection) -> int:
    """Build the index anew; return how many messages are in it."""
    triggers.drop_foreign(connection)
    anew = changed(connection.core) not in ([], [INDEX])
    remedy = (
        [*DROPS, *HEAD_DDL.values()] if anew else [f"DROP INDEX IF EXISTS {INDEX}", HEAD_DDL[INDEX]]
    )
    for statement in remedy:
        connection.run(statement)
    total: int = connection.core.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()
    return total


def _made_by(sql: str) -> str:
    """The part of a statement that the server gives back."""
    if "$$" in sql:
        return sql.split("$$")[1]
    if "GENERATED" in sql:
        return sql.partition("AS (")[2].rpartition(") STORED")[0]
    return sql.partition("AS\n")[2] if "VIEW" in sql else sql


def _canonical(sql: str) -> str:
    """`sql` without what the server writes in its own way."""
    sql = sql.replace(r"E' \x1c '", "' \x1c '").replace("::text", "")
    sql = re.sub(r"\b(messages|public)\.", "", sql.lower())
    return re.sub(r'[\s()";]', "", sql)
