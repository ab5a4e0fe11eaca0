"""Lists of sessions: filtered, newest first, with a preview of what each is about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    select,
    type_coerce,
)

from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries import filtering, joining, paging
from hermes_store.queries import sessions as session_functions
from hermes_store.queries.conversations import GOES_ON, HAS_ENDED, IS_TIP, by_root
from hermes_store.queries.dicts import Dicts
from hermes_store.queries.lineage import root_of
from hermes_store.queries.paging import Page
from hermes_store.queries.previews import BEGINNING, preview
from hermes_store.records import SessionListing, SessionRecord

__all__ = [
    "Shape",
    "count",
    "list_rich",
    "list_these",
    "longest",
    "search",
    "select_page",
    "translated",
]

_LISTED = tuple(name for name in session_functions.NAMES if name != "system_prompt")


class Shape(NamedTuple):
    """What the SQL of a list depends on; the rest are parameters."""

    filter: filtering.Shape
    order: paging.Shape
    conversations: bool = False
    """Each conversation once: by its tip, or by its root where the order is that of the starts."""
    ended: bool = False
    """In the order of the starts: only conversations of which no last session is open."""


def translated(
    connection: OpenConnection,
    which: SessionFilter,
    page: Page,
    *,
    conversations: bool = False,
    ended: bool = False,
) -> tuple[Shape, dict[str, Any]]:
    """The shape and the parameters of a page. Raises `InvalidArgumentError`."""
    if conversations and page.after is not None and not page.by_last_active:
        page = page._replace(after=root_of(connection, page.after))
    chosen, placed = filtering.chosen(connection, which), paging.placed(connection, page)
    shape = Shape(chosen.shape, placed.shape, conversations, ended)
    return shape, {**chosen.parameters, **placed.parameters}


def _conditions(shape: Shape) -> list[ColumnElement[bool]]:
    if shape.order.by_last_active:
        found = filtering.conditions(shape.filter, walking=True)
        return [*found, IS_TIP] if shape.conversations else found
    found = filtering.conditions(shape.filter)
    if not shape.conversations:
        return found
    return [*by_root(found), HAS_ENDED] if shape.ended else by_root(found)


def select_page(statement: Select[Any], shape: Shape) -> Select[Any]:
    """`statement` with the conditions, the order and the page."""
    return paging.cut(statement.where(*_conditions(shape)), shape.order)


@lru_cache(maxsize=64)
def _search_statement(shape: Shape) -> Statement:
    return Statement(select_page(session_functions.select_records(), shape))


def search(connection: OpenConnection, which: SessionFilter, page: Page) -> list[SessionRecord]:
    """Whole sessions."""
    shape, parameters = translated(connection, which, page)
    rows = _search_statement(shape).run(connection, **parameters).fetchall()
    return session_functions.dicts(session_functions.NAMES).of(rows)


@lru_cache(maxsize=64)
def _count_statement(shape: filtering.Shape, conversations: bool) -> Statement:
    number = select(func.count()).select_from(sessions)
    if conversations:
        return Statement(number.where(*by_root(filtering.conditions(shape))))
    # Sessions without an id are counted apart: their index tells them, and no row has to be read.
    asked = number.where(*filtering.asked_of(shape))
    without_id = asked.where(sessions.c.id.is_(None)).scalar_subquery()
    return Statement(select(asked.scalar_subquery() - without_id))


def count(connection: OpenConnection, which: SessionFilter, *, conversations: bool = False) -> int:
    """How many sessions, or conversations."""
    chosen = filtering.chosen(connection, which)
    statement = _count_statement(chosen.shape, conversations)
    return cast("int", statement.run(connection, **chosen.parameters).fetchone()[0])


@runs("mostly one")
def list_rich(
    connection: OpenConnection,
    which: SessionFilter,
    page: Page,
    *,
    system_prompt: bool = False,
    conversations: bool = False,
    ended: bool = False,
) -> list[SessionListing]:
    """Sessions with a preview, or conversations."""
    names = session_functions.NAMES if system_prompt else _LISTED
    shape, parameters = translated(
        connection, which, page, conversations=conversations, ended=ended
    )
    statement = _rich_statement(shape, names)
    rows = statement.run(connection, **parameters).fetchall()
    tells_roots = _tells_roots(shape)
    listings: list[Any] = _dicts(names, tells_roots).of(rows)
    if conversations:
        going_on = [row[0] for row in rows if row[-1]] if tells_roots else []
        joining.join_parts(connection, listings, going_on)
    return listings


@lru_cache(maxsize=4)
def _dicts(names: tuple[str, ...], tells_roots: bool = False) -> Dicts:
    columns = (*names, "preview", *(("goes on",) if tells_roots else ()))
    empty = {**session_functions.empty(names), "preview": ""}
    return Dicts(columns, empty, {**session_functions.FORMS, "preview": preview})


def _tells_roots(shape: Shape) -> bool:
    """Whether the last column of a row says whether another session continues it."""
    return shape.conversations and not shape.order.by_last_active


_THESE = Statement(
    select(session_functions.readable(_LISTED), BEGINNING)
    .where(is_given(sessions.c.id, "ids"))
    .order_by(sessions.c.started_at, sessions.c.id)
)


def list_these(connection: OpenConnection, ids: Sequence[str]) -> list[SessionListing]:
    """Some sessions with a preview, in the order of their begin."""
    rows = _THESE.run(connection, ids=as_parameter(ids)).fetchall()
    return _dicts(_LISTED).of(rows)


@lru_cache(maxsize=64)
def _rich_statement(shape: Shape, names: tuple[str, ...]) -> Statement:
    """The sessions of a page, each with what its first user message begins with."""
    columns: list[Any] = [session_functions.readable(names), BEGINNING]
    if _tells_roots(shape):
        columns.append(type_coerce(GOES_ON, Integer))  # as the driver gives it
    return Statement(select_page(select(*columns), shape))


@lru_cache(maxsize=64)
def _longest_statement(shape: filtering.Shape) -> Statement:
    """Sorted are ids alone: PostgreSQL would work out the columns of every session."""
    columns = session_functions.readable(_LISTED), BEGINNING
    order = (session_functions.ACTIVE - sessions.c.started_at).desc(), sessions.c.id
    limit: Any = bindparam("limit", type_=BigInteger)
    ids = select(sessions.c.id).where(*filtering.conditions(shape)).order_by(*order).limit(limit)
    longest = select(*columns).where(sessions.c.id.in_(ids.correlate(None)))
    return Statement(longest.order_by(*order))


def longest(connection: OpenConnection, which: SessionFilter, limit: int) -> list[SessionListing]:
    """The sessions with the most time between their start and their last activity."""
    shape, parameters = filtering.chosen(connection, which)
    rows = _longest_statement(shape).run(connection, **parameters, limit=limit).fetchall()
    return _dicts(_LISTED).of(rows)
