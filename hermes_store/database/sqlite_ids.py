"""The ids that SQLite gives to messages come to an end where another program took the greatest."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy import ExceptionContext

from hermes_store.database.driver import sqlite_driver
from hermes_store.database.sqlite_errors import is_full
from hermes_store.errors import StoreUnavailableError

__all__ = ["refuse_no_id", "say_no_id_is_left"]

_GREATEST = (1 << 63) - 1
_GIVEN = """\
SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0), max(id))
FROM messages"""


def refuse_no_id(dbapi: Any, exc: BaseException) -> None:
    """Raise `StoreUnavailableError` where SQLite says "full" because no greater id is left."""
    if is_full(exc) and _is_greatest_given(dbapi):
        raise StoreUnavailableError(
            f"no id is left: another program has stored a message with the greatest, {_GREATEST};"
            " nothing of this operation was stored",
            "delete that message, or give it a lesser id, and then run in any tool for SQLite:"
            " UPDATE sqlite_sequence SET seq = (SELECT max(id) FROM messages)"
            " WHERE name = 'messages'",
        ) from exc


def _is_greatest_given(dbapi: Any) -> bool:
    with suppress(sqlite_driver().Error):  # what is full may be out of order, too
        return bool(dbapi.execute(_GIVEN).fetchone() == (_GREATEST,))
    return False


def say_no_id_is_left(context: ExceptionContext) -> None:
    """Listener of "handle_error": the same for statements that SQLAlchemy runs."""
    if context.connection is not None:
        refuse_no_id(context.connection.connection.dbapi_connection, context.original_exception)
