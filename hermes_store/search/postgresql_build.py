"""Whether the search index on PostgreSQL is as it was made, and how it is built anew."""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, text

from hermes_store.database.connection import OpenConnection
from hermes_store.search import index as kept
from hermes_store.search.filling import fill_those, outdated
from hermes_store.search.postgresql_ddl import DROPS, HEAD_DDL, MADE
from hermes_store.search.rebuild import Rows
from hermes_store.search.running import Run

__all__ = [
    "changed",
    "check",
    "create",
    "found_changed",
    "index",
    "keep_as_it_is",
    "merge",
    "newest",
    "unindexed",
]

_FOUND = text("""\
SELECT proname AS name, coalesce(pg_get_function_sqlbody(oid), prosrc) AS made FROM pg_proc
    WHERE pronamespace = CAST(quote_ident(current_schema()) AS regnamespace)
    AND proname = ANY (:names)
UNION ALL SELECT 'messages_search', pg_get_viewdef(to_regclass('messages_search'))
UNION ALL SELECT 'idx_messages_search', pg_get_indexdef(indexrelid, 0, true) FROM pg_index
    WHERE indexrelid = to_regclass('idx_messages_search') AND indisvalid
UNION ALL SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid = to_regclass('messages') AND tgname = ANY (:names)
    AND tgenabled IN ('O', 'A')
UNION ALL SELECT 'search', format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass('messages') AND attname = 'search' AND attgenerated = ''
""")


def found_changed(connection: Connection) -> list[str]:
    """Names of what is missing or not as it was made, in the order in which it can be created."""
    rows = connection.execute(_FOUND, {"names": list(HEAD_DDL)})
    found = {name: _canonical(made or "") for name, made in rows}
    return [name for name, sql in HEAD_DDL.items() if found.get(name) != _canonical(_made_by(sql))]


def check(connection: OpenConnection) -> list[str]:
    """What is wrong with the index, in words; nothing when all is well.

    Makes the words of every message anew and compares, which takes as long as to index them. A
    damaged page of the index itself is not looked for.
    """
    keep_as_it_is(connection)
    problems = [f"{name} is missing or not as it was made" for name in changed(connection)]
    problems += kept.unready(connection)
    return problems or list(_disagreements(connection))


def keep_as_it_is(connection: OpenConnection) -> None:
    """Wait for who makes the index anew, and let nobody begin until the transaction ends.

    What is made anew is empty to an older snapshot, in which it is ready: a search would find
    nothing. The lock takes no snapshot, so what follows sees what was committed before it.
    """
    connection.run("LOCK TABLE messages IN ACCESS SHARE MODE")


def _disagreements(connection: OpenConnection) -> Iterator[str]:
    """In short statements, so that a limit for one statement does not end it."""
    last: int | None = 0
    missing = wrong = 0
    while last is not None:
        found = connection.core.execute(_COMPARED, {"after": last}).one()
        last, missing, wrong = found.last, missing + found.missing, wrong + found.wrong
    if missing:
        yield f"{missing} messages are not in it"
    if wrong:
        yield f"it does not agree with {wrong} messages"


_COMPARED = text(f"""\
SELECT max(id) AS last, count(*) FILTER (WHERE search IS NULL) AS missing,
    count(*) FILTER (WHERE search <> made) AS wrong
FROM (SELECT id, search, {MADE} AS made FROM messages
    WHERE id > :after ORDER BY id LIMIT 2000) AS compared""")


def changed(connection: OpenConnection) -> list[str]:
    """Names of what is missing or not as it was made."""
    return found_changed(connection.core)


def create(connection: OpenConnection) -> None:
    """Make an empty column and index in place of what is there, and all that they are made by.

    Nothing can be read or written until the transaction ends: one or two seconds for a million
    messages. Messages written from then on are in the index.
    """
    _lock_messages(connection)
    for statement in (*DROPS, *HEAD_DDL.values()):
        connection.run(statement)
    kept.record(connection, "incomplete", kept.BEING_BUILT)
    connection.run("UPDATE search_index SET filled = 0")


def _lock_messages(connection: OpenConnection) -> None:
    """Keep all others from the messages; behind a read that takes longer, give way and fail.

    Whoever wants to read or write waits behind this lock as long as it is waited for. The writer
    tries again, after a pause in which they get on.
    """
    connection.run(_WAIT_BRIEFLY)
    connection.run("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")


_WAIT_BRIEFLY = """\
SELECT set_config('lock_timeout', '500ms', true) WHERE current_setting('lock_timeout') = '0'
    OR CAST(current_setting('lock_timeout') AS interval) > interval '500ms'"""
"""Shorter than `deadlock_timeout` is of itself, so that of two an agent is not the one to end."""


def newest(connection: OpenConnection) -> int:
    """The id of the last message to be indexed: later ones are, as they are written."""
    upto: int = connection.core.execute(_NEWEST).scalar_one()
    return upto


_NEWEST = text("SELECT coalesce(max(id), 0) FROM messages")


def unindexed(connection: OpenConnection, after: int, upto: int, most: int) -> Rows:
    """Id and length of the next messages, from after one id to another, to be indexed."""
    return connection.core.execute(_UNINDEXED, {"after": after, "upto": upto, "most": most})


_UNINDEXED = text("""\
SELECT id, coalesce(length(content), 0) + coalesce(length(tool_calls), 0) FROM messages
WHERE id > :after AND id <= :upto AND id > (SELECT filled FROM search_index)
ORDER BY id LIMIT :most""")

_INDEX = text(f"""\
UPDATE messages SET search = {MADE}
WHERE id BETWEEN :first AND :last AND (search IS NULL OR search <> {MADE})""")

_FILLED = text("UPDATE search_index SET filled = :last")


def index(connection: OpenConnection, first: int, last: int) -> None:
    """Bring `folded` and `search` of messages up to date, wherever they are not.

    Both are made of a row as it is once it is locked, whoever changed it meanwhile.
    """
    fill_those(connection, outdated(connection, first, last))
    connection.core.execute(_INDEX, {"first": first, "last": last})
    connection.core.execute(_FILLED, {"last": last})


def merge(_run: Run) -> None:
    """Nothing: PostgreSQL cleans its index by itself."""


def _made_by(sql: str) -> str:
    """The part of a statement that the server gives back."""
    if "$$" in sql:
        return sql.split("$$")[1]
    for before in ("AS\n", "IMMUTABLE\n", "ADD COLUMN search "):
        if before in sql:
            return sql.partition(before)[2]
    return sql


def _canonical(sql: str) -> str:
    """`sql` without what the server writes in its own way."""
    sql = sql.replace(r"E' \x1c '", "' \x1c '").replace("::text", "")
    sql = sql.replace("::tsvector", "")
    sql = re.sub(r"\b(messages|public)\.", "", sql.lower())
    return re.sub(r'[\s()";]', "", sql)
