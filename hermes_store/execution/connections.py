"""The connections that write: opened when they are needed, kept, closed together."""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from hermes_store.database.engine import in_transaction
from hermes_store.database.failures import is_lost
from hermes_store.errors import OutcomeUnknownError

__all__ = ["WriteConnections"]

_INHERITED: list[Connection] = []
"""Connections of a parent process. Closing one here would drop the locks of the child's own."""


class WriteConnections:
    """As many as were ever needed at once. Whoever takes one has it alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: list[Connection] = []
        self._idle: list[Connection] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def idle(self) -> int:
        """How many nobody has taken."""
        return len(self._idle)

    def take(self) -> Connection:
        """One that is idle, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
            self._open.append(connection)
            return connection

    def give_back(self, connection: Connection) -> None:
        """End the use of one."""
        if connection.closed:
            self._open.remove(connection)
        else:
            self._idle.append(connection)

    def abort(self, connection: Connection, exc: BaseException, *, committing: bool) -> None:
        """Leave no transaction behind. Raises `OutcomeUnknownError`.

        When the server is gone, so is every connection.
        """
        if not is_lost(exc):
            _roll_back(connection)
            return
        connection.invalidate()
        connection.close()
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

    def abandon(self) -> None:
        """In the child of a fork: never touch what belongs to the parent."""
        _INHERITED.extend(self._open)
        self._open, self._idle = [], []


def _roll_back(connection: Connection) -> None:
    connection.rollback()
    if not connection.invalidated and in_transaction(connection):
        connection.connection.rollback()  # a COMMIT that failed leaves SQLite's transaction open
