"""The base of every topic: the two doors to the database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError

__all__ = ["Namespace", "Topic", "checked_id"]

P = ParamSpec("P")
R = TypeVar("R")


class Topic(ABC):
    """Methods about one thing, which reach the database by `_read` and `_write` only.

    A method checks its arguments and hands one statement function to a door. A topic holds no
    connection, transaction or thread: the class with the doors decides about them. So one topic
    serves `SessionRepository` and `Transaction` alike, as a mixin or as an object of its own.
    """

    @abstractmethod
    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return `function(connection, …)`, run on a snapshot of the database."""

    @abstractmethod
    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return `function(connection, …)`, run in a transaction that is committed."""

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: connections and threads stay with their process."""
        raise InvalidArgumentError(
            type(self).__name__,
            "cannot be pickled or copied",
            "give the address of the store to the other process or object, and open it there",
        )


class Namespace(Topic):
    """A topic as an object of its own, over the doors of its owner: `repo.leases.acquire(…)`."""

    def __init__(self, owner: Topic) -> None:
        self._owner = owner

    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return self._owner._read(function, *args, **kwargs)  # noqa: SLF001 - the owner is a topic, too

    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        return self._owner._write(function, *args, **kwargs)  # noqa: SLF001 - as above


def checked_id(session_id: Any) -> str:
    """Return `session_id`; raise `InvalidArgumentError` when no session can have it."""
    return values.session_id("session_id", session_id)
