"""Group commit: the operations of several callers share one transaction.

* A caller's method returns after COMMIT. If COMMIT fails, no operation of the group is stored.
* When an operation of a group fails, the group runs again, with a SAVEPOINT for each operation.
  The failing operation leaves no trace, and the others are committed.
* An operation is a function of the database, so it can run again. The group starts over when a
  lock refused it, or when the database ended the transaction by itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError

from hermes_store.database.backend import Backend
from hermes_store.database.checkpoint import Checkpoints
from hermes_store.database.connection import OpenConnection
from hermes_store.database.failures import (
    again_if_lost,
    pause,
    retry_while_busy,
    type_error,
    typed_errors,
)
from hermes_store.database.repair import Repair
from hermes_store.errors import (
    FileReplacedError,
    HermesStoreError,
    OutcomeUnknownError,
    StoreBusyError,
    StoreUnavailableError,
    TransactionRolledBackError,
)
from hermes_store.execution.connections import WriteConnections
from hermes_store.execution.figures import Figures, Group
from hermes_store.execution.groups import run_in_turn, run_merged
from hermes_store.execution.savepoint import can_run_again, run_in_savepoint
from hermes_store.execution.turns import DONE, LEADING, Turn, Turns
from hermes_store.settings import Settings

__all__ = ["Writer"]

T = TypeVar("T")

_CROWD = 64
"""How many turns of one thread in a row it takes until that thread counts as the only one."""


def _require_transaction(connection: OpenConnection) -> None:
    if not connection.may_commit:
        raise TransactionRolledBackError


def _refuse_fork(process: int) -> None:
    if os.getpid() != process:
        raise StoreUnavailableError(
            "the process forked inside transaction(); the transaction is its parent's",
            "fork outside of it",
        )


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


class Writer:
    """Writes to one database for a process: to a file on one connection, to a server on several."""

    def __init__(
        self,
        engine: Engine,
        backend: Backend,
        settings: Settings,
        repair: Repair | None = None,
        checkpoints: Checkpoints | None = None,
        *,
        renew: Callable[[], None] | None = None,
    ) -> None:
        """`repair` repairs what must not make an operation fail; `checkpoints` follow the commits.

        When the file was moved or removed, `renew` prepares the file that lies at its path now.
        """
        self.engine = engine
        self._backend = backend
        self._connections = WriteConnections(engine, backend, renew)
        self._checkpoints = checkpoints
        self._settings = settings
        self._repair = repair
        self._run_group = run_merged if backend.merges_groups else run_in_turn
        self._patience = settings.lock_timeout
        self.most = settings.batch_size if settings.enable_batching else 1
        """Most operations of a group."""
        self._company_seconds = settings.batch_wait_ms / 1000 if self.most > 1 else 0.0
        self.most_leaders = 1 if self._company_seconds else backend.write_connections(settings)
        """Most groups that run at the same time."""
        self._turns = Turns(settings.queue_size, self.most_leaders)
        self._last_leader = 0
        self._crowd = 0
        self.figures = Figures()
        """What was committed so far, and how long it took."""

    @property
    def settings(self) -> Settings:
        """The settings by which it writes, for every repository on this database."""
        return self._settings

    @property
    def held_here(self) -> bool:
        """Whether this thread is inside `transaction()`."""
        return self._turns.held_here()

    @property
    def waiting(self) -> int:
        """Operations in the queue."""
        return len(self._turns)

    def run(self, operation: Callable[[OpenConnection], T], patience: float | None = None) -> T:
        """Run `operation` in a transaction, alone or in a group; return its result after COMMIT.

        `operation` may run more than once. `patience` is the number of seconds that this caller
        waits for a lock; None means `lock_timeout`. Raises what `operation` raises: it then leaves
        no trace. Raises `StoreBusyError`, `StoreClosedError`, `NestedTransactionError`, or another
        `HermesStoreError` when the database cannot be written.
        """
        turn = self._turn(operation, patience)
        self._see_through(turn, self._turns.enter)
        self._checkpoint()
        if turn.error is not None:
            raise turn.error
        return cast("T", turn.result)

    def run_many(self, turns: Sequence[Turn], tell: Callable[[Sequence[Turn]], object]) -> None:
        """Run the operations of several callers, at most `batch_size`, in as few groups as can be.

        Each is what `run` makes of it, with a patience of its own, but its error stands in the
        turn. `tell` is called with turns that are done, in their order, until it has had all.
        """
        here = threading.get_ident()
        for turn in turns:
            turn.thread = here
        self._join(turns)
        told = 0
        for number, turn in enumerate(turns, 1):
            self._outcome(turn)
            if number == len(turns) or turns[number].state is not DONE:
                tell(turns[told:number])
                told = number
        self._checkpoint()

    def _turn(self, operation: Callable[..., Any] | None, patience: float | None) -> Turn:
        turn = Turn(operation, self._patience if patience is None else patience)
        if self.figures.observers:
            turn.origin = self.figures.origin()
        return turn

    def _join(self, turns: Sequence[Turn]) -> None:
        """Queue the turns. Those that cannot be are done, with the error."""
        for number, turn in enumerate(turns):
            try:
                self._turns.join(turns[number:])
            except HermesStoreError as exc:
                turn.fail(exc)
            else:
                return

    def _outcome(self, turn: Turn) -> None:
        """Wait until a queued turn is done, or lead; what that raises stands in the turn."""
        if turn.state is DONE:
            return
        try:
            self._see_through(turn, self._turns.wait)
        except BaseException as exc:  # noqa: BLE001 - its caller raises it
            turn.error, turn.state = exc, DONE

    def _see_through(self, turn: Turn, come: Callable[[Turn], None]) -> None:
        """Return when `turn` is done. When it leads after `come`, commit its group."""
        group = [turn]
        try:
            come(turn)
            if turn.state is LEADING:
                self._let_others_come(turn.thread)
                group = self._turns.gather(turn, self.most, self._company_seconds)
                self._commit_group(group)
        finally:
            self._turns.leave(turn, group)
            self._disconnect_if_closed()

    @contextmanager
    def transaction(self, patience: float | None = None) -> Iterator[OpenConnection]:
        """Give the caller a connection in a transaction of its own, and commit when the block ends.

        `patience` is that of `run`. An exception of the block rolls the transaction back.
        Raises what `run` raises.
        """
        turn = self._turn(None, patience)
        try:
            self._turns.enter(turn)
            with typed_errors(self._backend, own_statements=True):
                measured = Group([turn])
                connection, process = self._begin_patiently(turn, measured), os.getpid()
                committing = False
                damage: BaseException | None = None
                try:
                    yield connection
                    _refuse_fork(process)
                    _require_transaction(connection)
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
                        self._repair_for_the_next(damage)
        finally:
            self._turns.leave(turn)
            self._disconnect_if_closed()

    def close(self) -> None:
        """Let the running groups finish, refuse waiting operations, close the connections.

        Raises `NestedTransactionError` inside `transaction()` of the same thread, and
        `StoreBusyError` when another thread stays in its transaction for longer than
        `lock_timeout`; the connection is then closed at the end of that transaction.
        """
        started = time.monotonic()
        if not self._turns.close(self._patience):
            raise StoreBusyError(time.monotonic() - started, "another thread of this process")
        self._connections.close_idle()
        if self._checkpoints is not None:
            self._checkpoints.finish()

    def part(self) -> None:
        """Close the connections that no thread uses, because the file left its path."""
        self._connections.part()

    # --- fork -----------------------------------------------------------------------------------

    def rest(self, patience: float) -> Turn | None:
        """Become the only leader and close the connections, so that a fork inherits none.

        Returns the turn for `resume`, or None when other threads lead for all of `patience`.
        """
        turn = Turn(None, patience, alone=True)
        try:
            self._turns.enter(turn)
        except HermesStoreError:
            self._turns.leave(turn)
            return None
        self._connections.close_idle()
        return turn

    def resume(self, turn: Turn | None) -> None:
        """Give back the turn that `rest` returned."""
        if turn is not None:
            self._turns.leave(turn)

    def abandon(self) -> None:
        """Start anew in the child of a fork; the parent's connections are not touched."""
        self._connections.abandon()
        self._turns = Turns(self._settings.queue_size, self.most_leaders)
        self.figures.renew_lock()
        if self._checkpoints is not None:
            self._checkpoints.after_fork()

    def _checkpoint(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.after(self.figures.operations)

    def _let_others_come(self, thread: int) -> None:
        """Yield the interpreter once while several threads write, so that they can queue."""
        if thread != self._last_leader:
            self._last_leader, self._crowd = thread, _CROWD
        elif self._crowd:
            self._crowd -= 1
        if self._crowd and not self._turns:
            time.sleep(0)

    # --- groups ---------------------------------------------------------------------------------

    def _commit_group(self, group: list[Turn]) -> None:
        """Commit what can be committed and acknowledge it; `leave` gives back unfinished turns.

        The first run has no savepoints, because errors are rare and savepoints take time. After an
        error each operation gets a savepoint, in a second run. A connection lost before COMMIT is
        replaced once. When an error that can be repaired ended the transaction, the next run
        repairs it first.
        """
        measured = Group(group)
        careful = False
        damage: BaseException | None = None
        replaced = not self._connections.idle
        failed: list[Turn] = []
        while True:
            try:
                turns = [turn for turn in group if turn not in failed]
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
        committing = False
        try:
            connection.begin()
            measured.begun = time.monotonic()
            if damage and self._repair:
                self._repair.apply(connection, _reason(damage))
            for turn in turns:
                turn.error = None
            if careful:
                for turn in turns:
                    self._run_carefully(connection, turn)
            else:
                self._run_group(connection, turns)
            _require_transaction(connection)
            connection.require_same_file_lately()
            committing = True
            measured.committing = time.monotonic()
            connection.commit()
            measured.committed = time.monotonic()
            connection.require_same_file()  # a commit into a removed file is not acknowledged
        except BaseException as exc:
            if committing and _is_interrupt(exc) and not connection.in_transaction:
                self._acknowledge(turns, measured)
            self._connections.abort(connection, exc, committing=committing)
            raise
        finally:
            self._connections.give_back(connection)

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
        measured.turns = [turn for turn in group if turn.error is None]
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

    # --- transactions of the caller -------------------------------------------------------------

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

    def _repair_for_the_next(self, damage: BaseException | None) -> None:
        """Repair `damage`, so that the caller's next try succeeds."""
        if damage is not None and self._can_repair(damage):
            with suppress(DatabaseError):  # the next try then fails, too, and repairs again
                self._attempt([], Group([]), careful=True, damage=damage)

    def _commit(self, connection: OpenConnection, turn: Turn, measured: Group) -> None:
        measured.committing = time.monotonic()
        # With a rollback journal a reader can block COMMIT. The transaction then stays open.
        retry_while_busy(self._backend, connection.dbapi.commit, turn.patience)
        connection.commit()
        measured.committed = time.monotonic()
        self.figures.add(measured)

    def _disconnect_if_closed(self) -> None:
        if self._turns.closed and not self._turns.led:
            self._connections.close_idle()
