"""The repository that agent code opens, and the transaction it can give."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import URL, Connection, CursorResult, Executable
from sqlalchemy.orm import Session as OrmSession

from hermes_store import values
from hermes_store.api.operations import Operations
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import TransactionOverError
from hermes_store.execution.savepoint import run_in_savepoint
from hermes_store.execution.store import Engines, Store, read_any_text
from hermes_store.queries import messages, sessions, upkeep
from hermes_store.queries.listing import Filter
from hermes_store.records import SessionExport
from hermes_store.search.choice import search_of
from hermes_store.search.running import Progress
from hermes_store.settings import make_settings
from hermes_store.transfer import sessions as transfer

__all__ = ["SessionRepository", "Transaction"]

P = ParamSpec("P")
R = TypeVar("R")


class Transaction(Operations):
    """Several operations as one: `SessionRepository.transaction()` commits or rolls back all.

    It reads what it has written. Use it in the thread that opened it, and not after its block.
    """

    def __init__(self, connection: OpenConnection) -> None:
        self._connection: OpenConnection | None = connection

    @property
    def connection(self) -> Connection:
        """The SQLAlchemy connection; leave commit and rollback to the block."""
        return self._open.core

    @property
    def _open(self) -> OpenConnection:
        if self._connection is None:
            raise TransactionOverError
        return self._connection

    def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run a SQLAlchemy statement of your own in this transaction."""
        return self.connection.execute(statement, parameters)

    def end(self) -> None:
        """Refuse further calls; the block calls it."""
        self._connection = None

    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        connection = self._open
        return read_any_text(connection, lambda: function(connection, *args, **kwargs))

    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        def operation(connection: OpenConnection) -> R:
            return function(connection, *args, **kwargs)

        connection = self._open
        return run_in_savepoint(connection, operation, search_of(connection.backend).repair)


class SessionRepository(Operations):
    """Sessions and messages of AI agents in one database. Usable from many threads.

    What a method returned from is committed, and visible to every later read. Close it, or use it
    as a context manager.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | URL | None = None,
        pool_size: int | None = None,
        batch_size: int | None = None,
        batch_wait_ms: float | None = None,
        enable_batching: bool = True,
        **settings: Any,
    ) -> None:
        """Open the database, creating and upgrading a SQLite file as need be.

        `db_path` is a path or a SQLAlchemy URL; without it, `$HERMES_HOME/state.db`, else
        `~/.hermes/state.db`. The keywords are the fields of `hermes_store.Settings`. Raises
        `InvalidArgumentError`, and `SchemaError` for a file that cannot be used.
        """
        self._store = Store(
            db_path,
            make_settings(
                pool_size=pool_size,
                batch_size=batch_size,
                batch_wait_ms=batch_wait_ms,
                enable_batching=enable_batching,
                **settings,
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SessionRepository({self.url.render_as_string(hide_password=True)!r})"

    @property
    def url(self) -> URL:
        """Where the database is."""
        return self._store.url

    @property
    def engines(self) -> Engines:
        """SQLAlchemy's engines, `write` and `read`: listen to their events, or instrument them.

        As soon as somebody listens to statements, every statement of every method is seen.
        """
        return self._store.engines

    def close(self) -> None:
        """Let running operations finish, refuse all others with `StoreClosedError`. Idempotent.

        Raises `NestedTransactionError` inside `transaction()`, and `StoreBusyError` when another
        thread stays in its transaction for longer than `lock_timeout`.
        """
        self._store.close()

    # --- several operations as one --------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a `Transaction`: all its operations are committed together, or none.

        Holds the write lock until the block ends: keep it short, and call no method of the
        repository inside that writes (`NestedTransactionError`). What the block raises rolls back.
        """
        with self._store.transaction() as connection:
            transaction = Transaction(connection)
            try:
                yield transaction
            finally:
                transaction.end()

    @contextmanager
    def orm_session(self) -> Iterator[OrmSession]:
        """Give an `sqlalchemy.orm.Session` for ad-hoc work with `hermes_store.models`.

        It works in one write transaction, which is committed when the block ends and rolled back
        when it raises. Counters of sessions are not kept for messages that are added so.
        """
        with (
            self._store.transaction() as connection,
            OrmSession(connection.core, join_transaction_mode="create_savepoint") as session,
        ):
            yield session
            session.commit()

    # --- more than one call's worth -------------------------------------------------------------

    def iter_export(self, source: str | None = None) -> Iterator[SessionExport]:
        """Yield every session with its messages, the last started first, from one snapshot.

        Holds one session in memory at a time. Exhaust or close it: it keeps a read connection.
        """
        which = Filter(values.source_filter(source))
        return self._stream(which)

    def _stream(self, which: Filter) -> Iterator[SessionExport]:
        with self._store.reading() as connection:
            yield from transfer.iterate(connection, which)

    def get_stats(self) -> dict[str, Any]:
        """Return counts of this process's writes, of sessions and messages, and what is in force.

        `library` and `version` name the database library, `wal_reset_bug` says whether it has
        that bug of SQLite, `journal_mode` and `synchronous` how commits are kept, `file_bytes`
        the size. Reads only.
        """
        writes = self._store.statistics()
        return {
            **writes,
            "write_count": writes["total_writes"],
            "sessions": self._read(sessions.count, None),
            "messages": self._read(messages.count, None),
            "pool_size": self._store.settings.pool_size,
            "synchronous": self._store.settings.synchronous,
            **self._read(lambda connection: connection.backend.describe(connection.core)),
        }

    def check(self) -> list[str]:
        """Return what is wrong with the file, its references, counters and search index, in words.

        An empty list when all is well. Reads everything, and compares the index with every
        message; other processes cannot write while it does that.
        """
        return [*self._read(upkeep.problems), *self._write(search_of(self._store.backend).check)]

    def reindex(self, progress: Progress | None = None) -> None:
        """Build the search index anew, in short transactions between those of others.

        Goes on where an earlier call was interrupted. `progress` is called with how many messages
        are indexed and how many there are. Raises `StoreBusyError` while another process does it.
        """
        search_of(self._store.backend).reindex(self._write, progress)

    def optimize(self) -> None:
        """Merge the search index and give unused space back; deleted text is in no byte any more.

        On SQLite the file is rewritten (VACUUM), which takes as much free disk as it is long, and
        others cannot write meanwhile. PostgreSQL frees the space for its own use only. Raises
        `StoreBusyError` while a reader or writer is in the way, and `SearchIndexError`.
        """
        search_of(self._store.backend).merge(self._write)
        self._store.compact()

    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return self._store.read(function, *args, **kwargs)

    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return self._store.write(function, *args, **kwargs)
