"""An operation inside a transaction whose failure leaves no trace in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from hermes_store.engine import in_transaction, is_lost, is_overtaken, run_on_driver
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
        run_on_driver(connection, "RELEASE SAVEPOINT operation")
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
        return result
    return run_in_savepoint(connection, operation, repair, again=False)


def _run_repaired(
    connection: Connection,
    operation: Callable[[Connection], T],
    repair: Repair,
    cause: BaseException,
) -> T:
    def repaired(connection: Connection) -> T:
        repair.apply(connection, cause)
        return operation(connection)

    return run_in_savepoint(connection, repaired, None)


def can_run_again(exc: BaseException, repair: Repair | None) -> bool:
    """Whether an operation that raised `exc` may succeed when it is run once more."""
    return is_overtaken(exc) or (repair is not None and repair.applies(exc))
