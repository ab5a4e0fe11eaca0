"""An operation inside a transaction whose failure leaves no trace in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, NoReturn, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from hermes_store.database.engine import in_transaction, run_on_driver
from hermes_store.database.failures import is_lost, is_overtaken
from hermes_store.errors import TransactionRolledBackError

__all__ = ["Repair", "can_run_again", "run_in_savepoint"]

T = TypeVar("T")


class Repair(NamedTuple):
    """What to do when an operation fails for a reason that must not cost the operation.

    It is undone where the operation fails all the same: then that was not the reason.
    """

    applies: Callable[[BaseException], bool]
    apply: Callable[[Connection, BaseException], None]


def run_in_savepoint(
    connection: Connection,
    operation: Callable[[Connection], T],
    repair: Repair | None,
    *,
    again: bool = True,
) -> T:
    """Run `operation` so that a failure leaves no trace.

    Once, `again`, when another host was faster, or what `repair` can repair is repaired.
    """
    if not in_transaction(connection):  # SQLite's SAVEPOINT would begin one, and RELEASE commit it
        raise TransactionRolledBackError
    run_on_driver(connection, "SAVEPOINT operation")
    try:
        result = operation(connection)
    except BaseException as exc:
        if is_lost(exc):
            raise
        if not in_transaction(connection):
            raise TransactionRolledBackError(str(exc)) from exc
        run_on_driver(connection, "ROLLBACK TO SAVEPOINT operation")
        run_on_driver(connection, "RELEASE SAVEPOINT operation")
        if not again or not can_run_again(exc, repair):
            raise
        if repair is not None and repair.applies(exc):
            return _run_repaired(connection, operation, repair, exc)
    else:
        _release(connection)
        return result
    return run_in_savepoint(connection, operation, repair, again=False)


def _release(connection: Connection) -> None:
    """Keep what was done since the savepoint.

    FTS5 writes its pages here. When it cannot, the savepoint is gone and what was done is not:
    then everything has to be.
    """
    try:
        run_on_driver(connection, "RELEASE SAVEPOINT operation")
    except Exception as exc:
        if is_lost(exc):
            raise
        _roll_back_all(connection, exc)


def _roll_back_all(connection: Connection, because: BaseException) -> NoReturn:
    if in_transaction(connection):
        run_on_driver(connection, "ROLLBACK")
    raise TransactionRolledBackError(str(because)) from because


def _run_repaired(
    connection: Connection,
    operation: Callable[[Connection], T],
    repair: Repair,
    cause: BaseException,
) -> T:
    """Repair, then run `operation`; where nothing can be changed any more, everything has to go."""
    is_repaired = False

    def repaired(connection: Connection) -> T:
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


def can_run_again(exc: BaseException, repair: Repair | None) -> bool:
    """Whether an operation that raised `exc` may succeed when it is run once more."""
    return is_overtaken(exc) or (repair is not None and repair.applies(exc))
