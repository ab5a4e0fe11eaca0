"""Adopt a file that the original wrote: make it what a revision makes, then stamp it.

The original changed the schema outside of a transaction and ignored errors. So a file may have half
of a step, lack an index or the search table, or have rows that were never indexed. Adoption reads
from the revisions 0001 to 0006 what they make, so that it is written down once.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Integer, Text, inspect, text
from sqlalchemy.exc import DatabaseError

from hermes_store.database.sql_text import canonical
from hermes_store.errors import ForeignDatabaseError
from hermes_store.schema.revisions import REVISIONS
from hermes_store.schema.state import NEWEST_LEGACY
from hermes_store.search.sqlite_build import drop_index
from hermes_store.values import GREATEST_COUNT

if TYPE_CHECKING:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

__all__ = ["adopt", "follow_down"]


def adopt(context: MigrationContext, scripts: ScriptDirectory, version: int) -> None:
    """Complete a file of the original's schema `version` and stamp it with the revision it equals.

    Rows and the tables of other tools stay as they are. Raises `ForeignDatabaseError` when a
    column is missing that cannot be made up.
    """
    from alembic.operations import Operations  # noqa: PLC0415 - loaded whenever this is called

    steps = [scripts.get_revision(name).module for name in REVISIONS[:NEWEST_LEGACY]]
    connection = context.connection
    assert connection is not None
    reached = max(version, _furthest_begun(connection, steps))
    with Operations.context(context) as operations:
        _add_missing_tables(connection, steps[0])
        _add_missing_columns(operations, connection, steps[:reached])
        _repair_search(connection, steps[0])
        _mend_values(connection, steps[:reached])
        _add_missing_indexes(connection, steps[:reached])
    context.stamp(scripts, REVISIONS[reached - 1])


def follow_down(connection: Connection, revision: str | None) -> None:
    """Lower `schema_version` to `revision`, so that the original finds what it expects."""
    if revision in REVISIONS[:NEWEST_LEGACY] and inspect(connection).has_table("schema_version"):
        connection.execute(
            text("UPDATE schema_version SET version = :reached WHERE version > :reached"),
            {"reached": int(revision or 0)},
        )


def _furthest_begun(connection: Connection, steps: list[ModuleType]) -> int:
    """Number of the last step that left a column behind, whatever `schema_version` says."""
    present = _columns(connection)
    return max(
        number
        for number, step in enumerate(steps, start=1)
        if number == 1
        or any(column.name in present.get(table, ()) for table, column in _columns_of(step))
    )


def _columns(connection: Connection) -> dict[str, set[str]]:
    inspector = inspect(connection)
    return {
        table: {column["name"] for column in inspector.get_columns(table)}
        for table in ("sessions", "messages")
        if inspector.has_table(table)
    }


def _columns_of(step: ModuleType) -> Iterator[tuple[str, Any]]:
    for table, columns in step.columns().items():
        for column in columns:
            yield table, column


def _add_missing_tables(connection: Connection, first: ModuleType) -> None:
    present = _columns(connection)
    if "sessions" not in present:
        first.create_sessions()
    if "messages" not in present:
        first.create_messages()


def _add_missing_columns(
    operations: Operations, connection: Connection, steps: list[ModuleType]
) -> None:
    present = _columns(connection)
    for step in steps:
        for table, column in _columns_of(step):
            if column.name in present[table]:
                continue
            if not column.nullable:
                raise ForeignDatabaseError(f"its table {table} has no {column.name}")
            operations.add_column(table, column)


def _add_missing_indexes(connection: Connection, steps: list[ModuleType]) -> None:
    """Make each index anew that is missing; equal titles are numbered before the unique one."""
    first = steps[0]
    present = {
        name
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'index'"
        )
    }
    first.create_indexes([name for name in first.INDEXES if name not in present])
    for step in steps[1:]:
        if hasattr(step, "create_title_index") and "idx_sessions_title_unique" not in present:
            step.number_equal_titles(connection)
            step.create_title_index()


def _repair_search(connection: Connection, first: ModuleType) -> None:
    """Build the search table and its triggers anew if anything about them is not as it was made."""
    wanted = {"messages_fts": first.MESSAGES_FTS, **first.TRIGGERS}
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'trigger')"
    )
    found = {row.name: row.sql for row in rows}
    tidy = all(
        name in found and canonical(found[name]) == canonical(sql) for name, sql in wanted.items()
    )
    if tidy and _every_message_is_indexed(connection):
        return
    for name in first.TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    drop_index(connection)
    first.create_search()
    connection.exec_driver_sql("INSERT INTO messages_fts(messages_fts) VALUES('rebuild')")


def _mend_values(connection: Connection, steps: list[ModuleType]) -> None:
    """Make bytes text, and counters and costs numbers: SQLite stores what it is given.

    A session's id or title that, made text, is another one's stays as it is. Of counters that are
    greater than others can be, no sum could be made.
    """
    for table in ("sessions", "messages"):
        columns = [column for step in steps for column in step.columns().get(table, ())]
        kinds = {column.name: kind for column in columns if (kind := _kind(column))}
        wrong = {name: stored.format(name) for name, (_, stored) in kinds.items()}
        any_wrong = f"SELECT 1 FROM {table} WHERE {' OR '.join(wrong.values())} LIMIT 1"  # noqa: S608 - names of our own schema
        if connection.exec_driver_sql(any_wrong).first():
            for name, (made, _) in kinds.items():
                connection.exec_driver_sql(
                    f"UPDATE OR IGNORE {table} SET {name} = {made.format(name)}"  # noqa: S608 - names of our own schema
                    f" WHERE {wrong[name]}"
                )


_WHOLE = f"max(-{GREATEST_COUNT}, min({GREATEST_COUNT}, CAST({{0}} AS INTEGER)))"
"""What becomes of a counter: text counts by the number that it begins with."""


def _kind(column: Any) -> tuple[str, str] | None:
    """What the values of a column are made, and whether one has to be."""
    if isinstance(column.type, Text):
        return "CAST({0} AS TEXT)", "typeof({0}) = 'blob'"
    if isinstance(column.type, Integer):
        wrong = f"typeof({{0}}) = 'real' OR {{0}} IS NOT {_WHOLE}"
        return None if column.name == "id" else (_WHOLE, wrong)
    is_cost = column.name.endswith("_usd")
    return ("CAST({0} AS REAL)", "typeof({0}) IN ('blob', 'text')") if is_cost else None


def _every_message_is_indexed(connection: Connection) -> bool:
    """Whether the index has the rows that it should; False for one that cannot be opened."""
    try:
        connection.exec_driver_sql("SELECT 1 FROM messages_fts LIMIT 1").first()
        unequal = connection.exec_driver_sql(
            "SELECT EXISTS (SELECT id FROM messages EXCEPT SELECT id FROM messages_fts_docsize)"
            " OR EXISTS (SELECT id FROM messages_fts_docsize EXCEPT SELECT id FROM messages)"
        ).scalar_one()
    except DatabaseError:
        return False
    return not unequal
