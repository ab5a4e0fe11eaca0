"""Fill the search index, build it anew or merge it, while other processes go on writing.

Every step is a short transaction, so a process that is killed leaves a store that works, with an
index that is incomplete; the next call goes on where it stopped. One process does it at a time.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from sqlalchemy.exc import DatabaseError

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import HermesStoreError, StoreBusyError
from hermes_store.search import index, triggers
from hermes_store.search.ddl import HEAD_DDL, TRIGGERS
from hermes_store.search.running import Progress, Run

__all__ = ["backfill", "create", "merge", "reindex"]

LEASE_SECONDS = 30.0
"""How long after its last step a rebuild is taken to be alive, when its process cannot be seen."""

_STEP_CHARACTERS = 1_000_000
_STEP_MESSAGES = 2_000
_PAUSE_SECONDS = 0.01
_PAGES_MERGED_AT_ONCE = 500


def reindex(run: Run, progress: Progress | None = None) -> None:
    """Build the index anew; when an earlier call was interrupted, finish what it began.

    Raises `StoreBusyError` while another process does the same.
    """
    owner = _new_owner()
    run(lambda connection: _begin(connection, owner))
    with _owning(run, owner):
        _fill(run, owner, progress, deadline=None)


def backfill(run: Run, progress: Progress | None = None, *, seconds: float | None = None) -> bool:
    """Index the messages that are not in the index yet; True when search can answer.

    Stops early, between two steps, after `seconds`; another call goes on. Does nothing to an index
    that is ready or damaged. Raises `StoreBusyError` while another process fills it.
    """
    owner = _new_owner()
    deadline = None if seconds is None else time.monotonic() + seconds
    if run(lambda connection: _claim_incomplete(connection, owner)):
        with _owning(run, owner):
            return _fill(run, owner, progress, deadline)
    return bool(run(lambda connection: index.state(connection).state == "ready"))


def merge(run: Run) -> None:
    """Merge the index into one piece, in short transactions: then deleted words are in it no more.

    Raises `SearchIndexError` when there is no index that could be merged.
    """
    pages = -_PAGES_MERGED_AT_ONCE  # negative: begin with all pieces, however few they are
    while run(partial(_merge_some, pages=pages)):
        pages = _PAGES_MERGED_AT_ONCE
        time.sleep(_PAUSE_SECONDS)


def create(connection: OpenConnection) -> None:
    """Make an empty index in place of whatever is there; messages written from now on are in it."""
    for trigger in TRIGGERS:
        connection.core.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
    connection.core.exec_driver_sql("DROP VIEW IF EXISTS messages_search")
    _drop_index(connection)
    index.record(connection, "incomplete", "it is being built")
    for name, sql in HEAD_DDL.items():
        if name != "search_index":
            connection.core.exec_driver_sql(sql)


# --- one owner ----------------------------------------------------------------------------------


def _new_owner() -> str:
    return f"{socket.gethostname()} process {os.getpid()} {uuid.uuid4().hex[:8]}"


def _begin(connection: OpenConnection, owner: str) -> None:
    triggers.drop_foreign(connection)
    interrupted = index.state(connection).state == "incomplete"
    if not (interrupted and not index.changed_objects(connection)):
        _refuse_while_owned(connection)
        create(connection)
    _claim(connection, owner)


def _claim_incomplete(connection: OpenConnection, owner: str) -> bool:
    incomplete = index.state(connection).state == "incomplete"
    if incomplete:
        _claim(connection, owner)
    return incomplete


def _claim(connection: OpenConnection, owner: str) -> None:
    _refuse_while_owned(connection)
    _renew(connection, owner)


def _refuse_while_owned(connection: OpenConnection) -> None:
    row = connection.core.exec_driver_sql(
        "SELECT owner FROM search_index WHERE owned_until > ?", (time.time(),)
    ).one_or_none()
    if row is not None and row.owner and not _is_gone(row.owner):
        raise StoreBusyError(0.0, f"a reindex ({row.owner})")


def _is_gone(owner: str) -> bool:
    """Whether the owner is a process of this machine that has ended."""
    host, _, rest = owner.rpartition(" process ")
    if host != socket.gethostname() or not hasattr(os, "fork"):  # Windows: kill would end it
        return False
    try:
        os.kill(int(rest.split()[0]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


@contextmanager
def _owning(run: Run, owner: str) -> Iterator[None]:
    """Give it up when it fails, so that the next call need not wait until this one is forgotten."""
    try:
        yield
    except BaseException:
        with suppress(HermesStoreError, DatabaseError):  # else it is forgotten after a while
            run(lambda connection: connection.core.exec_driver_sql(_GIVE_UP, (owner,)))
        raise


_GIVE_UP = "UPDATE search_index SET owner = NULL, owned_until = NULL WHERE owner = ?"


def _renew(connection: OpenConnection, owner: str | None) -> None:
    until = time.time() + LEASE_SECONDS if owner else None
    connection.core.exec_driver_sql(
        "UPDATE search_index SET owner = ?, owned_until = ?", (owner, until)
    )


# --- step by step -------------------------------------------------------------------------------


def _fill(run: Run, owner: str, progress: Progress | None, deadline: float | None) -> bool:
    total, unindexed = run(_counts)
    done = total - unindexed
    last: int | None = 0
    while last is not None:
        if progress is not None:
            progress(min(done, total), total)
        if deadline is not None and time.monotonic() > deadline:
            run(lambda connection: _renew(connection, None))
            return False
        count, last = run(partial(_step, owner=owner, after=last))
        done += count
        time.sleep(_PAUSE_SECONDS)  # SQLite's lock is not fair: let others have it
    return True


def _merge_some(connection: OpenConnection, pages: int) -> bool:
    """Merge about so many pages of the index; whether there may be more to do.

    https://sqlite.org/fts5.html#the_merge_command tells the end by `total_changes`.
    """
    index.require_ready(connection)
    changes = "SELECT total_changes()"
    before: int = connection.core.exec_driver_sql(changes).scalar_one()
    connection.core.exec_driver_sql(
        "INSERT INTO messages_fts(messages_fts, rank) VALUES ('merge', ?)", (pages,)
    )
    after: int = connection.core.exec_driver_sql(changes).scalar_one()
    return after - before > 1


def _counts(connection: OpenConnection) -> tuple[int, int]:
    total = connection.core.exec_driver_sql("SELECT count(*) FROM messages").scalar_one()
    return total, index.count_unindexed(connection)


def _step(connection: OpenConnection, owner: str, after: int) -> tuple[int, int | None]:
    """Index some messages after an id; how many, and the last one's id: None at the end."""
    if connection.core.exec_driver_sql("SELECT owner FROM search_index").scalar() != owner:
        raise StoreBusyError(0.0, "another reindex")
    ids = _next_ids(connection, after)
    if ids:
        connection.core.exec_driver_sql(_INDEX, (ids[0], ids[-1]))
        _renew(connection, owner)
        return len(ids), ids[-1]
    index.record(connection, "ready")
    _renew(connection, None)
    return 0, None


def _next_ids(connection: OpenConnection, after: int) -> list[int]:
    ids: list[int] = []
    characters = 0
    for id_, length in connection.core.exec_driver_sql(_UNINDEXED, (after, _STEP_MESSAGES)):
        ids.append(id_)
        characters += length
        if characters >= _STEP_CHARACTERS:
            break
    return ids


_UNINDEXED = """\
SELECT m.id, coalesce(length(m.content), 0) + coalesce(length(m.tool_calls), 0)
FROM messages AS m WHERE m.id > ?
AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)
ORDER BY m.id LIMIT ?"""

_INDEX = """\
INSERT INTO messages_fts(rowid, content, tool_name, tool_calls)
SELECT m.id, m.content, m.tool_name, m.tool_calls
FROM messages_search AS m WHERE m.id BETWEEN ? AND ?
AND NOT EXISTS (SELECT 1 FROM messages_fts_docsize AS d WHERE d.id = m.id)
ORDER BY m.id"""


# --- dropping -----------------------------------------------------------------------------------


def _drop_index(connection: OpenConnection) -> None:
    """Drop the FTS5 table, or what is left of it.

    SQLite opens the table to drop it, which fails when one of FTS5's own tables is missing or
    damaged; those of an empty index in their place are enough.
    """
    try:
        connection.core.exec_driver_sql("DROP TABLE IF EXISTS messages_fts")
    except DatabaseError:
        for name, columns in index.SHADOWS.items():
            connection.core.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name} {columns}")
        connection.core.exec_driver_sql(
            "INSERT OR REPLACE INTO messages_fts_config(k, v) VALUES ('version', 4)"
        )
        connection.core.exec_driver_sql(
            "INSERT OR REPLACE INTO messages_fts_data(id, block) VALUES (10, zeroblob(7))"
        )
        connection.core.exec_driver_sql("DROP TABLE messages_fts")
    for name in index.SHADOWS:
        connection.core.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
