"""Errors at chosen statements, and a clock that only waiting moves."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import URL

from hermes_store.database.connection import OpenConnection
from hermes_store.database.sqlite_engines import sqlite_driver


def driver_error(database: object, name: str) -> Exception:
    """An error as the database's driver raises it: SQLITE_BUSY, SQLITE_IOERR, or its like."""
    if isinstance(database, URL):
        import psycopg

        like = {
            "SQLITE_BUSY": psycopg.errors.LockNotAvailable,
            "SQLITE_IOERR": psycopg.errors.IoError,
        }
        return like[name](f"{name}, injected")
    error = sqlite_driver().OperationalError(f"{name}, injected")
    error.sqlite_errorname = name
    return error


class Injected:
    """Raises an error in front of a statement of the execution path, in every thread but this.

    The statements are BEGIN, COMMIT, and those that `OpenConnection.run` runs.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.should_fail: Callable[[str], BaseException | None] = lambda _statement: None
        self.here = threading.get_ident()
        for method, said in (("begin", "BEGIN"), ("commit", "COMMIT"), ("run", None)):
            self._wrap(monkeypatch, method, said)

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, method: str, said: str | None) -> None:
        original = getattr(OpenConnection, method)

        def wrapped(connection: OpenConnection, *args: Any, **keywords: Any) -> Any:
            error = None
            if threading.get_ident() != self.here:
                error = self.should_fail(said or args[0])
            if error is not None:
                raise error
            return original(connection, *args, **keywords)

        monkeypatch.setattr(OpenConnection, method, wrapped)

    def fail_once(self, statement: str, number: int, error: BaseException) -> None:
        """Raise `error` in front of the statement that begins so, at its time number `number`."""
        seen: list[str] = []

        def should_fail(said: str) -> BaseException | None:
            if said.startswith(statement):
                seen.append(said)
                return error if len(seen) == number else None
            return None

        self.should_fail = should_fail


class Clock:
    """Stands in for the module `time` of the execution path: each pause takes one second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.after_pause: Callable[[], object] = lambda: None
        stand_in = SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep)
        modules = ("turns", "writer", "committing", "callers_transactions")
        for module in (*(f"execution.{name}" for name in modules), "database.failures"):
            monkeypatch.setattr(f"hermes_store.{module}.time", stand_in)

    def _sleep(self, seconds: float) -> None:
        if seconds:
            self.now += 1
            self.after_pause()
