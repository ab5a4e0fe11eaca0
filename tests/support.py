"""Small tools that several tests use."""

import itertools
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import stored
from hypothesis import strategies as st
from sqlalchemy import URL

from hermes_store.errors import StoreBusyError
from hermes_store.execution.store import Store

R = TypeVar("R")

CHARACTERS = st.characters(exclude_categories=["Cs"])
"""What `st.text()` draws from, too, but by asking of each of a million characters whether UTF-8 has
it: 1.6 s of every worker in a new checkout."""

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what is about the file; every other test runs on each kind of database."""


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as `condition` holds; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        time.sleep(0.001)


def raises(error: type[Exception], call: Callable[[], object]) -> bool:
    """Whether a call raises `error`; for what comes after a moment."""
    try:
        call()
    except error:
        return True
    return False


class Caller(threading.Thread):
    """A thread that calls one function and keeps what came of it."""

    def __init__(self, function: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.function = function
        self.result: object = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as exc:  # noqa: BLE001 - the test looks at it
            self.error = exc

    def finish(self, seconds: float = 30.0) -> object:
        self.join(seconds)
        assert not self.is_alive(), "the call hangs"
        if self.error is not None:
            raise self.error
        return self.result


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"  # fmt: skip


def until_it_waits(database: Path | URL, caller: Caller) -> None:
    """Until the caller stands behind a lock of the server; a file has a single writer anyway."""
    if isinstance(database, URL):
        until(lambda: stored.column(database, WAITING) == [1] or not caller.is_alive())


@contextmanager
def failing_write(number: int) -> Iterator[None]:
    """Refuse write number `number` of all stores of this process, as behind a lock."""
    numbers = itertools.count(1)
    write = Store.write

    def refuse_one(store: Store, *arguments: Any, **keywords: Any) -> Any:
        if next(numbers) == number:
            raise StoreBusyError(0.0)
        return write(store, *arguments, **keywords)

    Store.write = refuse_one  # type: ignore[method-assign]
    try:
        yield
    finally:
        Store.write = write  # type: ignore[method-assign]
    assert next(numbers) > number, "there were fewer writes"


def as_ordinary_user(function: Callable[[], R]) -> R:
    """Call `function` in a child that file modes apply to: root would write all the same."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()

    def child() -> None:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        theirs.send(function())

    process = context.Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert mine.poll(30)
    return mine.recv()
