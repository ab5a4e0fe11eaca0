"""The connections that write: opened when they are needed, kept, closed together."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import FileReplacedError, OutcomeUnknownError

__all__ = ["WriteConnections"]

_INHERITED: list[OpenConnection] = []
"""Connections of a parent process. Closing one here would drop the locks of the child's own."""


class WriteConnections:
    """As many as were ever needed at once. Whoever takes one has it alone."""

    def __init__(self, engine: Engine, backend: Backend, renew: Callable[[], None] | None) -> None:
        """`renew` looks at what lies where a file was that is gone, before it is opened."""
        self._engine = engine
        self._backend = backend
        self._renew = renew
        self._is_replaced = False
        self._open: list[OpenConnection] = []
        self._idle: list[OpenConnection] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def idle(self) -> int:
        """How many nobody has taken."""
        return len(self._idle)

    def take(self) -> OpenConnection:
        """One that is idle, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._connect()
            self._open.append(connection)
            return connection

    def _connect(self) -> OpenConnection:
        if self._is_replaced and self._renew:
            self._renew()
        self._is_replaced = False
        return OpenConnection(self._engine, self._backend, self._backend.begin_writing)

    def give_back(self, connection: OpenConnection) -> None:
        """End the use of one."""
        if connection.core.closed:
            self._open.remove(connection)
        else:
            self._idle.append(connection)

    def abort(self, connection: OpenConnection, exc: BaseException, *, committing: bool) -> None:
        """Leave no transaction behind. Raises `OutcomeUnknownError`.

        When the server is gone, so is every connection; when the file is, this one.
        """
        if isinstance(exc, FileReplacedError):
            connection.roll_back()
            connection.close()
            self._is_replaced = True
            return
        if not self._backend.is_lost(exc):
            connection.roll_back()
            return
        connection.core.invalidate()
        connection.core.close()
        self.close_idle()
        if committing:
            raise OutcomeUnknownError(str(exc)) from exc

    def close_idle(self) -> None:
        """Close those that nobody has taken."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return
            self._open.remove(connection)
            connection.close()

    def part(self) -> None:
        """The file is no longer at its place: close what is idle, look before the next opens."""
        self._is_replaced = True
        self.close_idle()

    def abandon(self) -> None:
        """In the child of a fork: never touch what belongs to the parent."""
        _INHERITED.extend(self._open)
        self._open, self._idle = [], []
