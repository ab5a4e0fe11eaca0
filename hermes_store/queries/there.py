"""Whether rows are there that were stored, and gone that were deleted or changed.

A foreign trigger may delete what was stored, and keep what was to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.database.statements import Statement
from hermes_store.errors import ForeignTriggerError
from hermes_store.models.stored import messages
from hermes_store.search.triggers import require_all_stored

__all__ = ["number_of", "require_none_left", "require_there", "some_left"]


def require_there(connection: OpenConnection, ids: Sequence[int], wanted: int) -> None:
    """Raise `ForeignTriggerError` unless `ids` has the wanted length and all of them exist."""
    what = "the message" if wanted == 1 else "some of the messages"
    require_all_stored(connection, what, len(ids), wanted, lambda: number_of(connection, ids))


def number_of(connection: OpenConnection, ids: Sequence[int]) -> int:
    """How many messages of these ids there are."""
    found = 0
    for some in pieces(ids):
        counted = select(func.count()).select_from(messages).where(messages.c.id.in_(some))
        found += connection.core.execute(counted).scalar_one()
    return found


def require_none_left(connection: OpenConnection, what: str, left: Statement, **which: Any) -> None:
    """Raise `ForeignTriggerError` if `left` finds a row that is still as it was."""
    if left.run(connection, **which).fetchone() is not None:
        raise some_left(what)


def some_left(what: str) -> ForeignTriggerError:
    """The error that a foreign trigger keeps some rows as they are."""
    return ForeignTriggerError(f"some of the {what} would stay as they are")
