"""The schema of a new database, recorded: what the revisions make of an empty one, in one go.

`make schema` writes `snapshot_sqlite.sql` and `snapshot_postgresql.sql`. A new database gets the
recorded statements in place of every revision in turn, and Alembic is not imported.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from hermes_store.database.engine import run_on_driver
from hermes_store.schema.revisions import HEAD

__all__ = ["SEPARATOR", "file_of", "replay", "title"]

SEPARATOR = "\n;\n"
"""Stands between two statements. SQLite's driver runs one at a time; triggers hold semicolons."""

_ICU = "SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'"


def file_of(dialect: str) -> Path:
    """The recorded schema for a database of SQLAlchemy's `dialect`."""
    return Path(__file__).with_name(f"snapshot_{dialect}.sql")


def title(revision: str) -> str:
    """The first line of a recorded schema."""
    return f"-- The schema of a new database at revision {revision}. Written by 'make schema'.\n"


def replay(connection: Connection) -> bool:
    """Make the schema in the transaction of `connection`; False when that is the revisions' work.

    They are left to it while the record is older than the newest revision, and on a server that
    lacks what they ask for: they say what is missing.
    """
    dialect = connection.dialect.name
    recorded = file_of(dialect).read_text(encoding="utf-8")
    if not recorded.startswith(title(HEAD)):
        return False
    if dialect == "postgresql" and not connection.scalar(text(_ICU)):
        return False
    for statement in recorded.split(SEPARATOR):
        run_on_driver(connection, statement)
    return True
