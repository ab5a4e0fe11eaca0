"""A signal handler or a finalizer may call the repository at any step of its thread's own call."""

import gc
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
from support import Caller, only_sqlite, until

from hermes_store import SessionRepository
from hermes_store.errors import NestedTransactionError, StoreClosedError

Call = Callable[[SessionRepository], object]


class Handler:
    """Calls `handle` at step number `step` of its thread, and keeps what came of it."""

    def __init__(self, step: int, handle: Callable[[], object]) -> None:
        self._left, self._handle = step, handle
        self.outcome: object = None

    def __call__(self, _frame: FrameType, what: str, _function: object) -> None:
        if what in {"call", "c_return"}:
            self._left -= 1
            if self._left == 0:
                try:
                    self.outcome = self._handle()
                except NestedTransactionError as exc:
                    self.outcome = exc

    def during(self, call: Callable[[], object]) -> bool:
        """Whether `call` has so many steps; it returns as it would have without the handler."""
        gc.disable()
        sys.setprofile(self)
        try:
            call()
        finally:
            sys.setprofile(None)
            gc.enable()
        return self.came

    @property
    def came(self) -> bool:
        return self._left <= 0


def append(repository: SessionRepository) -> int:
    return repository.append_message("s", "user", "x")


def append_in_a_transaction(repository: SessionRepository) -> int:
    with repository.transaction() as tx:
        return tx.append_message("s", "user", "x")


def count(repository: SessionRepository) -> int:
    return repository.session_count()


@only_sqlite
@pytest.mark.parametrize("call", [append, append_in_a_transaction, count])
@pytest.mark.parametrize("handle", [append, append_in_a_transaction, count])
def test_a_handler_at_any_step_is_answered_or_refused_and_what_it_interrupts_goes_on(
    repository: SessionRepository, call: Call, handle: Call
) -> None:
    repository.create_session("s", "cli")
    call(repository)
    stored = repository.message_count()
    refused, step = 0, 1
    while True:
        handler = Handler(step, lambda: handle(repository))
        if not Caller(lambda handler=handler: handler.during(lambda: call(repository))).finish():
            break
        is_refused = isinstance(handler.outcome, NestedTransactionError)
        refused += is_refused
        stored += (call is not count) + (handle is not count and not is_refused)
        assert repository.message_count() == stored
        step += 1
    assert step > 20
    assert refused == 0 or count not in {call, handle}
    assert repository.check() == []


@only_sqlite
def test_a_closing_by_a_handler_at_any_step_of_a_write_is_done_or_refused(database: Path) -> None:
    step, came = 1, True
    while came:
        with SessionRepository(database) as repository:
            repository.ensure_session("s")
            handler = Handler(step, repository.close)
            caller = Caller(lambda to=repository, by=handler: by.during(lambda: append(to)))
            with suppress(StoreClosedError):
                caller.finish()
            came = handler.came
            step += 1
    with SessionRepository(database) as repository:
        assert repository.check() == []


@only_sqlite
def test_a_handler_is_refused_while_its_thread_waits_in_the_queue(
    repository: SessionRepository,
) -> None:
    repository.create_session("s", "cli")
    told: list[type[BaseException]] = []
    may_end, turns = threading.Event(), repository._store._writer._turns

    def handle(*_: object) -> None:
        try:
            append(repository)
        except NestedTransactionError as exc:
            told.append(type(exc))
        may_end.set()

    def lead() -> None:
        with repository.transaction():
            until(lambda: len(turns))
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            may_end.wait(30)

    before = signal.signal(signal.SIGUSR1, handle)
    leading = Caller(lead)
    until(lambda: turns.led)
    append(repository)
    leading.finish()
    signal.signal(signal.SIGUSR1, before)
    assert told == [NestedTransactionError]
    assert repository.message_count() == 1
