"""Ctrl-C at any step of a write or a read: it is raised, and every thread works on afterwards."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
from sqlalchemy import event
from support import Caller, only_sqlite

from hermes_store import SessionRepository


class CtrlC:
    """Ctrl-C at step number `step`: Python looks for it when a function begins, or C's returns."""

    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self, _frame: FrameType, what: str, _function: object) -> None:
        if what in {"call", "c_return"}:
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
