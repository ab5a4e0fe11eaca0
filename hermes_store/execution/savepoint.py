"""An operation inside a transaction whose failure leaves no trace in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from sqlalchemy.exc import DatabaseError

from hermes_store.database.backend import Backend
from hermes_store.database.connection import OpenConnection
from hermes_store.database.repair import Repair
from hermes_store.errors import TransactionRolledBackError

__all__ = ["can_run_again", "run_in_savepoint"]

T = TypeVar("T")


def run_in_savepoint(
    connection: OpenConnection,
    operation: Callable[[OpenConnection], T],
    repair: Repair | None,
    *,
    again: bool = True,
) -> T:
    """Run `operation` so that a failure leaves no trace.

    Once, `again`, when another host was faster, or what `repair` can repair is repaired.
    """
    if not connection.in_transaction:  # SQLite's SAVEPOINT would begin one, and RELEASE commit it
        raise TransactionRolledBackError
    connection.run("SAVEPOINT operation")
    try:
        result = operation(connection)
    except BaseException as exc:
        if connection.backend.is_lost(exc):
            raise
        if not connection.in_transaction:
            raise TransactionRolledBackError(str(exc)) from exc
        _end(connection, "ROLLBACK TO SAVEPOINT operation", "RELEASE SAVEPOINT operation")
        if not again or not can_run_again(connection.backend, exc, repair):
            raise
        if repair is not None and repair.applies(exc):
            return _run_repaired(connection, operation, repair, exc)
    else:
        _end(connection, "RELEASE SAVEPOINT operation")
        return result
    return run_in_savepoint(connection, operation, repair, again=False)


def _end(connection: OpenConnection, *statements: str) -> None:
    """End the savepoint, and keep or undo what was done since.

    FTS5 writes its pages at RELEASE. When a statement fails, the savepoint may be gone while what
    was done is not: then everything has to be.
    """
    try:
        for statement in statements:
            connection.run(statement)
    except Exception as exc:
        if connection.backend.is_lost(exc):
            raise
        _roll_back_all(connection, exc)


def _roll_back_all(connection: OpenConnection, because: BaseException) -> NoReturn:
    if connection.in_transaction:
        connection.run("ROLLBACK")
    raise TransactionRolledBackError(str(because)) from because


def _run_repaired(
    connection: OpenConnection,
    operation: Callable[[OpenConnection], T],
    repair: Repair,
    cause: BaseException,
) -> T:
    """Repair, then run `operation`; where nothing can be changed any more, everything has to go."""
    is_repaired = False

    def repaired(connection: OpenConnection) -> T:
        nonlocal is_repaired
        repair.apply(connection, cause)
        is_repaired = True
        return operation(connection)

    try:
        return run_in_savepoint(connection, repaired, None)
    except DatabaseError:
        if is_repaired:
            raise
        _roll_back_all(connection, cause)


def can_run_again(backend: Backend, exc: BaseException, repair: Repair | None) -> bool:
    """Whether an operation that raised `exc` may succeed when it is run once more."""
    return backend.is_overtaken(exc) or (repair is not None and repair.applies(exc))
