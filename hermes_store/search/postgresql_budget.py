"""The time that a search on PostgreSQL may take: as `statement_timeout`, which the server keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.postgresql_errors import state_of
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget

__all__ = ["LIMIT_SET", "set_limit", "timeout", "within"]

_ENDED = "57014"
"""SQLSTATE of a statement that ran for too long, or that a user cancelled."""

LIMIT_SET = """\
CASE WHEN CAST(:timeout AS text) <> '' AND (current_setting('statement_timeout') = '0'
        OR CAST(current_setting('statement_timeout') AS interval) > CAST(:timeout AS interval))
    THEN set_config('statement_timeout', :timeout, true) END"""
"""Limits what follows in the transaction. A lower limit that is there already stays."""

_SET_LIMIT = Statement(text(f"SELECT {LIMIT_SET}"))


def timeout(budget: Budget) -> str:
    """The parameter of `LIMIT_SET`; empty for a search without a limit.

    A twentieth more than is left, so that the server does not end the ROLLBACK as well.
    """
    if not budget.seconds:
        return ""
    seconds = max(budget.left, 0.0) + budget.seconds / 20
    return f"{max(1, round(seconds * 1000))} ms"


def set_limit(connection: OpenConnection, budget: Budget) -> None:
    """Limit each statement that follows to what is left."""
    if budget.seconds:
        _SET_LIMIT.run(connection, timeout=timeout(budget))


@contextmanager
def within(connection: OpenConnection, budget: Budget) -> Iterator[None]:
    """Tell statements that ended because `budget` is over: `SearchTooBroadError`.

    What fails inside fails alone: a transaction around it goes on.
    """
    if not budget.seconds:
        yield
        return
    around = nullcontext() if connection.is_for_one_read else _savepoint(connection)
    try:
        with around:
            yield
    except connection.errors as exc:
        if state_of(exc) == _ENDED:
            budget.check()
        raise


@contextmanager
def _savepoint(connection: OpenConnection) -> Iterator[None]:
    connection.run("SAVEPOINT hermes_search")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.run("ROLLBACK TO hermes_search")
            connection.run("RELEASE hermes_search")
