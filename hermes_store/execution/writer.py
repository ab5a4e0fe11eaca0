"""Group commit: the operations of several callers share one transaction.

A caller's method returns after COMMIT. If COMMIT fails, no operation of the group is stored.
This module has the callers and their queue, `committing.py` what happens to a group, and
`callers_transactions.py` the transactions in which the caller runs the statements.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from hermes_store.database.backend import Backend
from hermes_store.database.checkpoint import AfterCommits
from hermes_store.database.connection import OpenConnection
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.repair import Repair
from hermes_store.errors import HermesStoreError, StoreBusyError
from hermes_store.execution.callers_transactions import CallersTransactions
from hermes_store.execution.figures import Group
from hermes_store.execution.turns import DONE, LEADING, Turn, Turns
from hermes_store.settings import Settings

__all__ = ["Writer"]

T = TypeVar("T")

_CROWD = 64
"""How many turns of one thread in a row it takes until that thread counts as the only one."""


class Writer(CallersTransactions):
    """Writes to one database for a process: to a file on one connection, to a server on several."""

    def __init__(
        self,
        engine: LateEngine,
        backend: Backend,
        settings: Settings,
        repair: Repair | None = None,
        after_commits: AfterCommits | None = None,
        *,
        renew: Callable[[], None] | None = None,
    ) -> None:
        """`repair` repairs what must not make an operation fail.

        When the file was moved or removed, `renew` prepares the file that lies at its path now.
        """
        super().__init__(engine, backend, repair, renew)
        self._after_commits = after_commits
        self._settings = settings
        self._patience = settings.lock_timeout
        self.most = settings.batch_size if settings.enable_batching else 1
        """Most operations of a group."""
        self._company_seconds = settings.batch_wait_ms / 1000 if self.most > 1 else 0.0
        self.most_leaders = 1 if self._company_seconds else backend.write_connections(settings)
        """Most groups that run at the same time."""
        self._turns = Turns(settings.queue_size, self.most_leaders)
        self._last_leader = 0
        self._crowd = 0

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

    def run(
        self,
        operation: Callable[[OpenConnection], T],
        patience: float | None = None,
        *,
        hurries: bool = False,
    ) -> T:
        """Run `operation` in a transaction, alone or in a group; return its result after COMMIT.

        `operation` may run more than once. `patience` is the number of seconds that this caller
        waits for a lock; None means `lock_timeout`. One that `hurries` waits neither for company
        nor for SQLite's `busy_timeout`. Raises what `operation` raises: it then leaves no trace.
        Raises `StoreBusyError`, `StoreClosedError`, `NestedTransactionError`, or another
        `HermesStoreError` when the database cannot be written.
        """
        turn = self._turn(operation, patience)
        turn.hurries = hurries
        self._see_through(turn, self._turns.enter)
        if self._after_commits is not None:
            self._after_commits.after(self.figures.operations)
        if turn.error is not None:
            raise turn.error
        result: T = turn.result
        return result

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
        if self._after_commits is not None:
            self._after_commits.after(self.figures.operations)

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
        measured: Group | None = None
        try:
            come(turn)
            if turn.state is LEADING:
                self._let_others_come(turn.thread)
                company = 0.0 if turn.hurries else self._company_seconds
                self._turns.gather(group, self.most, company)
                measured = Group(group)
                self._commit_group(group, measured)
        finally:
            is_committed = measured is not None and measured.is_committed
            try:
                self._turns.leave(turn, group, is_committed=is_committed)
            except BaseException:  # Ctrl-C: without an end no thread would lead again
                self._turns.end(turn, group, is_committed=is_committed)
                raise
            if self._turns.closed:
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
        if self._after_commits is not None:
            self._after_commits.finish()

    def part(self) -> None:
        """Close the connections that no thread uses, because the file left its path."""
        self._connections.part()

    # --- fork -----------------------------------------------------------------------------------

    def rest(self, turn: Turn) -> None:
        """Become the only leader and close the connections, so that a fork inherits none.

        They stay open when other threads lead for as long as the turn is patient.
        """
        turn.alone = True
        with suppress(HermesStoreError):
            self._turns.enter(turn)
            self._connections.close_idle()

    def resume(self, turn: Turn) -> None:
        """Give back a turn that was to rest, wherever Ctrl-C ended that."""
        self._turns.end(turn)

    def uses_file(self) -> bool:
        """Whether a connection to a file is open."""
        return len(self._connections) > 0 and not self._backend.is_server

    def abandon(self) -> None:
        """Start anew in the child of a fork; the parent's connections are not touched."""
        self._connections.abandon()
        self._turns = Turns(self._settings.queue_size, self.most_leaders)
        self.figures.renew_lock()
        if self._after_commits is not None:
            self._after_commits.after_fork()

    def _let_others_come(self, thread: int) -> None:
        """Yield the interpreter once while several threads write, so that they can queue."""
        if thread != self._last_leader:
            self._last_leader, self._crowd = thread, _CROWD
        elif self._crowd:
            self._crowd -= 1
        if self._crowd and not self._turns:
            time.sleep(0)
