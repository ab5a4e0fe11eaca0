"""Which tables a server shows to a name without a schema."""

from __future__ import annotations

from sqlalchemy import Connection

__all__ = ["tables_where_made", "visible_tables"]

# SQLAlchemy's inspector takes several times as long: it reads types, defaults and sequences, too.
_TABLES = """
SELECT relname, attname FROM pg_class LEFT JOIN pg_attribute
    ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    AND relname IN ('sessions', 'messages')
WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND pg_table_is_visible(pg_class.oid)
    AND relnamespace <> 'pg_catalog'::regnamespace
"""


def visible_tables(connection: Connection) -> dict[str, set[str]]:
    """Names of the tables, each with its columns when it is called `sessions` or `messages`."""
    tables: dict[str, set[str]] = {}
    for name, column in connection.exec_driver_sql(_TABLES):
        tables.setdefault(name, set()).update([column] if column else [])
    return tables


def tables_where_made(connection: Connection) -> set[str]:
    """Names of the tables in the schema where a new table would be made."""
    here = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    return set(connection.exec_driver_sql(here).scalars())
