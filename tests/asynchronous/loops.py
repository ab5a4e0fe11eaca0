"""Small tools of the tests with event loops."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL

from hermes_store.database.sqlite_engines import sqlite_driver


def with_settings(**settings: object) -> pytest.MarkDecorator:
    """Open the repository of a test with these settings."""
    return pytest.mark.parametrize("settings", [settings], ids=[""])


def threads() -> list[int | None]:
    """The threads of asynchronous repositories."""
    found = threading.enumerate()
    return [each.ident for each in found if each.name.startswith("hermes_store")]


async def happens(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as `condition` holds; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came"
        await asyncio.sleep(0.001)


async def outcome(task: "asyncio.Future[object]") -> object:
    """The result of a task, or the class of its error."""
    try:
        return await task
    except (Exception, asyncio.CancelledError) as exc:  # noqa: BLE001 - the test looks at it
        return type(exc)


@contextmanager
def foreign_lock(database: Path | URL) -> Iterator[None]:
    """Keep every write to session "s" out, as another program does, until the block ends."""
    if isinstance(database, URL):
        import psycopg

        plain = database.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            connection.execute("SELECT 1 FROM sessions WHERE id = 's' FOR UPDATE")
            yield
        return
    connection = sqlite_driver().connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()
