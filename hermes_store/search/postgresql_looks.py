"""Looks at the index of PostgreSQL: what a query finds, in the order of storing.

GIN gives no order. The server can walk the messages in their order and try each, or let the index
find all and sort them. Which of the two is quick depends on how common the words are, and the
server's statistics do not know rare words. So a first look at the newest messages tells.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, literal_column, select, text

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement

__all__ = ["Row", "Shape", "in_order_of_storing"]

Row = Sequence[Any]
"""Id, score where it is ranked, and where it is doubted, whether it is sure."""

_CONDITIONS = {
    "sources": "s.source = ANY(CAST(:sources AS text[]))",
    "exclude_sources": "s.source <> ALL(CAST(:exclude_sources AS text[]))",
    "roles": "m.role = ANY(CAST(:roles AS text[]))",
    "session_id": "m.session_id = :session_id",
    "exclude_session_id": "m.session_id <> :exclude_session_id",
    "without_rewound": "m.state IS DISTINCT FROM 'rewound'",
    "only_live": "m.state IS NULL",
    "since": "m.timestamp >= :since",
    "until": "m.timestamp < :until",
}
_FIRST = 10_000
"""Ids from the end of the order that the first look is at."""
_STREAMED = 100


class Shape(NamedTuple):
    """What the SQL of a search depends on; the rest are parameters."""

    sort: str
    filters: tuple[str, ...]
    chosen: ColumnElement[bool] | None
    is_doubted: bool
    """The index finds messages that may not be right: how many are needed is not known."""


_ID: ColumnElement[int] = literal_column("m.id", BigInteger)
_BOUND, _LIMIT = (bindparam(name, type_=BigInteger) for name in ("bound", "limit"))
_SCORE = text("ts_rank(m.search, CAST(:possible AS tsquery), 1)")
_IS_SURE = text("m.search @@ CAST(:sure AS tsquery)")
_ENDS = Statement(text("SELECT min(id), max(id) FROM messages"))


def in_order_of_storing(
    connection: OpenConnection, shape: Shape, parameters: Mapping[str, Any], needed: int
) -> Generator[Row]:
    """Yield what the index finds, the newest first unless the oldest are asked for.

    Of what is not doubted, no more than the `needed` rows.
    """
    low, high = _ENDS.run(connection).fetchone()
    if low is None:
        return
    bound = low + _FIRST if shape.sort == "oldest" else high - _FIRST
    limit, found = values.ALL if shape.is_doubted else needed, 0
    for row in _rows(connection, shape, "first", {**parameters, "bound": bound, "limit": limit}):
        found += 1
        yield row
    if found < limit and high - low >= _FIRST:
        rest = {**parameters, "bound": bound, "limit": limit - found}
        yield from _rows(connection, shape, _rest(found, high - low, needed), rest)


def _rest(found: int, ids: int, needed: int) -> str:
    """How the rest is looked at: the one of which fewer messages are read.

    To walk reads `needed / share` of them, to sort `ids * share`.
    """
    share = found / _FIRST
    return "walked" if ids * share * share > needed else "sorted"


def _rows(
    connection: OpenConnection, shape: Shape, part: str, parameters: dict[str, Any]
) -> Iterator[Row]:
    if not shape.is_doubted:
        yield from _statement(shape, part).run(connection, **parameters)
        return
    streamed = _look(shape, part).execution_options(yield_per=_STREAMED)
    with connection.core.execute(streamed, parameters) as rows:
        yield from rows


@lru_cache(maxsize=64)
def _statement(shape: Shape, part: str) -> Statement:
    return Statement(_look(shape, part))


@lru_cache(maxsize=64)
def _look(shape: Shape, part: str) -> Select[Any]:
    """One look: at the first ids of the order, or at the rest, walked or sorted."""
    conditions = ["m.search @@ CAST(:possible AS tsquery)"]
    conditions += [_CONDITIONS[name] for name in shape.filters]
    tables = "messages AS m"
    if any("s.source" in each for each in conditions):
        tables += " JOIN sessions AS s ON s.id = m.session_id"
    found = select(_ID.label("id")).select_from(text(tables))
    if shape.sort == "relevance":
        found = found.add_columns(_SCORE)
    if shape.is_doubted:
        found = found.add_columns(_IS_SURE)
    chosen = () if shape.chosen is None else (shape.chosen,)
    found = found.where(*map(text, conditions), *chosen, _side(shape.sort, part))
    return found.order_by(_order(shape.sort, part)).limit(_LIMIT)


def _side(sort: str, part: str) -> ColumnElement[bool]:
    if sort == "oldest":
        return _ID < _BOUND if part == "first" else _ID >= _BOUND
    return _ID > _BOUND if part == "first" else _ID <= _BOUND


def _order(sort: str, part: str) -> ColumnElement[int]:
    # The server knows no index of a sum, so it cannot walk the messages.
    order = _ID + literal_column("0", BigInteger) if part == "sorted" else _ID
    return order if sort == "oldest" else order.desc()
