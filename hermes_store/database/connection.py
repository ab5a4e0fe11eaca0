"""An open connection, with its objects of SQLAlchemy, of the driver and of the backend."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from hermes_store.database.backend import Backend

__all__ = ["OpenConnection", "RunAgainError", "SnapshotNeededError"]


class RunAgainError(Exception):
    """A read that has to be run again, in another way. Its connection is sound."""


class SnapshotNeededError(RunAgainError):
    """A read that began without a transaction has more than one statement: run it in one."""


def _nothing() -> None:
    pass


class OpenConnection:
    """One connection and its transaction. The functions of `queries` and `search` work on it.

    A statement runs in one of two ways. While no program listens to the engine's statements, the
    driver runs it, which is faster. As soon as a program listens, SQLAlchemy runs the same text.
    """

    __slots__ = (
        "__weakref__",
        "_begin",
        "_has_had_caller",
        "_listeners",
        "_opened",
        "_statements",
        "_triggers",
        "alone",
        "backend",
        "committed_at",
        "core",
        "dbapi",
        "errors",
        "fired",
        "in_a_run",
        "looks_at_waiting",
        "require_same_file",
        "require_same_file_lately",
        "search_timeout",
        "takes_words",
        "watched",
    )

    def __init__(
        self, engine: Engine, backend: Backend, begin: str, search_timeout: float = 0.0
    ) -> None:
        """Connect. `begin` is the statement that begins a transaction."""
        self.core = engine.connect()
        """SQLAlchemy's connection; it lives as long as this object."""
        self.dbapi: Any = self.core.connection.dbapi_connection
        """The driver's connection."""
        self.backend = backend
        self.errors: tuple[type[Exception], ...] = DBAPIError, engine.dialect.loaded_dbapi.Error
        """What a statement raises: the driver's errors, or SQLAlchemy's around them."""
        self.search_timeout = search_timeout
        """Seconds a search may take; 0: no limit."""
        self.committed_at = -math.inf
        """When the writer last committed on it, by the monotonic clock."""
        self.in_a_run = 0
        """How many messages have followed each other quickly, counted by `search.waiting`."""
        self.looks_at_waiting = False
        """Whether a search looks at the messages that wait to be indexed."""
        self.takes_words = backend.takes_words
        """Whether a message may bring its words: False once the column for them was missing."""
        self._listeners = engine.dispatch
        self.watched = False
        """Whether a program listens to statements; each transaction looks when it begins."""
        self.alone = False
        """Whether a single statement runs, without a transaction around it."""
        self._statements = 0
        self._has_had_caller = False
        self._begin = begin
        self._opened = opened = backend.opened(self.core)
        self.require_same_file: Callable[[], None] = opened.require_same if opened else _nothing
        """Raises `FileReplacedError` when the database is a file that left its path."""
        self.require_same_file_lately: Callable[[], None] = (
            opened.require_same_lately if opened else _nothing
        )
        """The same, from a look a moment ago. Raises `SecondNameError` for a second name."""
        self._triggers = backend.fired(self.core) if begin == backend.begin_writing else None
        self.fired: set[str] = set()
        """How the triggers are made that may write for the transaction, if it writes."""

    def close(self) -> None:
        """Close the connection; a file that left its path keeps what was committed to it."""
        if self._opened is None or self.core.closed:
            self.core.close()
            return
        self._opened.part(self.dbapi)
        with self._opened.sparing_log():
            self.core.close()

    @property
    def is_for_one_read(self) -> bool:
        """Whether each of its transactions is for a single read: what ends that ends both."""
        return self._begin == self.backend.begin_reading

    @property
    def in_transaction(self) -> bool:
        """Whether the database still holds the transaction that was begun."""
        return not self.core.invalidated and self.backend.in_transaction(self.dbapi)

    @property
    def may_commit(self) -> bool:
        """Whether COMMIT would store the transaction; after an error PostgreSQL rolls back."""
        return not self.core.invalidated and self.backend.may_commit(self.dbapi)

    @property
    def is_executing(self) -> bool:
        """Whether Ctrl-C left it in the middle of a statement; it is then good for nothing."""
        return not self.core.invalidated and self.backend.is_executing(self.dbapi)

    # --- transactions ---------------------------------------------------------------------------

    def begin(self, *, for_caller: bool = False, alone: bool = False) -> None:
        """Begin a transaction. SQLAlchemy is told when it is `for_caller`, or watched.

        A statement that is `alone` needs none where the backend says so.
        """
        listeners = self._listeners
        self.watched = bool(
            listeners.before_cursor_execute
            or listeners.after_cursor_execute
            or listeners.before_execute
            or listeners.after_execute
            or self.core._echo  # noqa: SLF001 - the engine's `echo`, and its logger's level
        )
        is_told = for_caller or self.watched
        self._has_had_caller |= is_told
        self.alone = alone and not self.watched and self.backend.runs_alone(self.core)
        if self.alone:
            self._statements = 0
        elif not self.backend.in_transaction(self.dbapi):
            self.backend.begin(self.core, self._begin)
            self.look_at_triggers()
        if is_told:
            self.core.begin()

    def look_at_triggers(self) -> None:
        """See which triggers may write now: a caller may have made one in the transaction."""
        if self._triggers is not None:
            self.fired = self._triggers(self.dbapi, self._has_had_caller)

    def commit(self) -> None:
        """Commit the transaction, also when SQLAlchemy does not know of it."""
        if self.alone and self.core.in_transaction() and self._statements:
            # SQLAlchemy began a transaction for later statements: they saw another snapshot.
            raise SnapshotNeededError
        if self.core.in_transaction():  # at ROLLBACK psycopg forgets the statements it prepared
            try:
                self.core.commit()
            except AssertionError as exc:  # what SQLAlchemy makes of a Ctrl-C in its commit
                raise exc.__context__ or exc from None
        if self.backend.in_transaction(self.dbapi):
            self.dbapi.execute("COMMIT")

    def roll_back(self) -> None:
        """Roll the transaction back, also one that a failed COMMIT left open."""
        self.core.rollback()
        if self.in_transaction:
            self.dbapi.rollback()

    # --- statements in the driver's own words ---------------------------------------------------

    def run(self, statement: str) -> None:
        """Run a statement without parameters and without result."""
        if self.watched:
            self.core.exec_driver_sql(statement, execution_options={"no_parameters": True})
        else:
            self.dbapi.execute(statement)

    def execute(self, statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Any:
        """Run a statement; return a cursor: rows like tuples, and `rowcount`.

        Raises `SnapshotNeededError` for a second one without a transaction.
        """
        if self.alone:
            self._statements += 1
            if self._statements > 1:
                raise SnapshotNeededError
        if self.watched:
            return self.core.exec_driver_sql(statement, parameters)
        return self.dbapi.execute(statement, parameters)
