"""Build the index of FTS5, put messages into it, and merge it."""

from __future__ import annotations

import time
from functools import partial

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from hermes_store.database.connection import OpenConnection
from hermes_store.search import index as kept
from hermes_store.search.ddl import HEAD_DDL, SETTINGS, TRIGGERS
from hermes_store.search.filling import fill
from hermes_store.search.index import BEING_BUILT, SHADOWS, changed
from hermes_store.search.rebuild import Rows
from hermes_store.search.running import Run

__all__ = ["changed", "create", "drop_index", "index", "merge", "newest", "unindexed"]

_PAUSE_SECONDS = 0.01
_PAGES_MERGED_AT_ONCE = 500


def create(connection: OpenConnection) -> None:
    """Make an empty index in place of whatever is there; messages written from now on are in it."""
    for trigger in TRIGGERS:
        connection.core.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
    for view in ("messages_search", "messages_text"):
        connection.core.exec_driver_sql(f"DROP VIEW IF EXISTS {view}")
    drop_index(connection.core)
    kept.record(connection, "incomplete", BEING_BUILT)
    for name, sql in HEAD_DDL.items():
        if name != "search_index":
            connection.core.exec_driver_sql(sql)
    for setting in SETTINGS:
        connection.core.exec_driver_sql(setting)
    connection.core.exec_driver_sql(_UPTO_THE_NEWEST)


_UPTO_THE_NEWEST = """\
UPDATE search_index SET indexed_upto = (SELECT coalesce(max(id), 0) FROM messages)"""


def drop_index(connection: Connection) -> None:
    """Drop the FTS5 table, or what is left of it.

    SQLite opens the table to drop it, which fails when one of FTS5's own tables is missing or
    damaged; those of an empty index in their place are enough.
    """
    try:
        connection.exec_driver_sql("DROP TABLE IF EXISTS messages_fts")
    except DatabaseError:
        for name, columns in SHADOWS.items():
            connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name} {columns}")
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO messages_fts_config(k, v) VALUES ('version', 4)"
        )
        connection.exec_driver_sql(
            "INSERT OR REPLACE INTO messages_fts_data(id, block) VALUES (10, zeroblob(7))"
        )
        connection.exec_driver_sql("DROP TABLE messages_fts")
    for name in SHADOWS:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")


# --- step by step -------------------------------------------------------------------------------


def unindexed(connection: OpenConnection, after: int, upto: int, most: int) -> Rows:
    """Id and length of the next messages, from after one id to another, to be indexed."""
    return connection.core.execute(_UNINDEXED, {"after": after, "upto": upto, "most": most})


_UNINDEXED = text("""\
SELECT m.id, coalesce(length(m.content), 0) + coalesce(length(m.tool_calls), 0)
FROM messages AS m WHERE m.id > :after AND m.id <= :upto
AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)
ORDER BY m.id LIMIT :most""")


def newest(connection: OpenConnection) -> int:
    """The id of the last message to be indexed: later ones are, as they are written."""
    upto: int = connection.core.exec_driver_sql(_NEWEST).scalar_one()
    return upto


_NEWEST = """\
SELECT (SELECT indexed_upto FROM search_index)
FROM (SELECT coalesce(max(id), 0) AS indexed_upto FROM messages) AS before_revision_0021"""


def index(connection: OpenConnection, first: int, last: int) -> None:
    """Index messages. In a schema without the column `folded` their plain text is indexed."""
    statement = _INDEX
    has_forms, has_text = connection.core.exec_driver_sql(_HAS).one()
    if has_forms:
        fill(connection, first, last)
    else:
        statement = statement.replace(", m.forms", "").replace(", forms", "")
    if not has_text:
        statement = statement.replace("messages_text", "messages_search")
    connection.core.exec_driver_sql(statement, (first, last))


_HAS = """\
SELECT EXISTS (SELECT 1 FROM pragma_table_info('messages_fts') WHERE name = 'forms'),
    EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'messages_text')"""
"""What only later revisions have."""

_INDEX = """\
INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
SELECT m.id, m.content, m.tool_name, m.tool_calls, m.forms
FROM messages_text AS m WHERE m.id BETWEEN ? AND ?
AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)
ORDER BY m.id"""


# --- merging ------------------------------------------------------------------------------------


def merge(run: Run) -> None:
    """Merge the index into one piece, in short transactions: then deleted words are in it no more.

    Raises `SearchIndexError` when there is no index that could be merged.
    """
    pages = -_PAGES_MERGED_AT_ONCE  # negative: begin with all pieces, however few they are
    while run(partial(_merge_some, pages=pages)):
        pages = _PAGES_MERGED_AT_ONCE
        time.sleep(_PAUSE_SECONDS)


def _merge_some(connection: OpenConnection, pages: int) -> bool:
    """Merge about `pages` pages of the index; return whether there may be more to do.

    https://sqlite.org/fts5.html#the_merge_command tells the end by `total_changes`.
    """
    kept.require_ready(connection)
    changes = "SELECT total_changes()"
    before: int = connection.core.exec_driver_sql(changes).scalar_one()
    connection.core.exec_driver_sql(
        "INSERT INTO messages_fts(messages_fts, rank) VALUES ('merge', ?)", (pages,)
    )
    after: int = connection.core.exec_driver_sql(changes).scalar_one()
    return after - before > 1
