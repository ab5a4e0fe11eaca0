"""Pages of a session's messages, by id: an offset would take longer in a long session."""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import BigInteger, Select, bindparam, func, literal_column, select, union_all

from hermes_store import values
from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.models import visibility
from hermes_store.models.stored import messages
from hermes_store.models.visibility import Include, visible
from hermes_store.queries.messages import RECORDS, Form, of_session, records, select_records
from hermes_store.records import MessageRecord

__all__ = ["Included", "MessagePage", "checked", "count", "get", "get_around"]

Included = Literal["live", "all"]


class MessagePage(NamedTuple):
    """Which messages of a session, in the order of their ids. An empty field leaves none out."""

    limit: int = values.ALL
    before: int | None = None
    """Only messages before this id."""
    after: int | None = None
    """Only messages after this id."""
    around: int | None = None
    """This message, and `limit` on each side."""
    newest: bool = False
    """The last `limit`, not the first."""
    include: Include = "live"
    """Messages in which states."""


def checked(  # noqa: PLR0917 - as get_messages
    limit: Any, before_id: Any, after_id: Any, around_id: Any, newest: Any, include: Any
) -> MessagePage:
    """Check the arguments of `get_messages`. Raises `InvalidArgumentError`."""
    if around_id is not None and (newest or before_id is not None or after_id is not None):
        problem = "stands alone: before_id, after_id and newest cannot be given with it"
        raise InvalidArgumentError("around_id", problem, "leave one of them out")
    return MessagePage(
        values.limit(limit),
        _id("before_id", before_id),
        _id("after_id", after_id),
        _id("around_id", around_id),
        values.truth("newest", newest),
        visibility.checked(include, "live", "all"),
    )


def _id(argument: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return max(0, min(value, values.GREATEST_COUNT))  # ids begin with 1 and end before that
    problem = f"{values.shown(value)} is not a message id"
    raise InvalidArgumentError(argument, problem, "give a whole number")


@runs("one")
def get(
    connection: OpenConnection, session_id: str, page: MessagePage, form: Form = RECORDS
) -> list[Any]:
    """Return a page of the messages of a session, in the form that is asked for."""
    limit, before, after, _, newest, include = page
    statement = _page_statement(form, before is not None, after is not None, newest, include)
    given = {"session": session_id, "limit": limit, **_bounds(before, after)}
    rows = statement.run(connection, **given).fetchall()
    return form.made(rows[::-1] if newest else rows)


@runs("one")
def get_around(
    connection: OpenConnection, session_id: str, around: int, page: MessagePage
) -> list[MessageRecord]:
    """Return a message of a session, and the page on each side of it."""
    limits = {"limit": page.limit, "onwards": page.limit + 1}
    statement = _around_statement(page.include)
    rows = statement.run(connection, session=session_id, around=around, **limits).fetchall()
    found = sorted(records(rows), key=itemgetter("id"))
    if sum(each["id"] > around for each in found) > page.limit:  # it is not there itself
        found.pop()
    return found


def count(connection: OpenConnection, session_id: str, page: MessagePage) -> int:
    """Return how many messages a session has before or after an id."""
    given = _bounds(page.before, page.after)
    statement = _count_statement("before" in given, "after" in given, page.include)
    return cast("int", statement.run(connection, session=session_id, **given).fetchone()[0])


def _bounds(before: int | None, after: int | None) -> dict[str, int]:
    if before is None and after is None:  # most pages
        return {}
    bounds = {"before": before, "after": after}
    return {name: bound for name, bound in bounds.items() if bound is not None}


@lru_cache
def _page_statement(
    form: Form, before: bool, after: bool, newest: bool, include: Include
) -> Statement:
    order = messages.c.id.desc() if newest else messages.c.id
    of_it = select(*form.columns).where(of_session(), visible(include))
    statement = _bounded(of_it, before, after).order_by(order)
    return Statement(statement.limit(bindparam("limit", type_=BigInteger)))


@lru_cache
def _around_statement(include: Include) -> Statement:
    around = bindparam("around", type_=BigInteger)
    of_it = select_records().where(visible(include))
    before = of_it.where(messages.c.id < around).order_by(messages.c.id.desc())
    onwards = of_it.where(messages.c.id >= around).order_by(messages.c.id)
    sides = (
        side.limit(bindparam(limit, type_=BigInteger)).subquery(limit)
        for side, limit in ((before, "limit"), (onwards, "onwards"))
    )
    return Statement(union_all(*(select(side) for side in sides)))


@lru_cache
def _count_statement(before: bool, after: bool, include: Include) -> Statement:
    counted = select(func.count(literal_column("1"))).select_from(messages).where(of_session())
    return Statement(_bounded(counted, before, after).where(visible(include)))


def _bounded(statement: Select[Any], before: bool, after: bool) -> Select[Any]:
    if before:
        statement = statement.where(messages.c.id < bindparam("before", type_=BigInteger))
    if after:
        statement = statement.where(messages.c.id > bindparam("after", type_=BigInteger))
    return statement
