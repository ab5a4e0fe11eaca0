"""The connection that looked at a SQLite file when it was opened, kept for the first read.

To open a file and to read its schema takes SQLite longer than a list of sessions.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hermes_store.database.sqlite_file import Opened
from hermes_store.errors import FileReplacedError

__all__ = ["Kept"]

_INHERITED: list[list[tuple[Any, Opened, str]]] = []
"""Connections of the parent process. Closing one here would drop the child's own locks."""


class Kept:
    """At most one connection, which no thread uses."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Opened, str]] = []

    def put(self, dbapi: Any, opened: Opened, mode: str) -> None:
        """Keep a connection that has read a file which had no log, and claim the one it made.

        Close it when the file was replaced meanwhile.
        """
        try:
            opened.claim_log()  # now: SQLite reads this log, also when another lies there later
        except FileReplacedError:
            _close(dbapi, opened)
        else:
            self._kept.append((dbapi, opened, mode))

    def take(self, mode: str) -> tuple[Any, Opened] | None:
        """Give away the connection; None, and close it, unless it was opened in this mode.

        Raises `FileReplacedError`, and closes it, when file or log left their places.
        """
        try:
            dbapi, opened, its_mode = self._kept.pop()
        except IndexError:
            return None
        try:
            if its_mode == mode:
                opened.claim_log()
                return dbapi, opened
        except FileReplacedError:
            _close(dbapi, opened)
            raise
        _close(dbapi, opened)
        return None

    def pop_all(self) -> Kept:
        """Move the connection to a new object."""
        other = Kept()
        self._kept, other._kept = other._kept, self._kept
        return other

    def close(self) -> None:
        """Close the connection, if there is one."""
        with suppress(IndexError):
            dbapi, opened, _ = self._kept.pop()
            _close(dbapi, opened)

    def abandon(self) -> None:
        """Forget the parent's connection, in the child of a fork, without closing it."""
        _INHERITED.append(self._kept)
        self._kept = []


def _close(dbapi: Any, opened: Opened) -> None:
    with opened.sparing_log():
        dbapi.close()  # when the file was moved, SQLite leaves the log alone
