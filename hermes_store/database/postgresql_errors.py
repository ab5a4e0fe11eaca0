"""What an error of PostgreSQL's driver means, by its SQLSTATE."""

from __future__ import annotations

import sys
from typing import Any

from sqlalchemy.exc import DBAPIError

from hermes_store.errors import (
    HermesStoreError,
    StoreReadOnlyError,
    StoreUnavailableError,
    TransactionRolledBackError,
)

__all__ = [
    "CHECK_THE_URL",
    "COLUMN_MISSING",
    "RAISED",
    "connecting_remedy",
    "in_one_line",
    "is_busy",
    "is_drivers",
    "is_lost",
    "is_overtaken",
    "may_be_stored",
    "said_by",
    "state_of",
    "translate",
]

_LOCKED = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
COLUMN_MISSING, _TABLE_MISSING = "42703", "42P01"
RAISED = "P0001"
_OVERTAKEN = {"23503", "23505", COLUMN_MISSING, _TABLE_MISSING}  # foreign key, unique
_GOING_DOWN = {"57P01", "57P02", "57P03", "57P05"}  # shut down, crashed, starting, idle for long
_ABORTED = "25P02"  # the transaction, by an earlier error
_IDLE_INSIDE = "25P03"  # idle for long inside a transaction
_SHOWS_ROW = {"23502", "23514"}  # not null and check: the detail is the row itself


def state_of(exc: BaseException) -> str | None:
    """The SQLSTATE of a driver's error; None for others, and for those that the driver made up."""
    return getattr(getattr(exc, "orig", None) or exc, "sqlstate", None)


def _error(exc: BaseException) -> BaseException | None:
    """The driver's error in or behind `exc`."""
    driver = sys.modules.get("psycopg")
    original = getattr(exc, "orig", None) or exc
    return original if driver is not None and isinstance(original, driver.Error) else None


def is_drivers(exc: BaseException) -> bool:
    """Whether the driver raised it, or SQLAlchemy for the driver."""
    return isinstance(exc, DBAPIError) or _error(exc) is not None


def is_busy(exc: BaseException) -> bool:
    """Whether another transaction was in the way; the same operation may succeed later."""
    return state_of(exc) in _LOCKED


def is_overtaken(exc: BaseException) -> bool:
    """Whether another host may have changed what the operation had just looked at."""
    return state_of(exc) in _OVERTAKEN


def is_lost(exc: BaseException) -> bool:
    """Whether the connection is gone, and with it what was not committed."""
    error = _error(exc)
    if error is None:
        return False
    state = state_of(error)
    if state is None:
        return isinstance(error, sys.modules["psycopg"].OperationalError)
    return state in {*_GOING_DOWN, _IDLE_INSIDE} or state.startswith("08")


def may_be_stored(exc: BaseException) -> bool:
    """Whether a connection that was lost during COMMIT leaves open what was stored.

    It does not where the server had ended it before: a transaction is idle until COMMIT arrives.
    """
    error = _error(exc)
    return error is not None and not _was_idle_inside(error, in_one_line(error))


def said_by(exc: Any) -> str:
    """What the server says, without the texts of a row that it adds."""
    said = getattr(exc, "diag", None)
    if said is None or said.message_primary is None:  # the driver's own error
        return str(exc)
    detail = None if said.sqlstate in _SHOWS_ROW else said.message_detail
    return "\n".join(filter(None, (said.message_primary, detail)))


def translate(exc: BaseException) -> HermesStoreError | None:
    """The typed error for an error of the driver; None for others."""
    error = _error(exc)
    if error is None:
        return None
    said = in_one_line(error)
    if _was_idle_inside(error, said):
        return StoreUnavailableError(f"the server ended the connection ({said})", _IDLE_REMEDY)
    if is_lost(error):
        return StoreUnavailableError(f"the connection to the server was lost ({said})", "try again")
    return _translate_state(state_of(error) or "", said)


def _was_idle_inside(error: BaseException, said: str) -> bool:
    """By the server's words where an older psycopg gives no SQLSTATE for its last message."""
    state = state_of(error)
    return state == _IDLE_INSIDE or (state is None and "idle-in-transaction timeout" in said)


def _translate_state(state: str, said: str) -> HermesStoreError | None:
    if state == _ABORTED:
        return TransactionRolledBackError("an earlier error", _NESTED_REMEDY)
    if state in _ROLLED_BACK:
        return TransactionRolledBackError(_ROLLED_BACK[state])
    if state == "25006" or (state == "0A000" and "during recovery" in said):  # a standby
        return StoreReadOnlyError(said, "give the URL of the primary server")
    remedies = [remedy for start, remedy in _REMEDIES.items() if state.startswith(start)]
    return StoreUnavailableError(said, remedies[0]) if remedies else None


_ROLLED_BACK = {
    "40P01": "a deadlock with another transaction",
    "40001": "a conflict with another transaction",
}
_IDLE_REMEDY = (
    "go through an export without long pauses, keep transaction() short, or raise the server's "
    "idle_in_transaction_session_timeout"
)
_NESTED_REMEDY = (
    "run all of it again, with the statement that may fail inside "
    "'with transaction.connection.begin_nested():'"
)
CHECK_THE_URL = (
    "check the URL's host, port, user, password and database, and that the server runs; "
    "'hermes-store init' creates a missing database"
)
_POOLER = "behind a pooler in transaction mode add prepare_threshold=none to the URL's parameters"
_REMEDIES = {
    "26": _POOLER,  # a prepared statement that another connection to the server has
    "42P05": _POOLER,
    "57014": "ask for less, or raise statement_timeout",
    "53": "relieve the server and try again",
    "28": CHECK_THE_URL,
    "3D": CHECK_THE_URL,
    "42501": "grant the user the right to do this; docs/scaling.md lists what the store needs",
}
"""By the beginning of the SQLSTATE."""


def connecting_remedy(said: str) -> str:
    """What to do about the words with which a server, or a pooler, refused a connection."""
    if "unsupported startup parameter" in said:  # PgBouncer's words
        return (
            "leave 'options' and 'schema' out of a pooler's URL and set them on the server, "
            "with ALTER ROLE … SET"
        )
    return CHECK_THE_URL


def in_one_line(exc: BaseException) -> str:
    """What the error says, without line breaks."""
    return " ".join(str(exc).split())
