"""Whether the search index on PostgreSQL is as it was made, and how it is built anew."""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from hermes_store.database.connection import OpenConnection
from hermes_store.search import index as kept
from hermes_store.search.filling import fill
from hermes_store.search.postgresql_ddl import DROPS, HEAD_DDL, INDEX
from hermes_store.search.rebuild import Rows
from hermes_store.search.running import Run

__all__ = ["changed", "check", "create", "found_changed", "index", "merge", "unindexed"]

_FOUND = text("""\
SELECT proname AS name, prosrc AS made FROM pg_proc
    WHERE pronamespace = CAST(quote_ident(current_schema()) AS regnamespace)
    AND proname = ANY (:names)
UNION ALL SELECT 'messages_search', pg_get_viewdef(to_regclass('messages_search'))
UNION ALL SELECT 'idx_messages_search', pg_get_indexdef(indexrelid, 0, true) FROM pg_index
    WHERE indexrelid = to_regclass('idx_messages_search') AND indisvalid
UNION ALL SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid = to_regclass('messages') AND tgname = ANY (:names)
UNION ALL SELECT 'search', pg_get_expr(adbin, adrelid) FROM pg_attribute JOIN pg_attrdef
    ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass('messages') AND attname = 'search' AND attgenerated = 's'
""")


def found_changed(connection: Connection) -> list[str]:
    """Names of what is missing or not as it was made, in the order in which it can be created."""
    rows = connection.execute(_FOUND, {"names": list(HEAD_DDL)})
    found = {name: _canonical(made or "") for name, made in rows}
    return [name for name, sql in HEAD_DDL.items() if found.get(name) != _canonical(_made_by(sql))]


def check(connection: OpenConnection) -> list[str]:
    """What is wrong with the index, in words; nothing when all is well.

    PostgreSQL keeps the index in step by itself, so only what it is made of is looked at.
    """
    return [
        *(f"{name} is missing or not as it was made" for name in found_changed(connection.core)),
        *kept.unready(connection),
    ]


def changed(connection: OpenConnection) -> list[str]:
    """Names of what is missing or not as it was made."""
    return found_changed(connection.core)


def create(connection: OpenConnection) -> None:
    """Build the index anew, and all it is made of when that was changed.

    Nothing can be written until the transaction ends: some ten seconds for a million messages.
    """
    anew = found_changed(connection.core) not in ([], [INDEX])
    remedy = (
        [*DROPS, *HEAD_DDL.values()] if anew else [f"DROP INDEX IF EXISTS {INDEX}", HEAD_DDL[INDEX]]
    )
    for statement in remedy:
        connection.run(statement)
    kept.record(connection, "incomplete", kept.BEING_BUILT)
    connection.run("UPDATE search_index SET filled = 0")


def unindexed(connection: OpenConnection, after: int, most: int) -> Rows:
    """Id and length of the next messages after an id whose `folded` is to be made."""
    return connection.core.execute(_UNFOLDED, {"after": after, "most": most})


_UNFOLDED = text("""\
SELECT id, coalesce(length(content), 0) + coalesce(length(tool_calls), 0) FROM messages
WHERE id > :after AND id > (SELECT filled FROM search_index)
ORDER BY id LIMIT :most""")

_FILLED = text("UPDATE search_index SET filled = :last")


def index(connection: OpenConnection, first: int, last: int) -> None:
    """Make `folded` of messages; their words follow by themselves."""
    fill(connection, first, last)
    connection.core.execute(_FILLED, {"last": last})


def merge(_run: Run) -> None:
    """Nothing: PostgreSQL cleans its index by itself."""


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
