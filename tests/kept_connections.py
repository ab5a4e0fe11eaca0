"""Connections to a server that stay open from test to test.

A new one takes the server 5 ms, and as much again until it has read its catalogue: most of what a
test of a few calls takes. A connection that is closed to a database of `keep` is emptied by
DISCARD ALL, and is given to whoever connects there next with the same parameters.
"""

import contextlib
import os
import select
from typing import Any

import psycopg
from psycopg import pq

_MOST = 4
"""Connections that are kept of a database, those that were closed last."""
_kept: dict[bytes, list[tuple[str, Any]]] = {}
"""Of each database those that nobody uses: the parameters, and the connection of libpq."""
_process = 0
_CLOSED = pq.PGconn.connect_start(b"=")
"""What a closed connection has: the words are no parameters, so it never was open."""


def begin() -> None:
    """Let the driver give out connections that were kept."""
    global _process  # noqa: PLW0603 - a fork inherits connections that are not its own
    _process = os.getpid()
    psycopg.connect = Kept.connect


def keep(database: str) -> None:
    """Keep the connections to a database from now on."""
    _kept.setdefault(database.encode(), [])


def forget(database: str) -> None:
    """Close what is kept of a database, and keep nothing of it from now on."""
    for _, connection in _kept.pop(database.encode(), ()):
        connection.finish()


def close() -> None:
    """Close all that is kept, at the end of the process."""
    for database in [*_kept]:
        forget(database.decode())


class Kept(psycopg.Connection[Any]):
    """A connection that is kept when it is closed, if its database's are."""

    _parameters = ""

    @classmethod
    def _connect_gen(cls, conninfo: str = "", **options: Any) -> Any:
        if (kept := _taken(conninfo)) is not None:
            made = cls(kept)
        else:
            made = yield from super()._connect_gen(conninfo, **options)
        made._parameters = conninfo
        return made

    def close(self) -> None:
        kept = _kept.get(self.pgconn.db) if os.getpid() == _process and not self.closed else None
        if kept is None or not _is_emptied(self.pgconn):
            super().close()
            return
        connection, self.pgconn = self.pgconn, _CLOSED
        self._closed = True
        kept.append((self._parameters, connection))
        if len(kept) > _MOST:
            kept.pop(0)[1].finish()


def _taken(parameters: str) -> Any:
    """A connection that is kept with these parameters; None when there is none that lives."""
    database = psycopg.conninfo.conninfo_to_dict(parameters).get("dbname", "")
    kept = _kept.get(str(database).encode(), []) if os.getpid() == _process else []
    for each in [each for each in kept if each[0] == parameters]:
        with contextlib.suppress(ValueError):  # another thread was faster
            kept.remove(each)
            if not select.select([each[1].socket], [], [], 0)[0]:
                return each[1]
            each[1].finish()
    return None


def _is_emptied(connection: Any) -> bool:
    """Whether it is as a new one again: a transaction, or a server that is gone, leaves it as it is."""
    if connection.transaction_status != pq.TransactionStatus.IDLE:
        return False
    return connection.exec_(b"DISCARD ALL").status == pq.ExecStatus.COMMAND_OK
