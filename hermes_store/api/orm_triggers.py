"""What a foreign trigger takes from a unit of work, or keeps in spite of it, is an error."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Result, func, select

from hermes_store.api.orm_folding import last_id
from hermes_store.database.connection import OpenConnection
from hermes_store.models.stored import messages
from hermes_store.queries.there import number_of, some_left
from hermes_store.search.triggers import may_hinder, require_all_stored

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
        require_all_stored(
            self._connection,
            "some of the messages",
            number,
            number,
            lambda: min(number, self._number_come()),
        )

    def _number_come(self) -> int:
        """A trigger may have stored more."""
        before = [each for each in self._given if each <= self._last]
        behind = select(func.count()).where(messages.c.id > self._last)
        come: int = self._connection.core.execute(behind).scalar_one()
        return come + self._number_there(before)

    def looks_at(self, parameters: Any) -> bool:
        """Whether an UPDATE with these is looked at: of a list of keys SQLAlchemy counts them."""
        return self.is_watched and not isinstance(parameters, list)

    def require_changed(self, ids: Collection[int], result: Result[Any]) -> None:
        """Raise `ForeignTriggerError` if UPDATE left a message as it was that it found before.

        What it says by RETURNING is not counted. Another process may have deleted some meanwhile.
        """
        changed = getattr(result, "rowcount", len(ids))
        if self.is_watched and changed < len(ids) and changed < self._number_there(ids):
            raise some_left("messages")

    def require_gone(self, ids: Iterable[int]) -> None:
        """Raise `ForeignTriggerError` if a message is still there that was deleted."""
        if self.is_watched and self._number_there(ids):
            raise some_left("messages")

    def _number_there(self, ids: Iterable[int]) -> int:
        return number_of(self._connection, sorted(ids))
