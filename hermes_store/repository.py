"""The classes that agent code imports: the repository, and the transaction that it gives.

What both can do stands in `hermes_store.api`, a topic a file: `api/operations.py` lists the topics.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar, Unpack

from sqlalchemy import URL, Connection, CursorResult, Executable

from hermes_store.api.care import Care
from hermes_store.api.operations import Operations
from hermes_store.api.retention import apply_at_close
from hermes_store.database.address import shown
from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import translate_error, unknown_error
from hermes_store.database.late_engine import Engines
from hermes_store.errors import TransactionOverError, TransactionRolledBackError
from hermes_store.execution.readers import read_any_text
from hermes_store.execution.savepoint import run_in_savepoint
from hermes_store.execution.store import Store
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.records import SessionExport
from hermes_store.search.choice import repair_of
from hermes_store.settings import MoreSettings, make_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as OrmSession

__all__ = ["SessionRepository", "Transaction"]

P = ParamSpec("P")
R = TypeVar("R")


class SessionRepository(Operations, Care):
    """Sessions and messages of AI agents in one database. Usable from many threads.

    When a method returns, its write is committed and every later read sees it. Close the
    repository, or use it as a context manager.
    """

    def __init__(
        self,
        db_path: str | os.PathLike[str] | URL | None = None,
        pool_size: int | None = None,
        batch_size: int | None = None,
        batch_wait_ms: float | None = None,
        enable_batching: bool | None = True,
        **settings: Unpack[MoreSettings],
    ) -> None:
        """Open the database, creating and upgrading a SQLite file as need be.

        `db_path` is a path or a SQLAlchemy URL; without it, `$HERMES_HOME/state.db`, else
        `~/.hermes/state.db`. The keywords are the fields of `hermes_store.Settings`; None means the
        default. Raises `InvalidArgumentError`, and `SchemaError` for a file that cannot be used.
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
        return f"SessionRepository({shown(self.url)!r})"

    @property
    def url(self) -> URL:
        """Where the database is."""
        return self._store.url

    @property
    def engines(self) -> Engines:
        """SQLAlchemy's engines, `write` and `read`: listen to their events, or instrument them.

        As soon as a program listens to statements, it sees every statement of every method.
        """
        return self._store.engines

    def close(self) -> None:
        """Let running operations finish, refuse all others with `StoreClosedError`. Idempotent.

        Raises `NestedTransactionError` inside `transaction()`, and `StoreBusyError` when another
        thread stays in its transaction for longer than `lock_timeout`.
        """
        if self._store.settings.retention_at_close and not self._store.is_read_only:
            apply_at_close(self._store)
        self._store.close()

    # --- several operations as one --------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Give a `Transaction`: all its operations are committed together, or none.

        Holds the write lock until the block ends: keep it short, and call no method of the
        repository inside that writes (`NestedTransactionError`). What the block raises rolls back.
        """
        with self._store.transaction() as connection, transaction_on(connection) as transaction:
            yield transaction

    @contextmanager
    def orm_session(self) -> Iterator[OrmSession]:
        """Give an `sqlalchemy.orm.Session` for ad-hoc work with `hermes_store.models`.

        It works in one write transaction, which is committed when the block ends and rolled back
        when it raises. Whatever is added, changed or deleted, object by object or by a bulk
        statement, counters and the search index agree with the messages. Raises
        `SessionNotFoundError` and `InvalidArgumentError`, as the repository's methods do.
        """
        from hermes_store.api.orm import ConversationSession  # noqa: PLC0415 - only where used

        with (
            self._store.transaction() as connection,
            ConversationSession(connection) as session,
        ):
            yield session
            session.commit()

    # --- more than one call's worth -------------------------------------------------------------

    def iter_export(
        self,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> Iterator[SessionExport]:
        """Yield every session with its messages, the last started first, from one snapshot.

        Without a filter archived sessions are exported, too. Holds one session in memory at a
        time. Exhaust or close it: it keeps a read connection.
        """
        which = asked(filter, EVERYTHING, source)  # checked by the call, not by the first step
        return self._stream(which)

    def _stream(self, which: SessionFilter) -> Iterator[SessionExport]:
        from hermes_store.transfer.exports import iterate  # noqa: PLC0415 - seldom used

        with self._store.reading() as connection:
            yield from iterate(connection, which)

    # --- the doors: a transaction of its own for each operation ---------------------------------

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
        """Run a SQLAlchemy statement of your own in this transaction.

        Its errors are SQLAlchemy's. After one of them PostgreSQL takes no further statement, nor
        a call of this object: `TransactionRolledBackError`. Put a statement that may fail inside
        `with transaction.connection.begin_nested():`, and the transaction goes on.
        """
        connection = self._open
        try:
            return connection.core.execute(statement, parameters)
        except connection.errors as exc:
            _refuse_further(connection, exc)
            raise

    def end(self) -> None:
        """Refuse further calls; the block calls it."""
        self._connection = None

    # --- the doors: one connection, a savepoint for each write ----------------------------------

    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        connection = self._open
        with _unknown_errors_typed(connection):
            return read_any_text(connection, lambda: function(connection, *args, **kwargs))

    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        def operation(connection: OpenConnection) -> R:
            connection.look_at_triggers()
            return function(connection, *args, **kwargs)

        connection = self._open
        with _unknown_errors_typed(connection):
            return run_in_savepoint(connection, operation, repair_of(connection.backend))


@contextmanager
def transaction_on(connection: OpenConnection) -> Iterator[Transaction]:
    """Give the block a `Transaction` on a connection that is in one; it is over with the block."""
    transaction = Transaction(connection)
    try:
        yield transaction
    finally:
        transaction.end()


@contextmanager
def _unknown_errors_typed(connection: OpenConnection) -> Iterator[None]:
    """Type unknown errors. A known one stays the driver's, because `transaction()` looks at it."""
    try:
        yield
    except connection.errors as exc:
        if translate_error(connection.backend, exc) is exc:
            raise unknown_error(connection.backend, exc) from exc
        _refuse_further(connection, exc)
        raise


def _refuse_further(connection: OpenConnection, exc: Exception) -> None:
    """Raise the typed error when the server has given the whole transaction up."""
    known = translate_error(connection.backend, exc)
    if isinstance(known, TransactionRolledBackError) and not connection.may_commit:
        raise known from exc
