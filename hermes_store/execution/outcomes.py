"""What an error says of a database that others changed while a store had it open."""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from sqlalchemy import URL

from hermes_store import migrate
from hermes_store.errors import (
    FileReplacedError,
    RefusedError,
    SchemaError,
    SearchIndexError,
    StoreBusyError,
    StoreUnavailableError,
)

__all__ = ["Outcomes"]


class _HasConnections(Protocol):
    def part(self) -> None: ...


class Outcomes:
    """The block of each operation of a store.

    What failed because another process changed the schema raises that error. After a file left its
    path, the other connections to it are closed, too.
    """

    __slots__ = ("_connections", "_url")

    def __init__(self, url: URL, *connections: _HasConnections) -> None:
        self._url = url
        self._connections = connections

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _kind: object, exc: BaseException | None, _trace: object) -> None:
        if exc is not None:
            error = self.explained(exc)
            if error is not exc:
                raise error from exc

    def explained(self, exc: BaseException) -> BaseException:
        """The error for the caller; connections that the operation showed to be of no use part."""
        if isinstance(exc, FileReplacedError):
            for each in self._connections:
                each.part()
        if not _may_come_of_the_schema(exc):
            return exc
        return self._error_of_the_schema() or exc

    def _error_of_the_schema(self) -> SchemaError | None:
        with suppress(StoreBusyError, StoreUnavailableError):
            try:
                migrate.require_current(self._url, lock_timeout=0, was_there=True)
            except SchemaError as error:
                return error
        return None


def _may_come_of_the_schema(exc: BaseException) -> bool:
    if isinstance(exc, SearchIndexError):
        return exc.state == "damaged"
    return isinstance(exc, RefusedError) and not exc.by_trigger
