"""The newest messages, which wait to enter SQLite's index together.

Those of a long run that follow each other at once do. A message after a pause, or early in a run,
enters the index with all that wait, so that none waits where an agent says something now and then.

A search indexes them before it looks. Where it cannot, because another program writes, the file is
read only or a transaction is the caller's, it makes an index of them in memory: they are fewer than
`ddl.TOGETHER`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection, RunAgainError
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.statements import Statement
from hermes_store.search.ddl import IN_MEMORY

__all__ = [
    "PATIENCE",
    "WaitingError",
    "index",
    "is_long",
    "looked_at",
    "may_wait",
    "require_looked_at",
    "scores_in_memory",
]

PATIENCE = 0.05
"""Seconds that a search waits for a lock, to index what it can else look at in memory."""

P = ParamSpec("P")
R = TypeVar("R")


class WaitingError(RunAgainError):
    """The newest messages are not in the index: index them, or have them `looked_at`."""


def require_looked_at(connection: OpenConnection) -> None:
    """Have the search look at the messages that wait.

    Raises `WaitingError` where they can be indexed before. In a transaction of the caller they are
    looked at: there a search writes nothing, and meets no damage that would end the transaction.
    """
    if connection.is_for_one_read and not connection.looks_at_waiting:
        raise WaitingError
    connection.looks_at_waiting = True


def looked_at(
    function: Callable[Concatenate[OpenConnection, P], R],
) -> Callable[Concatenate[OpenConnection, P], R]:
    """A search that looks at each message that waits, if there are any."""

    def searching(connection: OpenConnection, /, *args: P.args, **kwargs: P.kwargs) -> R:
        connection.looks_at_waiting = True
        try:
            return function(connection, *args, **kwargs)
        finally:
            connection.looks_at_waiting = False

    return searching


def index(connection: OpenConnection) -> None:
    """Put the messages that wait into an index that is ready."""
    if _ARE_THERE.run(connection).fetchone():
        _INDEX.run(connection)
        _RECORD.run(connection)


_ARE_THERE = Statement(
    text("""\
SELECT 1 FROM messages WHERE id > (SELECT indexed_upto FROM search_index WHERE state = 'ready')""")
)

_INDEX = Statement(
    text("""\
INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)
SELECT id, content, tool_name, tool_calls, forms FROM messages_text
WHERE id > (SELECT indexed_upto FROM search_index)""")
)

_RECORD = Statement(text("UPDATE search_index SET indexed_upto = (SELECT max(id) FROM messages)"))


SUCCESSION = 0.01
"""Seconds since the last COMMIT of a process, within which a message waits for the next."""

_BETWEEN_RUNS = 1.0
"""Seconds that end a run: while other processes write, one waits for the lock now and then."""

FEW = 32
"""So many messages of a run do not wait: other tools find at once what an agent says in one go."""

_LONGEST = 4_000
"""Characters of a message that may wait: to index 31 such takes 20 ms, 50 if all are Chinese."""


def may_wait(
    connection: OpenConnection, columns: Mapping[str, Any], *, among: int = 1
) -> int | None:
    """What `messages.may_wait` is for a message, the last `among` so many that are stored at once.

    Those before it wait for it, unless they are long.
    """
    connection.in_a_run += among
    if not _is_late_in_a_run(connection):
        return None
    return None if is_long(columns) else 1


def _is_late_in_a_run(connection: OpenConnection) -> bool:
    seconds = monotonic() - connection.committed_at
    if seconds > _BETWEEN_RUNS:
        connection.in_a_run = 1
    return seconds <= SUCCESSION and connection.in_a_run > FEW


def is_long(columns: Mapping[str, Any]) -> bool:
    """Whether a message is indexed at once, as that takes longer than a piece of the index.

    31 of them would keep other programs from writing for seconds.
    """
    get = columns.get
    length = len(get("content") or "") + len(get("tool_calls") or "")
    return length + len(get("tool_name") or "") + len(get("folded") or "") > _LONGEST


def scores_in_memory(rows: Iterable[Any], match: str) -> dict[int, float]:
    """The ids of those that an FTS5 expression finds, with their bm25 among each other.

    A row is an id and what the columns of the index take of the message; of a row that is older
    than the one before, FTS5 would write a piece of its own. The less a score, the better.
    """
    with closing(sqlite_driver().connect(":memory:")) as memory:
        memory.execute(IN_MEMORY)
        memory.executemany(
            "INSERT INTO messages_fts(rowid, content, tool_name, tool_calls, forms)"
            " VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        found = "SELECT rowid, bm25(messages_fts) FROM messages_fts WHERE messages_fts MATCH ?"
        return dict(memory.execute(found, (match,)))
