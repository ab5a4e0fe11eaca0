"""The search index as a thing to look after: its state, its damage, its repair.

`search_index` holds one row that says whether search can answer. Messages never depend on it:
triggers index what is written, and when they fail they are dropped, the damage is recorded and
the message is stored without them. `reindex` then builds the index anew, in short transactions
between those of other processes.
"""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

import time
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from hermes_store.database.sql_text import canonical
from hermes_store.database.statements import Statement, errors_of
from hermes_store.errors import SearchIndexError
from hermes_store.search import postgresql_check
from hermes_store.search.ddl import HEAD_DDL, TRIGGERS
from hermes_store.search.postgresql_ddl import MISSING_OR_CORRUPT
from hermes_store.search.postgresql_ddl import STATE as STATE_ON_POSTGRESQL

__all__ = [
    "SHADOWS",
    "IndexState",
    "changed_objects",
    "check",
    "count",
    "count_unindexed",
    "is_index_damage",
    "mark_damaged",
    "record",
    "require_ready",
    "state",
]


SHADOWS = {
    "messages_fts_data": "(id INTEGER PRIMARY KEY, block BLOB)",
    "messages_fts_idx": "(segid, term, pgno, PRIMARY KEY (segid, term)) WITHOUT ROWID",
    "messages_fts_docsize": "(id INTEGER PRIMARY KEY, sz BLOB)",
    "messages_fts_config": "(k PRIMARY KEY, v) WITHOUT ROWID",
}
"""FTS5's own tables of the index, and their columns."""


class IndexState(NamedTuple):
    """Whether search can answer."""

    state: str
    """'ready', 'incomplete' (messages are still to be indexed) or 'damaged'."""
    detail: str
    changed_at: float
    """Epoch seconds."""


def state(connection: Connection) -> IndexState:
    """What is known of the index, without looking into it."""
    statement = _STATE if connection.dialect.name == "sqlite" else _STATE_ON_POSTGRESQL
    try:
        found = statement.run(connection).fetchone()
    except errors_of(connection) as exc:
        if is_index_damage(exc):
            return IndexState("damaged", str(getattr(exc, "orig", exc)), 0.0)
        raise
    if found is None:
        return IndexState("damaged", "its state is not recorded", 0.0)
    *known, objects = found
    recorded = IndexState(*known)
    if recorded.state != "damaged" and objects is not None and objects <= len(TRIGGERS):
        detail = "a trigger is missing, or another program has made messages_fts"
        return IndexState("damaged", detail, recorded.changed_at)
    return recorded


_STATE = Statement(
    text(f"""\
SELECT state, detail, changed_at, (
    SELECT count(*) FROM sqlite_master
    WHERE type = 'trigger' AND name IN {tuple(TRIGGERS)}
        OR name = 'messages_fts' AND sql LIKE '%content=messages_search%'
) FROM search_index""")
)


_STATE_ON_POSTGRESQL = Statement(
    text("SELECT state, detail, changed_at, CAST(NULL AS integer) FROM search_index")
)


def require_ready(connection: Connection) -> None:
    """Raise `SearchIndexError` unless the index can answer."""
    found = state(connection)
    if found.state == "incomplete":
        total, unindexed = count(connection), count_unindexed(connection)
        raise SearchIndexError(
            found.state, f"{unindexed:,} of {total:,} messages are not indexed yet"
        )
    if found.state != "ready":
        raise SearchIndexError(found.state, found.detail)


def record(connection: Connection, new_state: str, detail: str = "") -> None:
    """Write down whether search can answer from now on."""
    table = HEAD_DDL["search_index"] if connection.dialect.name == "sqlite" else STATE_ON_POSTGRESQL
    connection.exec_driver_sql(table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
    values = {"state": new_state, "detail": detail, "now": time.time()}
    connection.execute(_RECORD, values)


_RECORD = text("""\
INSERT INTO search_index(id, state, detail, changed_at) VALUES (1, :state, :detail, :now)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, detail = excluded.detail,
    changed_at = excluded.changed_at""")


# --- damage -------------------------------------------------------------------------------------


def is_index_damage(exc: BaseException) -> bool:
    """Whether an operation may have failed because of the search index, and succeed without it.

    FTS5 has a code of its own for damage. That something is missing or is another thing has none,
    and often no text that says what: statements that are right otherwise fail with SQLITE_ERROR.
    SQLITE_CORRUPT is damage of the file itself, which nothing here can repair; but pysqlite3 knows
    no other name for FTS5's.
    """
    original = getattr(exc, "orig", None) or exc
    if getattr(original, "sqlstate", None) in MISSING_OR_CORRUPT:
        return True
    name = getattr(original, "sqlite_errorname", None)
    if name == "SQLITE_CORRUPT":
        return type(original).__module__.startswith("pysqlite3")
    return name in {"SQLITE_ERROR", "SQLITE_CORRUPT_VTAB"}


def mark_damaged(connection: Connection, cause: BaseException | str) -> None:
    """Set the index aside, so that messages are written without it, and record why."""
    changed = changed_objects(connection)
    for trigger in TRIGGERS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
    why = [str(getattr(cause, "orig", None) or cause), *map(_changed, changed)]
    record(connection, "damaged", "; ".join(why))


def check(connection: Connection) -> list[str]:
    """What is wrong with the index, in words; nothing when all is well.

    Compares the whole index with the text of every message, which takes as long as to index them
    and keeps other processes from writing meanwhile: call it on a write connection. PostgreSQL
    keeps the index in step by itself, so there only what it is made of is looked at.
    """
    if connection.dialect.name != "sqlite":
        return postgresql_check.check(connection) or _unready(connection)
    problems = list(map(_changed, changed_objects(connection)))
    problems += _unready(connection)
    if not problems:
        problems += _wrong_content(connection)
    return problems


def _unready(connection: Connection) -> list[str]:
    found = state(connection)
    if found.state == "ready":
        return []
    return [f"it is {found.state}: {found.detail or 'not all messages are in it'}"]


def changed_objects(connection: Connection) -> list[str]:
    """Names of what is missing, or not as the newest revision makes it."""
    rows = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    found = {row.name: canonical(row.sql) for row in rows}
    changed = [name for name, sql in HEAD_DDL.items() if found.get(name) != canonical(sql)]
    return changed + [name for name in SHADOWS if name not in found]


def _changed(name: str) -> str:
    return f"{name} is missing or not as it was made"


def _wrong_content(connection: Connection) -> list[str]:
    problems = []
    unindexed = count_unindexed(connection)
    if unindexed:
        problems.append(f"{unindexed} messages are not in it")
    try:
        connection.exec_driver_sql(
            "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
        )
    except DatabaseError as exc:
        if not is_index_damage(exc):
            raise
        problems.append(f"it does not agree with the messages: {exc.orig}")
    return problems


def count_unindexed(connection: Connection) -> int:
    """How many messages search cannot find."""
    unindexed: int = connection.exec_driver_sql(
        _UNINDEXED if connection.dialect.name == "sqlite" else _UNFOLDED
    ).scalar_one()
    return unindexed


_UNINDEXED = """\
SELECT count(*) FROM messages AS m
WHERE NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)"""

_UNFOLDED = """\
SELECT count(*) FROM messages WHERE id > (SELECT filled FROM search_index WHERE state <> 'ready')"""


def count(connection: Connection) -> int:
    """How many messages there are."""
    total: int = connection.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()
    return total
