"""The PostgreSQL databases that are measured: made by the project's own revisions, filled, counted.

The server is the run's own. Its settings are PostgreSQL's, so a COMMIT is on the disk when it
returns (`fsync` and `synchronous_commit` are on).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import URL

from benchmarks.contenders.psycopg_by_hand import CREATE, PsycopgByHand, connect
from benchmarks.corpus import Corpus
from benchmarks.files import SOURCES, START
from hermes_store import migrate
from tools import local_postgres


class Databases:
    """The databases of a server that runs."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._made = 0
        self._template = self.empty()
        migrate.upgrade(self._template)

    def new(self) -> URL:
        """An empty database at head."""
        return self._create(str(self._template.database))

    def empty(self) -> URL:
        """A database without a schema."""
        return self._create("template0")

    def filled(self, sessions: int, long_ones: Iterable[int]) -> URL:
        """A database of `sessions` sessions with 20 messages each, and of long ones."""
        url = self.new()
        store, corpus = PsycopgByHand(url), Corpus(2)
        with connect(url) as connection:
            for number in range(sessions):
                session_id, started = f"stored-{number:06d}", START + 60.0 * number
                created = (session_id, SOURCES[number % 3], "a-model", started, started)
                connection.execute(CREATE, created)
                store.append_many(session_id, corpus.messages(20))
            for length in long_ones:
                store.create_session(f"long-{length}")
                store.append_many(f"long-{length}", Corpus(length).messages(length))
            connection.execute("VACUUM (ANALYZE)")  # as the server would in a quiet minute
        store.close()
        return url

    def version(self) -> str:
        """The server's, as it writes it."""
        with connect(self._server) as connection:
            return connection.execute("SHOW server_version").fetchone()[0].split()[0]

    def _create(self, template: str) -> URL:
        self._made += 1
        url = self._server.set(
            drivername="postgresql+psycopg", database=f"benchmark_{self._made:03d}"
        )
        names = (sql.Identifier(str(url.database)), sql.Identifier(template))
        with connect(self._server) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return url


@contextmanager
def databases(folder: Path, settings: Mapping[str, str]) -> Iterator[Databases]:
    """Start a server in `folder`, and stop it at the end."""
    server = local_postgres.start(folder, settings)
    try:
        yield Databases(server)
    finally:
        local_postgres.stop(folder)


def finish(writers: dict[str, Any], expected: int) -> None:
    """Close the contenders; each database must hold the messages that were acknowledged."""
    for writer in writers.values():
        writer.close()
        with connect(writer.path) as connection:
            count_messages(connection, expected)


def count_messages(connection: psycopg.Connection[Any], expected: int) -> None:
    """Raise `RuntimeError` unless `expected` messages are stored, and the counters say so."""
    stored = connection.execute("SELECT count(*) FROM messages").fetchone()[0]
    counted = connection.execute("SELECT sum(message_count) FROM sessions").fetchone()[0]
    if not stored == counted == expected:
        raise RuntimeError(f"{expected} acknowledged, {stored} stored, {counted} counted")
