"""The same work by psycopg alone, as one would write it by hand: a pool, a COMMIT for each message.

The pool has a connection for every thread, so that the server commits for them side by side. With
one connection it is a lock.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import psycopg
from sqlalchemy import URL

from benchmarks.contenders import by_hand
from benchmarks.contenders.changes_by_hand import ChangesByHand
from benchmarks.contenders.search_by_hand import PAGE, REWOUND, SearchByHand
from benchmarks.corpus import Message
from hermes_store.search.postgresql import RANKED


def translated(sql: str) -> str:
    """The statements are those for SQLite; only parameters are marked in another way."""
    return re.sub(r":(\w+)", r"%(\1)s", sql).replace("?", "%s")


CREATE, COUNT_IN = translated(by_hand.CREATE), translated(by_hand.COUNT_IN)
INSERT = translated(by_hand.INSERT)
CONVERSATION = translated(by_hand.CONVERSATION)
LIST_NEWEST, LIST_ACTIVE = translated(by_hand.LIST_NEWEST), translated(by_hand.LIST_ACTIVE)


def connect(url: URL) -> psycopg.Connection[Any]:
    """A connection on which transactions are begun by hand."""
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


class PsycopgByHand:
    def __init__(self, url: URL, connections: int = 1) -> None:
        self.path = url
        self._idle: SimpleQueue[psycopg.Connection[Any]] = SimpleQueue()
        self._all = [connect(url) for _ in range(connections)]
        for connection in self._all:
            self._idle.put(connection)

    def close(self) -> None:
        for connection in self._all:
            connection.close()

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        with self._connected() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def create_session(self, session_id: str) -> None:
        now = time.time()
        with self._connected() as connection:
            connection.execute(CREATE, (session_id, "cli", "a-model", now, now))

    def append(self, session_id: str, message: Message) -> int:
        values, calls = by_hand.row(session_id, message)
        with self._transaction() as connection:
            _count_in(connection, session_id, 1, calls, values[6])
            return connection.execute(f"{INSERT} RETURNING id", values).fetchone()[0]

    def append_many(self, session_id: str, messages: list[Message]) -> None:
        """Without the ids of the new rows; psycopg sends the statements without waiting."""
        rows = [by_hand.row(session_id, message) for message in messages]
        calls, latest = sum(calls for _, calls in rows), max(values[6] for values, _ in rows)
        with self._transaction() as connection:
            _count_in(connection, session_id, len(rows), calls, latest)
            connection.cursor().executemany(INSERT, [values for values, _ in rows])

    def load(self, session_id: str) -> list[dict[str, Any]]:
        with self._connected() as connection:
            rows = connection.execute(CONVERSATION, (session_id,)).fetchall()
        return [by_hand.conversation_message(row) for row in rows]

    def list_newest(self, limit: int) -> list[dict[str, Any]]:
        return self._list(LIST_NEWEST, limit)

    def list_active(self, limit: int) -> list[dict[str, Any]]:
        return self._list(LIST_ACTIVE, limit)

    def _list(self, sql: str, limit: int) -> list[dict[str, Any]]:
        with self._connected() as connection:
            parameters = {"blanks": by_hand.BLANKS, "limit": limit}
            rows = connection.execute(sql, parameters).fetchall()
        return [by_hand.listing(row) for row in rows]


def _count_in(
    connection: psycopg.Connection[Any], session_id: str, added: int, calls: int, at: float
) -> None:
    if not connection.execute(COUNT_IN, (added, calls, at, at, session_id)).rowcount:
        raise KeyError(session_id)


class PsycopgChanges(ChangesByHand):
    """Changes and pages of a long conversation by the same SQL."""

    BEGIN, CALLS = "BEGIN", "CAST(tool_calls AS json)"
    connected = staticmethod(connect)
    sql = staticmethod(translated)


class PsycopgSearch(SearchByHand):
    """Search by the statements of the store; `match` is a tsquery."""

    PAGE = translated(PAGE).replace(
        "SELECT value FROM json_each(%(ids)s)", "SELECT unnest(CAST(%(ids)s AS bigint[]))"
    )
    given = list
    BY_RELEVANCE = "ts_rank(search, CAST(%(match)s AS tsquery), 1) DESC, id DESC"

    def __init__(self, url: URL) -> None:
        self.db = connect(url)
        self.close = self.db.close

    def _find(self, match: str, newest: bool, _source: str | None) -> list[int]:
        found = (
            "SELECT id, search FROM messages WHERE search @@ CAST(%(match)s AS tsquery)"
            f" AND id NOT IN ({REWOUND}) ORDER BY id DESC"
        )
        if newest:
            statement = found.replace("id, search", "id")
        else:
            newest_hits = f"({found} LIMIT {RANKED}) AS found"
            statement = f"SELECT id FROM {newest_hits} ORDER BY {self.BY_RELEVANCE}"
        rows = self.db.execute(f"{statement} LIMIT 20 OFFSET 0", {"match": match}).fetchall()
        return [message_id for (message_id,) in rows]
