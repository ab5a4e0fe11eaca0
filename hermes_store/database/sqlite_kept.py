"""The connection that looked at a SQLite file when it was opened, kept for the first read.

To open a file and to read its schema takes SQLite longer than a list of sessions.
"""

from __future__ import annotations

from typing import Any

from hermes_store.database.sqlite_file import Opened

__all__ = ["Kept"]

_INHERITED: list[list[tuple[Any, Opened, str]]] = []
"""Connections of the parent process. Closing one here would drop the child's own locks."""


class Kept:
    """At most one connection, which no thread uses."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Opened, str]] = []

    def put(self, dbapi: Any, opened: Opened, mode: str) -> None:
        """Keep a connection to a file that had no log: whoever takes it claims the new one."""
        self._kept.append((dbapi, opened, mode))

    def take(self, mode: str) -> tuple[Any, Opened] | None:
        """Give away the connection; None, and close it, unless it was opened in this mode."""
        try:
            dbapi, opened, its_mode = self._kept.pop()
        except IndexError:
            return None
        if its_mode == mode:
            return dbapi, opened
        dbapi.close()  # when the file was moved, SQLite leaves the log alone: it may be another's
        return None

    def pop_all(self) -> Kept:
        """Move the connection to a new object."""
        other = Kept()
        self._kept, other._kept = other._kept, self._kept
        return other

    def close(self) -> None:
        """Close the connection, if there is one."""
        self.take("")

    def abandon(self) -> None:
        """Forget the parent's connection, in the child of a fork, without closing it."""
        _INHERITED.append(self._kept)
        self._kept = []
