"""Runs an operation in a savepoint, so that its failure leaves no trace in the transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

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
    """Run `operation`, and return its result. A failure leaves no trace.

    With `again` a failed operation runs once more in two cases: another host was faster, or
    `repair` repaired the cause. Raises what `operation` raises, and `TransactionRolledBackError`
    when the database ended the whole transaction.
    """
    if not connection.in_transaction:  # then SAVEPOINT would begin one and RELEASE commit it
        raise TransactionRolledBackError
    connection.run("SAVEPOINT operation")
    try:
        result = operation(connection)
    except BaseException as exc:
        if connection.backend.is_lost(exc) or connection.is_executing:
            raise
        if not connection.in_transaction:
            if isinstance(exc, KeyboardInterrupt):  # at which SQLAlchemy closes the connection
                raise
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
    """End the savepoint, and keep or undo the changes made since.

    FTS5 writes its pages at RELEASE. When a statement fails, SQLite may drop the savepoint but keep
    the changes. They can then be undone only by rolling the whole transaction back.
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
    """Repair `cause`, then run `operation`. A failed repair rolls the whole transaction back."""
    is_repaired = False

    def repaired(connection: OpenConnection) -> T:
        nonlocal is_repaired
        repair.apply(connection, cause)
        is_repaired = True
        return operation(connection)

    try:
        return run_in_savepoint(connection, repaired, None)
    except connection.errors:
        if is_repaired:
            raise
        _roll_back_all(connection, cause)


def can_run_again(backend: Backend, exc: BaseException, repair: Repair | None) -> bool:
    """Return whether an operation that raised `exc` may succeed in a second run."""
    return backend.is_overtaken(exc) or (repair is not None and repair.applies(exc))
