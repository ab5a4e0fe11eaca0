"""The triggers of a SQLite file, read anew when another program may have changed them."""

from __future__ import annotations

from typing import Any

__all__ = ["Triggers"]


class Triggers:
    """As a connection sees them.

    An authorizer would be told of them for nothing. But SQLite takes a Ctrl-C in a function that it
    calls for an error of its own.
    """

    __slots__ = ("_names", "_schema")

    def __init__(self) -> None:
        self._schema: tuple[int, ...] = ()
        self._names: set[str] = set()

    def names(self, dbapi: Any) -> set[str]:
        """The names. In a transaction that writes no other program adds one before COMMIT.

        The driver is asked, as for BEGIN and COMMIT: after a Ctrl-C in SQLAlchemy a statement that
        has not ended would keep the lock.
        """
        schema = dbapi.execute("PRAGMA schema_version").fetchone()
        if schema != self._schema:
            found = dbapi.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            self._names = {name for (name,) in found.fetchall()}
            self._schema = schema
        return self._names
