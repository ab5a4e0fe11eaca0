"""A transaction of the caller: a write connection for a block, alone in its turn."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import again_if_lost, retry_while_busy, typed_errors
from hermes_store.errors import StoreUnavailableError, TransactionRolledBackError
from hermes_store.execution.committing import Committer, require_transaction
from hermes_store.execution.figures import Group
from hermes_store.execution.turns import Turn, Turns

__all__ = ["CallersTransactions"]


def _refuse_fork(process: int) -> None:
    if os.getpid() != process:
        raise StoreUnavailableError(
            "the process forked inside transaction(); the transaction is its parent's",
            "fork outside of it",
        )


class CallersTransactions(Committer):
    """Transactions whose statements the caller runs. The class below it has the queue."""

    _turns: Turns
    _patience: float

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[OpenConnection]:
        """Give the caller a connection in a transaction of its own, and commit when the block ends.

        `patience` is that of `run`. An exception of the block rolls the transaction back.
        Raises what `run` raises.
        """
        turn, process = self._turn(None, patience), os.getpid()
        try:
            self._turns.enter(turn)
            with typed_errors(self._backend, own_statements=True):
                measured = Group([turn])
                committing = False
                damage: BaseException | None = None
                connection = self._begin_patiently(turn, measured)  # no call before `try`: Ctrl-C
                try:
                    yield connection
                    _refuse_fork(process)
                    require_transaction(connection)
                    connection.require_same_file_lately()
                    committing = True
                    self._commit(connection, turn, measured)
                    connection.require_same_file()
                except BaseException as exc:
                    if committing or isinstance(exc, TransactionRolledBackError):
                        damage = exc
                    if os.getpid() == process:
                        self._connections.abort(connection, exc, committing=committing)
                    raise
                finally:
                    if os.getpid() == process:
                        self._connections.give_back(connection)
                        self._repair_for_the_next(damage, connection.errors)
        finally:
            try:
                self._turns.leave(turn)
            except BaseException:  # Ctrl-C: without an end no thread would lead again
                self._turns.end(turn)
                raise
            self._disconnect_if_closed()

    def _turn(self, operation: Callable[..., Any] | None, patience: float | None) -> Turn:
        turn = Turn(operation, self._patience if patience is None else patience)
        if self.figures.observers:
            turn.origin = self.figures.origin()
        return turn

    def _begin_patiently(self, turn: Turn, measured: Group) -> OpenConnection:
        budget = turn.deadline - time.monotonic()
        begin = partial(self._begun, measured)
        return retry_while_busy(self._backend, lambda: again_if_lost(self._backend, begin), budget)

    def _begun(self, measured: Group) -> OpenConnection:
        connection = self._connections.take()
        try:
            connection.begin(for_caller=True)
            measured.begun = time.monotonic()
        except BaseException as exc:
            measured.retries += self._backend.is_busy(exc)
            self._connections.abort(connection, exc, committing=False)
            self._connections.give_back(connection)
            raise
        return connection

    def _repair_for_the_next(
        self, damage: BaseException | None, errors: tuple[type[Exception], ...]
    ) -> None:
        """Repair `damage`, so that the caller's next try succeeds."""
        if damage is not None and self._can_repair(damage):
            with suppress(*errors):  # the next try then fails, too, and repairs again
                self._attempt([], Group([]), careful=True, damage=damage)

    def _commit(self, connection: OpenConnection, turn: Turn, measured: Group) -> None:
        measured.committing = time.monotonic()
        # With a rollback journal a reader can block COMMIT. The transaction then stays open.
        retry_while_busy(self._backend, connection.dbapi.commit, turn.patience)
        connection.commit()
        measured.committed = connection.committed_at = time.monotonic()
        self.figures.add(measured)

    def _disconnect_if_closed(self) -> None:
        if self._turns.closed and not self._turns.led:
            self._connections.close_idle()
