"""Bulk statements in `orm_session()`: search finds what they wrote.

Search reads the column `folded` beside a message's texts. Where SQL says what the texts are, or a
statement holds them, the column is filled after the statement, from what is stored then.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.models.stored import messages
from hermes_store.search.filling import fill_those

__all__ = ["fold_inserted", "last_id"]

_IDS, _SESSION = select(messages.c.id), messages.c.session_id


def last_id(connection: OpenConnection) -> int:
    """The greatest id of a message before a statement: those that it inserts get greater ones."""
    return connection.backend.last_id(connection.core, messages.name)


def fold_inserted(
    connection: OpenConnection, last: int, own_ids: set[Any], session_ids: set[Any] | None
) -> None:
    """Fold the messages behind `last`, those with ids of their own, and all of some sessions."""
    found = {*own_ids, *connection.core.execute(_IDS.where(messages.c.id > last)).scalars()}
    for some in pieces(sorted(session_ids or ())):
        found.update(connection.core.execute(_IDS.where(_SESSION.in_(some))).scalars())
    fill_those(connection, found)
