"""The pages of a list of sessions: the newest first, by offset, or behind a session."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    not_,
    select,
)

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import sessions

__all__ = ["ALL", "Page", "Placed", "Shape", "cut", "placed"]


class Page(NamedTuple):
    """A part of a list, and the order of the list. Of equal times the greater id comes first."""

    limit: int
    offset: int = 0
    by_last_active: bool = False
    """Ordered by the last activity, not by the start; the newest comes first either way."""
    after: str | None = None
    """The session that the page goes on behind."""


ALL = Page(values.ALL)
"""All sessions, the last started first."""

_MOST_WRITTEN = 100
"""Greatest limit that stands in the SQL. PostgreSQL takes a tenth of all rows for an unknown one,
and then plans the statement anew each time, which takes longer than to run it."""


class Shape(NamedTuple):
    """What the SQL of order and page depends on."""

    by_last_active: bool = False
    goes_on: bool = False
    some_unknown: bool = False
    """Whether the order must place sessions of which no last activity is stored."""
    limit: int | None = None
    """A limit that stands in the SQL; else it is a parameter."""
    skips: bool = False
    """Whether the page has an offset."""


class Placed(NamedTuple):
    """A page as SQL: its shape, and its parameters."""

    shape: Shape
    parameters: dict[str, Any]


def _time(shape: Shape) -> ColumnElement[Any]:
    return sessions.c.last_active if shape.by_last_active else sessions.c.started_at


def cut(statement: Select[Any], shape: Shape) -> Select[Any]:
    """`statement` in the order of the list, with the rows of the page."""
    limit = literal_column(str(shape.limit)) if shape.limit is not None else _LIMIT
    ordered = statement.where(*_behind(shape)).order_by(_time(shape).desc(), sessions.c.id.desc())
    page = ordered.limit(limit)
    return page.offset(_OFFSET) if shape.skips else page


_LIMIT, _OFFSET = (bindparam(name, type_=BigInteger) for name in ("limit", "offset"))


def _behind(shape: Shape) -> list[ColumnElement[bool]]:
    """The conditions of a page that goes on behind a session."""
    if not shape.goes_on:
        return []
    time: ColumnElement[Any] = _time(shape)
    at = bindparam("at", type_=time.type)
    if shape.some_unknown:
        time = func.coalesce(time, bindparam("unknown", type_=time.type))
    # Not as an OR of two comparisons: SQLite would look each up in an index, and sort.
    return [time <= at, not_(and_(time == at, sessions.c.id >= bindparam("after")))]


_THE_ONE = sessions.c.id == bindparam("after")
_STARTED = Statement(select(sessions.c.started_at, literal_column("0")).where(_THE_ONE))
_others = sessions.alias("others")
_ONE_UNKNOWN: Select[Any] = select(literal_column("1")).where(_others.c.last_active.is_(None))
_ACTIVE = Statement(
    select(sessions.c.last_active, _ONE_UNKNOWN.limit(literal_column("1")).scalar_subquery()).where(
        _THE_ONE
    )
)


def placed(connection: OpenConnection, page: Page) -> Placed:
    """Translate a page. Raises `InvalidArgumentError` when `after` is no session."""
    limit = page.limit if page.limit <= _MOST_WRITTEN else None
    shape = Shape(page.by_last_active, limit=limit, skips=bool(page.offset))
    parameters = {"limit": page.limit, "offset": page.offset}
    if page.after is None:
        return Placed(shape, parameters)
    at, some_unknown = _place(connection, page)
    goes_on = {**parameters, "after": page.after, "at": at}
    if some_unknown:  # rows of other programs; the list has them at one end
        unknown = 1e308 if connection.backend.sorts_null_first else -1e308
        goes_on |= {"unknown": unknown, "at": unknown if at is None else at}
    return Placed(shape._replace(goes_on=True, some_unknown=some_unknown), goes_on)


def _place(connection: OpenConnection, page: Page) -> tuple[float | None, bool]:
    """The time of the session that a page goes on behind, and whether some times are unknown."""
    statement = _ACTIVE if page.by_last_active else _STARTED
    row = statement.run(connection, after=page.after).fetchone()
    if row is None:
        problem = f"there is no session {page.after!r}"
        raise InvalidArgumentError("after", problem, "give the last id of the page before")
    return row[0], bool(row[1])
