"""Lists of sessions: filtered, newest first, with a preview of what each is about."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    select,
)

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import messages, sessions
from hermes_store.models.visibility import visible
from hermes_store.queries import filtering, paging
from hermes_store.queries import sessions as session_functions
from hermes_store.queries.paging import Page
from hermes_store.records import SessionListing, SessionRecord

__all__ = ["Shape", "count", "list_rich", "search", "select_page", "translated"]

_LISTED = tuple(name for name in session_functions.NAMES if name != "system_prompt")
_PREVIEW_LENGTH = 60
_WINDOW = 200
"""Characters a preview is made from: blanks at its end do not count as more text."""
_BLANKS = (
    " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Python's `str.strip()` takes away."""


class Shape(NamedTuple):
    """What the SQL of a list depends on; the rest are parameters."""

    filter: filtering.Shape
    order: paging.Shape


def translated(
    connection: OpenConnection, which: SessionFilter, page: Page
) -> tuple[Shape, dict[str, Any]]:
    """The shape and the parameters of a page. Raises `InvalidArgumentError`."""
    chosen, placed = filtering.chosen(connection, which), paging.placed(connection, page)
    return Shape(chosen.shape, placed.shape), {**chosen.parameters, **placed.parameters}


def select_page(statement: Select[Any], shape: Shape) -> Select[Any]:
    """`statement` with the conditions, the order and the page."""
    return (
        statement.where(*filtering.conditions(shape.filter), *paging.behind(shape.order))
        .order_by(*paging.order(shape.order))
        .limit(bindparam("limit", type_=BigInteger))
        .offset(bindparam("offset", type_=BigInteger))
    )


@lru_cache(maxsize=64)
def _search_statement(shape: Shape) -> Statement:
    return Statement(select_page(session_functions.select_records(), shape))


def search(connection: OpenConnection, which: SessionFilter, page: Page) -> list[SessionRecord]:
    """Whole sessions."""
    shape, parameters = translated(connection, which, page)
    rows = _search_statement(shape).run(connection, **parameters).fetchall()
    return [session_functions.record(row) for row in rows]


@lru_cache(maxsize=64)
def _count_statement(shape: filtering.Shape) -> Statement:
    counted = select(func.count()).select_from(sessions)
    return Statement(counted.where(*filtering.conditions(shape)))


def count(connection: OpenConnection, which: SessionFilter) -> int:
    """How many sessions."""
    chosen = filtering.chosen(connection, which)
    cursor = _count_statement(chosen.shape).run(connection, **chosen.parameters)
    return cast("int", cursor.fetchone()[0])


def list_rich(
    connection: OpenConnection, which: SessionFilter, page: Page, *, system_prompt: bool = False
) -> list[SessionListing]:
    """Sessions with a preview."""
    names = session_functions.NAMES if system_prompt else _LISTED
    shape, parameters = translated(connection, which, page)
    rows = _rich_statement(shape, names).run(connection, **parameters, blanks=_BLANKS).fetchall()
    keys = (*names, "preview")
    listings: list[Any] = [dict(zip(keys, row)) for row in rows]  # noqa: B905 - in 2/3 of the time
    for listing in listings:
        session_functions.decode(listing)
        listing["preview"] = _preview(listing["preview"])
    return listings


@lru_cache(maxsize=64)
def _rich_statement(shape: Shape, names: tuple[str, ...]) -> Statement:
    """The sessions of a page, each with what its first user message begins with."""
    columns = session_functions.readable(sessions, names)
    return Statement(select_page(select(*columns, _beginning_of_first_user_message()), shape))


def _beginning_of_first_user_message() -> Any:
    """The start of a text without blanks before it; a blank and the whole structured content."""
    blanks = bindparam("blanks", type_=Text)
    start: ColumnElement[int] = literal_column("1")
    length: ColumnElement[int] = literal_column(str(_WINDOW))
    text = func.substr(func.ltrim(messages.c.content, blanks), start, length)
    structured = literal_column("' '").op("||")(messages.c.content)
    return (
        select(case((messages.c.content_format.is_(None), text), else_=structured))
        .where(messages.c.session_id == sessions.c.id)
        .where(messages.c.role == literal_column("'user'"), messages.c.content.is_not(None))
        .where(visible("live"))
        .order_by(messages.c.id)
        .limit(literal_column("1"))
        .correlate(sessions)
        .scalar_subquery()
    )


def _preview(beginning: str | None) -> str:
    text = beginning or ""
    if text.startswith(" "):
        text = _text_of(values.decode_json(text))
    line = text.strip().replace("\n", " ").replace("\r", " ")
    return line if len(line) <= _PREVIEW_LENGTH else line[:_PREVIEW_LENGTH] + "..."


def _text_of(content: Any) -> str:
    """The text parts of structured content, without images and the like."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return " ".join(text for text in texts if isinstance(text, str))
