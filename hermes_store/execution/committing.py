"""Commit a group: the operations of several callers in one transaction.

* When an operation of a group fails, the group runs again, with a SAVEPOINT for each operation.
  The failing operation leaves no trace, and the others are committed.
* An operation is a function of the database, so it can run again. The group starts over when a
  lock refused it, or when the database ended the transaction by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import cast

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import pause, type_error
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.repair import Repair
from hermes_store.errors import (
    FileReplacedError,
    OutcomeUnknownError,
    StoreBusyError,
    TransactionRolledBackError,
)
from hermes_store.execution.connections import WriteConnections
from hermes_store.execution.figures import Figures, Group
from hermes_store.execution.groups import run_group
from hermes_store.execution.savepoint import can_run_again, run_in_savepoint
from hermes_store.execution.turns import DONE, RUNNING, Turn

__all__ = ["Committer", "require_transaction"]


def require_transaction(connection: OpenConnection) -> None:
    """Raise `TransactionRolledBackError` when COMMIT would not store what was done."""
    if not connection.may_commit:
        raise TransactionRolledBackError


def _reason(exc: BaseException) -> BaseException:
    """Return the database's own error."""
    return exc.__cause__ or exc if isinstance(exc, TransactionRolledBackError) else exc


def _busy(turn: Turn, exc: BaseException) -> StoreBusyError:
    error = StoreBusyError(turn.waited())
    error.__cause__ = exc
    return error


def _is_interrupt(exc: BaseException) -> bool:
    """Return whether `exc` is Ctrl-C: it ends the leading thread, not the operation it runs."""
    return isinstance(exc, KeyboardInterrupt) and (
        threading.current_thread() is threading.main_thread()
    )


class Committer:
    """Runs groups on the write connections of a database."""

    def __init__(
        self,
        engine: LateEngine,
        backend: Backend,
        repair: Repair | None,
        renew: Callable[[], None] | None,
    ) -> None:
        self.engine = engine
        self._backend = backend
        self._connections = WriteConnections(engine, backend, renew)
        self._repair = repair
        self.figures = Figures()
        """What was committed so far, and how long it took."""

    def _commit_group(self, group: list[Turn], measured: Group) -> None:
        """Commit what can be committed and acknowledge it; `leave` gives back unfinished turns.

        The first run has no savepoints, because errors are rare and savepoints take time. After an
        error each operation gets a savepoint, in a second run. A connection lost before COMMIT is
        replaced once. When an error that can be repaired ended the transaction, the next run
        repairs it first.
        """
        careful = False
        damage: BaseException | None = None
        replaced = not self._connections.idle
        failed: list[Turn] = []
        while True:
            try:
                turns = [turn for turn in group if turn not in failed] if failed else group
                self._attempt(turns, measured, careful=careful, damage=damage)
            except BaseException as exc:
                if self._backend.is_busy(exc) and not group[0].expired():
                    self._fail_impatient(group, exc)
                    time.sleep(pause(measured.retries))
                    measured.retries += 1
                elif careful and not damage and self._can_repair(exc):
                    damage = exc
                elif careful and isinstance(exc, TransactionRolledBackError):
                    failed = [turn for turn in group if turn.error is not None]
                elif self._backend.is_lost(exc) and not replaced:
                    replaced = True
                elif not careful and self._is_one_operations(exc, group):
                    careful = True
                elif isinstance(exc, Exception):
                    self._fail(group, exc)
                    return
                else:
                    raise
            else:
                self._acknowledge(group, measured)
                return

    def _is_one_operations(self, exc: BaseException, group: list[Turn]) -> bool:
        """Return whether a run with savepoints spares the other operations, or repairs."""
        if (
            self._backend.is_busy(exc)
            or self._backend.is_lost(exc)
            or isinstance(exc, (OutcomeUnknownError, FileReplacedError))
        ):
            return False
        if len(group) > 1:
            return not _is_interrupt(exc)
        return can_run_again(self._backend, exc, self._repair)

    def _can_repair(self, exc: BaseException) -> bool:
        """Return whether the transaction may succeed once `exc` is repaired."""
        return self._repair is not None and self._repair.applies(_reason(exc))

    def _attempt(
        self,
        turns: list[Turn],
        measured: Group,
        *,
        careful: bool,
        damage: BaseException | None = None,
    ) -> None:
        """Run and commit `turns` in one transaction, or roll all of it back. Measures it.

        An error given as `damage` is repaired first. With `careful` each turn has a savepoint.
        """
        connection = self._connections.take()
        committing = is_sound = False
        try:
            self._begin(connection, turns)
            measured.begun = time.monotonic()
            if damage and self._repair:
                self._repair.apply(connection, _reason(damage))
            for turn in turns:
                turn.error = None
            if careful:
                for turn in turns:
                    self._run_carefully(connection, turn)
                measured.turns = [turn for turn in turns if turn.error is None]
            else:
                run_group(connection, turns)
                measured.turns = turns
            require_transaction(connection)
            connection.require_same_file_lately()
            committing = True
            measured.committing = time.monotonic()
            connection.commit()
            measured.committed = connection.committed_at = time.monotonic()
            connection.require_same_file()  # a commit into a removed file is not acknowledged
            measured.is_committed = True
        except BaseException as exc:
            if committing and _is_interrupt(exc):
                self._settle(turns, connection, measured)
            self._connections.abort(connection, exc, committing=committing)
            raise
        else:
            is_sound = True
        finally:
            self._connections.give_back(connection, is_sound=is_sound)

    def _settle(self, turns: list[Turn], connection: OpenConnection, measured: Group) -> None:
        """After a Ctrl-C in COMMIT, keep what may be stored from being run again."""
        if connection.in_transaction and not connection.is_executing:
            return
        if not self._backend.is_server or measured.committed >= measured.committing:
            measured.is_committed = True
            return
        for follower in turns:  # the driver may have had the server cancel the COMMIT
            if follower.state is RUNNING:
                follower.fail(OutcomeUnknownError("Ctrl-C in another thread"))

    def _begin(self, connection: OpenConnection, turns: list[Turn]) -> None:
        """Begin; where the leader hurries, SQLite waits for the lock only as long as it does."""
        if turns and turns[0].hurries:
            with self._backend.waiting_at_most(connection.dbapi, turns[0].patience):
                connection.begin()
        else:
            connection.begin()

    def _run_carefully(self, connection: OpenConnection, turn: Turn) -> None:
        """Run one operation in a savepoint; its failure does not touch the other operations."""
        try:
            turn.result = run_in_savepoint(connection, turn.operation, self._repair)  # type: ignore[arg-type]  # a turn's T is not known
        except TransactionRolledBackError as exc:
            turn.error = self._typed(cast("BaseException", exc.__cause__))
            raise
        except BaseException as exc:
            if self._backend.is_busy(exc) or self._backend.is_lost(exc) or _is_interrupt(exc):
                raise
            turn.error = self._typed(exc)

    def _acknowledge(self, group: list[Turn], measured: Group) -> None:
        """Let the callers go on; those whom a Ctrl-C in here leaves waiting, `leave` lets go."""
        self.figures.add(measured)
        group[0].state = DONE
        for follower in group[1:]:
            follower.wake(DONE)

    def _fail_impatient(self, group: list[Turn], exc: BaseException) -> None:
        """Fail the callers whose patience ends before the leader's, and take them from `group`."""
        for turn in [each for each in group[1:] if each.expired()]:
            group.remove(turn)
            turn.fail(_busy(turn, exc))

    def _fail(self, group: list[Turn], exc: Exception) -> None:
        """Give the error to every caller; an error of a lock only to callers out of patience."""
        for turn in group:
            if not self._backend.is_busy(exc):
                turn.fail(self._typed(exc))
            elif turn.expired():
                turn.fail(_busy(turn, exc))

    def _typed(self, exc: BaseException) -> BaseException:
        """Return `exc` as the typed error that the caller gets."""
        error = type_error(self._backend, exc)
        if error is not exc:
            error.__cause__ = exc
        return error
