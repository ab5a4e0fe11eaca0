"""The schema of a new database, recorded: what the revisions make of an empty one, in one go.

`make schema` writes `snapshot_sqlite.sql` and `snapshot_postgresql.sql`. A new database gets the
recorded statements in place of every revision in turn, and Alembic is not imported.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from hermes_store.database.backend import Backend
from hermes_store.schema.revisions import HEAD

__all__ = ["SEPARATOR", "file_of", "replay", "title"]

SEPARATOR = "\n;\n"
"""Stands between two statements. SQLite's driver runs one at a time; triggers hold semicolons."""


def file_of(backend: Backend) -> Path:
    """The recorded schema for a database."""
    return Path(__file__).with_name(backend.schema_record)


def title(revision: str) -> str:
    """The first line of a recorded schema."""
    return f"-- The schema of a new database at revision {revision}. Written by 'make schema'.\n"


def replay(connection: Connection, backend: Backend) -> bool:
    """Make the schema in the transaction of `connection`; False when that is the revisions' work.

    They are left to it while the record is older than the newest revision, and on a server that
    lacks what they ask for: they say what is missing.
    """
    recorded = file_of(backend).read_text(encoding="utf-8")
    if not recorded.startswith(title(HEAD)) or not backend.takes_record(connection):
        return False
    for statement in recorded.split(SEPARATOR):  # without parameters a % is not a placeholder
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    return True
