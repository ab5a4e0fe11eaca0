"""One database as a repository uses it: how it reads, how it writes, and what it shares.

Repositories on the same file in one process share a writer, so a process has one write connection
to a file. Repositories with equal settings also share the read connections. The last repository
that is closed or garbage-collected closes them. The child of a fork starts without connections.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import URL

from hermes_store.database.address import Address, identity, read_url_of, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection, SnapshotNeededError
from hermes_store.database.driver import sqlite_driver
from hermes_store.database.failures import again_if_lost, retry_while_busy, typed_errors
from hermes_store.database.late_engine import Engines
from hermes_store.database.sqlite_kept import Kept
from hermes_store.errors import (
    HermesStoreError,
    InvalidArgumentError,
    NestedTransactionError,
    StoreClosedError,
)
from hermes_store.execution import opening
from hermes_store.execution.figures import Figures
from hermes_store.execution.outcomes import Outcomes
from hermes_store.execution.readers import read_any_text
from hermes_store.execution.sharing import gate, inherited, pools_of, readers, require_own, writers
from hermes_store.execution.turns import Operation, Turn
from hermes_store.search import choice, waiting
from hermes_store.settings import Settings

__all__ = ["Store"]

P = ParamSpec("P")
R = TypeVar("R")


class Store:
    """A database that is open: reads on pooled connections, writes through the shared writer."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self.url = url_of(address)
        self.backend = backend_of(self.url)
        self.settings = settings
        if settings.sqlite is not None:
            sqlite_driver(settings.sqlite)
        reads = read_url_of(self.url, settings)
        with gate, closing(Kept()) as kept:  # the gate, because no fork may inherit what is kept
            self._is_read_only = bool(opening.prepare(self.backend, self.url, settings, kept))
            self._acquire(reads, kept)
        self._closed = False
        self._with_several: set[Callable[..., Any]] = set()

    def _acquire(self, reads: URL, kept: Kept) -> None:
        """Share the writer and the readers of this process; new readers have what is `kept`."""
        settings, key = self.settings, identity(self.url)
        renew = partial(opening.renew, self.url, settings)
        make_writer = partial(opening.make_writer, self.backend, self.url, settings, renew)
        self._writer = writers.acquire(key, make_writer)
        self._release = weakref.finalize(self, writers.release, key)
        try:
            opening.refuse_other_settings(self.url, settings, self._writer.settings)
        except InvalidArgumentError:
            self._release()
            raise
        make_readers = partial(opening.make_readers, self.backend, reads, settings, renew, kept)
        self._readers = readers.acquire((key, settings), make_readers)
        self._release_pool = weakref.finalize(self, readers.release, (key, settings))
        self._outcomes = Outcomes(self.url, self._readers, self._writer)

    def read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call `function(connection, …)` on one snapshot of the database; return its result."""
        statements = getattr(function, "statements", None)
        alone = statements in self.backend.tried_alone and function not in self._with_several

        def attempt() -> R:
            with gate, self._lend(alone=alone) as connection:
                return read_any_text(connection, lambda: function(connection, *args, **kwargs))

        try:
            with self._outcomes, typed_errors(self.backend):
                return retry_while_busy(
                    self.backend,
                    lambda: again_if_lost(self.backend, attempt),
                    self.settings.lock_timeout,
                )
        except SnapshotNeededError:  # so will it be the next time: a list has conversations to join
            self._with_several.add(function)
            return self.read(function, *args, **kwargs)
        except waiting.WaitingError:
            self._index_waiting()
            return self.read(waiting.looked_at(function), *args, **kwargs)

    def _index_waiting(self) -> None:
        """Put the newest messages into the index if they wait, unless it cannot be written now."""
        index = choice.index_waiting_of(self.backend)
        if index and not (self._is_read_only or inherited):
            with suppress(HermesStoreError):  # a search finds them nevertheless
                self._writer.run(index, waiting.PATIENCE, hurries=True)

    @contextmanager
    def reading(self) -> Iterator[OpenConnection]:
        """Give the block a connection on one snapshot, for reads that stream."""
        with (
            self._outcomes,
            typed_errors(self.backend),
            gate.held(),
            self._lend() as connection,
            self._readers.streaming(),
            self.backend.undecodable_replaced(connection.core),
        ):
            yield connection

    def write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call `function(connection, …)` in a write transaction; return after COMMIT."""
        self.require_open()
        if self._is_read_only or inherited:
            self._require_writable()
        with self._outcomes:
            return self._writer.run(Operation(function, args, kwargs), self.settings.lock_timeout)

    def write_many(self, turns: Sequence[Turn], tell: Callable[[Sequence[Turn]], object]) -> None:
        """Run operations as `Writer.run_many` does; what `write` raises before is every turn's."""

        def done(some: Sequence[Turn]) -> None:
            for turn in some:
                if turn.error is not None:
                    turn.error = self._outcomes.explained(turn.error)
            tell(some)

        try:
            self.require_open()
            self._require_writable()
        except Exception as exc:  # noqa: BLE001 - the callers raise it
            for turn in turns:
                turn.fail(exc)
            tell(turns)
        else:
            self._writer.run_many(turns, done)

    @property
    def most_writes(self) -> tuple[int, int]:
        """Most transactions that write at the same time, and most operations in each."""
        return self._writer.most_leaders, self._writer.most

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[OpenConnection]:
        """Give the block a transaction. Waits for `patience` seconds, else for `lock_timeout`."""
        self.require_open()
        self._require_writable()
        seconds = self.settings.lock_timeout if patience is None else patience
        with self._outcomes, self._writer.transaction(seconds) as connection:
            connection.search_timeout = self.settings.search_timeout
            yield connection

    def compact(self) -> None:
        """Free the space of deleted rows. Raises `StoreBusyError`."""
        self.require_open()
        self._require_writable()
        with gate, typed_errors(self.backend):
            self.backend.compact(self.url, self.settings.lock_timeout)

    def close(self) -> None:
        """Refuse later calls; close connections that no other store of this process uses.

        A second call does nothing. Raises `NestedTransactionError` inside `transaction()`.
        """
        if self._writer.held_here:
            raise NestedTransactionError
        if self._writer.figures.operations and not self._closed:
            self._index_waiting()  # for programs that ask the index themselves
        self._closed = True
        self._release_pool()
        self._release()

    @property
    def engines(self) -> Engines:
        """The engine that writes and the one that reads."""
        return Engines(self._writer.engine(), self._readers.engine())

    def statistics(self) -> dict[str, float]:
        """Return what the writer did since this process opened the database."""
        return {**self.figures.told(), "pending_writes": self._writer.waiting}

    @property
    def figures(self) -> Figures:
        """What the writer did, and who observes it."""
        return self._writer.figures

    @property
    def is_read_only(self) -> bool:
        """Whether it refuses writes: `read_only` is set, or the file was not writable."""
        return self._is_read_only

    def require_open(self) -> None:
        """Raise `StoreClosedError` after `close()`."""
        if self._closed:
            raise StoreClosedError

    def _require_writable(self) -> None:
        """Raise `StoreReadOnlyError`, unless the file has become writable, and as `require_own`."""
        require_own(identity(self.url))
        if self._is_read_only:
            opening.require_writable(self.backend, self.url, self.settings)
            self._is_read_only = False

    def log(self) -> dict[str, Any]:
        """Return the size of the log in bytes, and the reads here that keep it from shrinking."""
        if (size := self.backend.log_bytes(self.url)) is None:
            return {}
        pools = pools_of(identity(self.url))
        return {"log_bytes": size, "log_held_by": [each for pool in pools for each in pool.streams]}

    def _lend(self, *, alone: bool = False) -> AbstractContextManager[OpenConnection]:
        self.require_open()
        return self._readers.lend(alone=alone)
