"""A test that is a coroutine runs in a loop in debug mode, which must find nothing to tell."""

import asyncio
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from loops import threads
from sqlalchemy import URL
from support import until

from hermes_store import AsyncSessionRepository, SessionRepository


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    before = set(threads())
    names = inspect.signature(pyfuncitem.obj).parameters
    given = {name: pyfuncitem.funcargs[name] for name in names}
    told: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("asyncio").addHandler(handler)
    with asyncio.Runner(debug=True) as runner:
        runner.get_loop().slow_callback_duration = 3600  # this machine does other things, too
        runner.run(pyfuncitem.obj(**given))
        if "repo" in given:
            runner.run(given["repo"].close())
    logging.getLogger("asyncio").removeHandler(handler)
    assert told == []
    until(lambda: set(threads()) <= before)
    return True


@pytest.fixture
def settings() -> dict[str, object]:
    """What the repository is opened with; a test gives it by `with_settings`."""
    return {}


@pytest.fixture
def repo(database: Path | URL, settings: dict[str, object]) -> Iterator[AsyncSessionRepository]:
    """An asynchronous repository, with a session "s"."""
    with SessionRepository(database, **settings) as repository:
        repository.create_session("s", "cli")
        yield AsyncSessionRepository(repository)
