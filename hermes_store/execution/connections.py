"""The connections that write: opened when they are needed, kept, closed together."""

from __future__ import annotations

from sqlalchemy import Engine

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import OutcomeUnknownError

__all__ = ["WriteConnections"]

_INHERITED: list[OpenConnection] = []
"""Connections of a parent process. Closing one here would drop the locks of the child's own."""


class WriteConnections:
    """As many as were ever needed at once. Whoever takes one has it alone."""

    def __init__(self, engine: Engine, backend: Backend) -> None:
        self._engine = engine
        self._backend = backend
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
            connection = OpenConnection(self._engine, self._backend, self._backend.begin_writing)
            self._open.append(connection)
            return connection

    def give_back(self, connection: OpenConnection) -> None:
        """End the use of one."""
        if connection.core.closed:
            self._open.remove(connection)
        else:
            self._idle.append(connection)

    def abort(self, connection: OpenConnection, exc: BaseException, *, committing: bool) -> None:
        """Leave no transaction behind. Raises `OutcomeUnknownError`.

        When the server is gone, so is every connection.
        """
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
            connection.core.close()

    def abandon(self) -> None:
        """In the child of a fork: never touch what belongs to the parent."""
        _INHERITED.extend(self._open)
        self._open, self._idle = [], []
