"""The search index as a thing to look after: its state, its damage, its repair.

`search_index` holds one row that says whether search can answer. Triggers index each message that
is written, on SQLite some together. When a trigger of SQLite's fails, the store drops the triggers,
records the damage, and stores the message without them. A trigger of PostgreSQL's stores it by
itself, and the next search notices. `reindex` then builds the index anew, in short transactions
between those of other processes.
"""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

import time
from typing import NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DatabaseError

from hermes_store.database.connection import OpenConnection
from hermes_store.database.on_servers import either
from hermes_store.database.sql_text import canonical
from hermes_store.database.statements import Statement
from hermes_store.errors import SearchIndexError
from hermes_store.search.ddl import HEAD_DDL, TRIGGERS
from hermes_store.search.postgresql_ddl import MISSING_OR_CORRUPT
from hermes_store.search.postgresql_ddl import STATE as STATE_ON_POSTGRESQL
from hermes_store.search.postgresql_ddl import TRIGGER as TRIGGER_ON_POSTGRESQL

__all__ = [
    "BEING_BUILT",
    "SHADOWS",
    "IndexState",
    "changed",
    "check",
    "count",
    "count_unindexed",
    "is_index_damage",
    "mark_damaged",
    "record",
    "require_ready",
    "state",
    "unready",
]


BEING_BUILT = "it is being built"
"""The detail of an index that `reindex` has begun."""

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
    has_waiting: bool = False
    """Whether the newest messages wait to be indexed together: on SQLite only."""


def state(connection: OpenConnection) -> IndexState:
    """What is known of the index, without looking into it."""
    try:
        found = _STATE.run(connection).fetchone()
    except connection.errors as exc:
        if is_index_damage(exc):
            return IndexState("damaged", str(getattr(exc, "orig", exc)), 0.0)
        raise
    if found is None:
        return IndexState("damaged", "its state is not recorded", 0.0)
    name, detail, changed_at, is_whole, has_waiting = found
    recorded = IndexState(name, detail, changed_at, bool(has_waiting))
    if recorded.state != "damaged" and not is_whole:
        detail = "what keeps it in step is missing, or another program's"
        return IndexState("damaged", detail, recorded.changed_at)
    return recorded


_EVERY_ID = "SELECT 9223372036854775807 AS indexed_upto"
"""Beside `search_index`, stands in for the column that it does not have before revision 0021."""

_STATE = Statement(
    either(
        text(f"""\
SELECT state, detail, changed_at, {len(TRIGGERS)} < (
    SELECT count(*) FROM sqlite_master
    WHERE type = 'trigger' AND instr(' {" ".join(TRIGGERS)} ', ' ' || name || ' ')
        OR name = 'messages_fts' AND sql LIKE '%content=messages_search%'
), EXISTS (
    SELECT 1 FROM messages WHERE id > (SELECT indexed_upto FROM search_index)
) FROM search_index AS known, ({_EVERY_ID}) AS older"""),
        on_servers=text(f"""\
SELECT state, detail, changed_at, EXISTS (
    SELECT FROM pg_trigger
    WHERE tgrelid = to_regclass('messages') AND tgname = '{TRIGGER_ON_POSTGRESQL}'
        AND tgenabled IN ('O', 'A')
) AND EXISTS (
    SELECT FROM pg_proc
    WHERE proname = 'hermes_search_of_message'
        AND pronamespace = CAST(quote_ident(current_schema()) AS regnamespace)
), false FROM search_index"""),
    )
)


def require_ready(connection: OpenConnection) -> IndexState:
    """Return the state of an index that can answer. Raises `SearchIndexError` for any other."""
    found = state(connection)
    if found.state == "incomplete":
        total, unindexed = count(connection), count_unindexed(connection)
        detail = f"{unindexed:,} of {total:,} messages are not indexed yet"
        raise SearchIndexError(found.state, detail)
    if found.state != "ready":
        raise SearchIndexError(found.state, found.detail)
    return found


def record(connection: OpenConnection, new_state: str, detail: str = "") -> None:
    """Write down whether search can answer from now on."""
    _MAKE_TABLE.run(connection)
    connection.core.execute(_RECORD, {"state": new_state, "detail": detail, "now": time.time()})


def _unless_there(table: str) -> TextClause:
    return text(table.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))


_MAKE_TABLE = Statement(
    either(_unless_there(HEAD_DDL["search_index"]), on_servers=_unless_there(STATE_ON_POSTGRESQL))
)

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


def mark_damaged(connection: OpenConnection, cause: BaseException | str) -> None:
    """Set the index aside, so that messages are written without it, and record why."""
    missing = changed(connection)
    for trigger in TRIGGERS:
        connection.core.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
    why = [str(getattr(cause, "orig", None) or cause), *map(_changed, missing)]
    record(connection, "damaged", "; ".join(why))


def check(connection: OpenConnection) -> list[str]:
    """What is wrong with the index, in words; nothing when all is well.

    Compares the whole index with the text of every message, which takes as long as to index them
    and keeps other processes from writing meanwhile: call it on a write connection.
    """
    problems = list(map(_changed, changed(connection)))
    problems += unready(connection)
    if not problems:
        problems += _wrong_content(connection)
    return problems


def unready(connection: OpenConnection) -> list[str]:
    """In words, what keeps the index from answering."""
    found = state(connection)
    if found.state == "ready":
        return []
    return [f"it is {found.state}: {found.detail or 'not all messages are in it'}"]


def changed(connection: OpenConnection) -> list[str]:
    """Names of what is missing, or not as the newest revision makes it."""
    rows = connection.core.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    )
    found = {row.name: canonical(row.sql) for row in rows}
    made = [name for name, sql in HEAD_DDL.items() if found.get(name) != canonical(sql)]
    return made + [name for name in SHADOWS if name not in found]


def _changed(name: str) -> str:
    return f"{name} is missing or not as it was made"


def _wrong_content(connection: OpenConnection) -> list[str]:
    problems = []
    unindexed = count_unindexed(connection)
    if unindexed:
        problems.append(f"{unindexed} messages are not in it")
    try:
        connection.core.exec_driver_sql(
            "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
        )
    except DatabaseError as exc:
        if not is_index_damage(exc):
            raise
        problems.append(f"it does not agree with the messages: {exc.orig}")
    return problems


def count_unindexed(connection: OpenConnection) -> int:
    """How many messages search cannot find."""
    unindexed: int = _UNINDEXED.run(connection).fetchone()[0]
    return unindexed


_UNINDEXED = Statement(
    either(
        text(f"""\
SELECT count(*) FROM messages AS m, ({_EVERY_ID}) AS older
WHERE id <= (SELECT indexed_upto FROM search_index)
AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)"""),
        on_servers=text("""\
SELECT count(*) FROM messages
WHERE id > (SELECT filled FROM search_index WHERE state <> 'ready')"""),
    )
)


def count(connection: OpenConnection) -> int:
    """How many messages there are."""
    total: int = connection.core.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()
    return total
