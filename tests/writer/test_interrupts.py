"""Ctrl-C at any step of a write or a read: it is raised, and every thread works on afterwards."""

import gc
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from sqlalchemy import URL, event
from support import Caller, only_sqlite, until

from hermes_store import SessionRepository
from hermes_store.errors import OutcomeUnknownError
from hermes_store.execution import sharing


class CtrlC:
    """Ctrl-C at step number `step`: Python looks for it when a function begins, or C's returns.

    Not inside `logging`, whose lock it would leave locked: before Python 3.13 nothing can help it.
    """

    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self, frame: FrameType, what: str, _function: object) -> None:
        if what in {"call", "c_return"} and frame.f_globals.get("__name__") != "logging":
            self._left -= 1
            if self._left == 0:  # the interpreter then calls this no more
                raise KeyboardInterrupt

    @property
    def came(self) -> bool:
        return self._left <= 0


def interrupted(call: Callable[[], object], step: int) -> bool:
    """Whether `call` has so many steps; then it raises Ctrl-C.

    Nothing is collected meanwhile: a Ctrl-C that strikes a finalizer is only reported.
    """
    ctrl_c = CtrlC(step)
    gc.disable()
    try:
        sys.setprofile(ctrl_c)
        call()
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
        gc.enable()
    return ctrl_c.came


def append(repository: SessionRepository) -> None:
    repository.append_message("s", "user", "x")


def append_in_a_transaction(repository: SessionRepository) -> None:
    with repository.transaction() as tx:
        tx.append_message("s", "user", "x")


def count(repository: SessionRepository) -> None:
    repository.session_count()


@only_sqlite
@pytest.mark.parametrize("is_listened_to", [False, True], ids=["", "listened to"])
@pytest.mark.parametrize("call", [append, append_in_a_transaction, count])
def test_after_ctrl_c_at_any_step_each_thread_writes_and_reads_and_no_connection_is_left(
    repository: SessionRepository,
    call: Callable[[SessionRepository], None],
    is_listened_to: bool,
) -> None:
    if is_listened_to:
        for engine in repository.engines:
            event.listen(engine, "before_cursor_execute", lambda *_: None)
    repository.create_session("s", "cli")
    call(repository)
    count(repository)
    connections = repository._store._writer._connections
    step = 1
    while interrupted(lambda: call(repository), step):
        Caller(lambda: append(repository)).finish()
        append(repository)
        found = repository.get_session("s")["message_count"]
        assert Caller(lambda: repository.message_count("s")).finish() == found
        assert connections.idle == 1
        step += 1
    assert step > 20
    gc.collect()
    assert len(connections) == 1
    assert repository.check() == []


@only_sqlite
def test_after_ctrl_c_at_any_step_of_a_read_its_connection_is_free(database: Path) -> None:
    require_reads_after_ctrl_c(database)


def require_reads_after_ctrl_c(database: Path | URL) -> None:
    """Interrupt a read at each of its steps; after each the only connection reads again."""
    gc.collect()
    gc.freeze()  # or each collection below walks through all that is imported
    try:
        with SessionRepository(database, pool_size=1, pool_timeout=0.1) as repository:
            count(repository)
            step = 1
            while interrupted(lambda: count(repository), step):
                gc.collect()
                count(repository)
                step += 1
            assert step > 20
    finally:
        gc.unfreeze()


@only_sqlite
def test_who_handles_a_ctrl_c_can_write(database: Path) -> None:
    """Its traceback holds the statement that was interrupted."""
    message = {"role": "user", "content": "x", "timestamp": 1.0}
    session = {"id": "i", "source": "cli", "started_at": 1.0, "messages": [message]}
    with SessionRepository(database, lock_timeout=0.2) as repository:
        repository.create_session("s", "cli")
        repository.import_sessions([session])
        ctrl_c = CtrlC(0)
        for step in range(1, 10_000, 5):
            repository.delete_session("i")
            ctrl_c = CtrlC(step)
            gc.disable()
            try:
                sys.setprofile(ctrl_c)
                repository.import_sessions([session])
            except KeyboardInterrupt:
                sys.setprofile(None)
                append(repository)
            finally:
                sys.setprofile(None)
                gc.enable()
            if not ctrl_c.came:
                break
        assert not ctrl_c.came
        assert repository.check() == []


def fork_handlers() -> None:
    """What Python calls in the parent; it goes on when one of them fails."""
    try:
        sharing._before_fork()
    finally:
        try:
            sharing._after_fork_in_parent()
        finally:
            sharing._after_fork_in_parent()


@only_sqlite
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # in finalizers
def test_after_ctrl_c_at_any_step_of_a_fork_each_thread_writes_and_reads(
    repository: SessionRepository,
) -> None:
    repository.create_session("s", "cli")
    fork_handlers()
    step = 1
    while interrupted(fork_handlers, step):
        Caller(lambda: append(repository)).finish()
        append(repository)
        assert Caller(lambda: repository.message_count("s")).finish() == 2 * step
        step += 1
    assert step > 20


class Followed:
    """A call of this thread that waits in the queue, and two of other threads behind it."""

    def __init__(self, repository: SessionRepository, step: int) -> None:
        self._repository, self._step = repository, step
        self._turns = repository._store._writer._turns
        self._is_over = threading.Event()
        self.unknown: set[tuple[str, str]] = set()
        """What may have been stored."""
        self._callers = [Caller(self._lead)]

    def _lead(self) -> None:
        with self._repository.transaction():
            until(lambda: len(self._turns) == 3 or self._is_over.is_set())

    def _line_up(self) -> None:
        until(lambda: len(self._turns) or self._is_over.is_set())
        for name in ("first", "second"):
            here = len(self._turns)
            self._callers.append(self._append(name))
            until(lambda here=here: len(self._turns) > here or self._is_over.is_set())

    def _append(self, name: str) -> Caller:
        return Caller(lambda: self._repository.append_message("s", name, f"{self._step}"))

    def interrupted(self, call: Callable[[], object]) -> bool:
        """Whether `call` had so many steps; when it returns, no call hangs."""
        until(lambda: self._turns.led)
        lining_up = Caller(self._line_up)
        came = interrupted(call, self._step)
        self._is_over.set()
        lining_up.finish()
        for caller in self._callers:
            try:
                caller.finish()
            except OutcomeUnknownError:
                self.unknown |= {("first", f"{self._step}"), ("second", f"{self._step}")}
        return came


def test_ctrl_c_at_any_step_of_who_leads_a_group_stores_what_the_others_wrote_once(
    database: Path | URL,
) -> None:
    with SessionRepository(database, write_pool_size=1) as repository:
        repository.create_session("s", "cli")
        append(repository)
        step, unknown = 1, set()
        while (call := Followed(repository, step)).interrupted(lambda: append(repository)):
            unknown |= call.unknown
            step += 1
        assert step > 100
        stored = Counter((m["role"], m["content"]) for m in repository.get_messages("s"))
        del stored["user", "x"]
        assert set(stored.values()) == {1}
        written = {(name, f"{n}") for name in ("first", "second") for n in range(1, step + 1)}
        assert written - unknown <= set(stored) <= written
        assert not (unknown and isinstance(database, Path))
        assert repository.check() == []
