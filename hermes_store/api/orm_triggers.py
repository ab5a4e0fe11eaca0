"""What a foreign trigger takes from a unit of work, or keeps in spite of it, is an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select

from hermes_store.api.orm_folding import last_id
from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.errors import ForeignTriggerError
from hermes_store.models.stored import messages
from hermes_store.queries.there import some_left
from hermes_store.search.triggers import may_hinder

__all__ = ["Expected"]


class Expected:
    """Messages that are about to be stored or deleted, which a foreign trigger may hinder."""

    __slots__ = ("_connection", "_given", "_last", "is_watched")

    def __init__(self, connection: OpenConnection, ids: Iterable[Any]) -> None:
        """`ids` are those that the program gives; None for a message to which the store gives one.

        The program may have made a trigger in its own transaction.
        """
        connection.look_at_triggers()
        self._connection = connection
        self.is_watched = may_hinder(connection)
        """Whether there is one: only then messages are looked for."""
        self._given = {each for each in ids if isinstance(each, int)}
        self._last = last_id(connection) if self.is_watched else 0

    def require(self, number: int) -> None:
        """Raise `ForeignTriggerError` unless so many messages came."""
        if self.is_watched and number:
            before = {each for each in self._given if each <= self._last}
            if self._number(messages.c.id > self._last) + self._among(before) < number:
                raise ForeignTriggerError("some of the messages would not be there")

    def require_gone(self, ids: Iterable[int]) -> None:
        """Raise `ForeignTriggerError` if a message is still there that was deleted."""
        if self.is_watched and self._among(ids):
            raise some_left("messages")

    def _among(self, ids: Iterable[int]) -> int:
        return sum(self._number(messages.c.id.in_(some)) for some in pieces(sorted(ids)))

    def _number(self, condition: Any) -> int:
        found = select(func.count()).select_from(messages).where(condition)
        return self._connection.core.execute(found).scalar_one()
