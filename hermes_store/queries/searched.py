"""The sessions whose messages a search is asked for, by a `SessionFilter`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, exists, literal_column, text

from hermes_store.database.connection import OpenConnection
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries.filtering import Among, Shape, chosen, conditions
from hermes_store.search.choice import search_of
from hermes_store.search.chosen import ChosenSessions

__all__ = ["searched"]


def searched(
    connection: OpenConnection, which: SessionFilter, among: Sequence[int] | None = None
) -> ChosenSessions:
    """The sessions that a search is given with a filter; of these messages, or of all."""
    of_them = None if among is None else _of_messages(connection, among)
    shape, parameters = chosen(connection, which, of_them)
    return ChosenSessions(_is_of_such_a_session(shape), parameters)


def _of_messages(connection: OpenConnection, ids: Sequence[int]) -> Among:
    index = search_of(connection.backend)
    return Among(_has_one_of(index.GIVEN_IDS), {"ids": index.given(ids)})


@lru_cache
def _has_one_of(given_ids: str) -> ColumnElement[bool]:
    """That a session has one of the messages whose ids are given."""
    of_them = f"SELECT session_id FROM messages WHERE id IN ({given_ids})"  # noqa: S608 - constants
    return sessions.c.id.in_(text(of_them))


@lru_cache(maxsize=64)
def _is_of_such_a_session(shape: Shape) -> ColumnElement[bool]:
    of_the_message = sessions.c.id == literal_column("m.session_id")
    return exists(literal_column("1")).where(of_the_message, *conditions(shape))
