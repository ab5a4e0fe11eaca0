"""Which rows a bulk statement of `orm_session()` is about to find."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import ORMExecuteState

from hermes_store.database.pieces import pieces

__all__ = ["matched"]


def matched(state: ORMExecuteState, column: str) -> set[Any]:
    """The values of a column in the rows that UPDATE or DELETE will find."""
    statement: Any = state.statement
    given: Any = state.parameters
    found = select(statement.table.c[column]).distinct()
    connection = state.session.connection()
    if isinstance(given, dict):
        return set(connection.execute(found.where(*_where(state)), given).scalars())
    if not given:
        return set(connection.execute(found.where(*_where(state))).scalars())
    keys = [row["id"] for row in given]
    with_key = (statement.table.c.id.in_(some) for some in pieces(keys))
    selects = (found.where(each, *_where(state)) for each in with_key)
    return {value for each in selects for value in connection.execute(each).scalars()}


def _where(state: ORMExecuteState) -> list[Any]:
    statement: Any = state.statement
    return [] if statement.whereclause is None else [statement.whereclause]
