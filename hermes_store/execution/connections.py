"""The connections that write. They are opened when needed, kept, and closed together."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakSet

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.database.late_engine import LateEngine
from hermes_store.errors import FileReplacedError, OutcomeUnknownError

__all__ = ["WriteConnections"]

_INHERITED: list[OpenConnection] = []
"""Connections of the parent process. Closing one here would drop the child's own locks."""


class WriteConnections:
    """A pool that grows to what is needed at once. One thread uses a connection at a time."""

    def __init__(
        self, engine: LateEngine, backend: Backend, renew: Callable[[], None] | None
    ) -> None:
        """When the file left its path, `renew` prepares the file that lies there now."""
        self._engine = engine
        self._backend = backend
        self._renew = renew
        self._is_replaced = False
        self._open: WeakSet[OpenConnection] = WeakSet()
        """Weak, so that one which a thread lost at Ctrl-C is closed."""
        self._idle: list[OpenConnection] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def idle(self) -> int:
        """How many connections no thread uses."""
        return len(self._idle)

    def take(self) -> OpenConnection:
        """Return an idle connection, or a new one."""
        try:
            return self._idle.pop()
        except IndexError:
            connection = self._connect()
            self._open.add(connection)
            return connection

    def _connect(self) -> OpenConnection:
        if self._is_replaced and self._renew:
            self._renew()
        self._is_replaced = False
        return OpenConnection(self._engine(), self._backend, self._backend.begin_writing)

    def give_back(self, connection: OpenConnection, *, is_sound: bool = False) -> None:
        """Put a connection back after its use; close one whose transaction could not be ended.

        One that has just committed `is_sound`.
        """
        core = connection.core
        if not is_sound and (core.closed or core.invalidated or connection.in_transaction):
            self._open.discard(connection)
            connection.core.close()
            connection.dbapi.close()  # a second Ctrl-C ends SQLAlchemy's own close
        else:
            self._idle.append(connection)

    def abort(self, connection: OpenConnection, exc: BaseException, *, committing: bool) -> None:
        """End the transaction after `exc`, and close the connections that `exc` made useless.

        A lost server makes all of them useless, a replaced file this one. Raises
        `OutcomeUnknownError` when the server was lost during COMMIT, unless it ended it before.
        """
        if isinstance(exc, FileReplacedError):
            connection.roll_back()
            connection.close()
            self._is_replaced = True
            return
        if connection.is_executing:
            connection.core.invalidate()
            connection.core.close()
            return
        if not self._backend.is_lost(exc):
            connection.roll_back()
            return
        connection.core.invalidate()
        connection.core.close()
        self.close_idle()
        if committing and self._backend.may_be_stored(exc):
            raise OutcomeUnknownError(str(exc)) from exc

    def close_idle(self) -> None:
        """Close the connections that no thread uses."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return
            self._open.discard(connection)
            connection.close()

    def part(self) -> None:
        """Close idle connections, because the file left its path; opening then calls `renew`."""
        self._is_replaced = True
        self.close_idle()

    def abandon(self) -> None:
        """Forget the parent's connections, in the child of a fork, without closing them."""
        _INHERITED.extend(self._open)
        self._open, self._idle = WeakSet(), []
