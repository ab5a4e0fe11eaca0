"""Looks at the index of PostgreSQL: what a query finds, in the order of storing.

GIN gives no order. The server can walk the messages in their order and try each, or let the index
find all and sort them. Which of the two is quick depends on how common the words are, and the
server's statistics do not know rare words. So a first look at the newest messages tells.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement

__all__ = ["PLANNED_ONCE", "Row", "Shape", "in_order_of_storing"]

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
_FIRST = 5_000
"""Ids from the end of the order that the first look is at."""
_WORTH_A_LOOK = 50_000
"""Ids. In a smaller store all hits are found and sorted sooner than a first look is taken."""
_SORTED_COSTS = 3
"""Messages that are walked in the time in which one is found by the index, read and sorted."""
_STREAMED = 100
_KEEPING_MOST = {"without_rewound", "only_live"}


class Shape(NamedTuple):
    """What the SQL of a search depends on; the rest are parameters."""

    sort: str
    filters: tuple[str, ...]
    chosen: ColumnElement[bool] | None
    is_doubted: bool
    """The index finds messages that may not be right: how many are needed is not known."""


_ID: ColumnElement[int] = literal_column("m.id", BigInteger)
_BOUND, _LIMIT = (bindparam(name, type_=BigInteger) for name in ("bound", "limit"))
_MATCHES = text("m.search @@ CAST(:possible AS tsquery)")
_IS_SURE = text("m.search @@ CAST(:sure AS tsquery) AS sure")
_SCORE = text("ts_rank(found.search, CAST(:possible AS tsquery), 1)")
_ENDS = Statement(
    text("""\
SELECT min(id), max(id), set_config('plan_cache_mode', 'force_custom_plan', true) FROM messages""")
)
"""A plan for all words and all filters would be wrong for most: each look is planned by its own."""
PLANNED_ONCE = "SET LOCAL plan_cache_mode TO DEFAULT"
"""What follows keeps its plan: to plan a page of hits takes half a millisecond."""


def in_order_of_storing(
    connection: OpenConnection, shape: Shape, parameters: Mapping[str, Any], needed: int
) -> Generator[Row]:
    """Yield what the index finds, the newest first unless the oldest are asked for.

    Of what is not doubted, no more than the `needed` rows.
    """
    low, high, _ = _ENDS.run(connection).fetchone()
    if low is None:
        return
    limit, found = values.ALL if shape.is_doubted else needed, 0
    if shape.sort == "relevance" and high - low < _WORTH_A_LOOK:
        yield from _rows(connection, shape, "whole", {**parameters, "limit": limit})
        return
    last = low + _FIRST - 1 if shape.sort == "oldest" else high - _FIRST + 1
    given = {**parameters, "bound": max(low, min(last, high))}  # there may be no number beyond
    for row in _rows(connection, shape, "first", {**given, "limit": limit}):
        found += 1
        yield row
    if found < limit and high - low >= _FIRST:
        part = _rest(found, _matching(connection, shape, given, found), high - low, needed)
        yield from _rows(connection, shape, part, {**given, "limit": limit - found})


def _matching(
    connection: OpenConnection, shape: Shape, given: Mapping[str, Any], found: int
) -> int:
    """How many messages hold the words in the first look, whatever the filters keep of them."""
    if not found or (set(shape.filters) <= _KEEPING_MOST and shape.chosen is None):
        return found
    (matching,) = _counted(shape.sort).run(connection, **given).fetchone()
    return int(matching)


def _rest(found: int, matching: int, ids: int, needed: int) -> str:
    """How the rest is looked at: what takes less, by what the first look has found."""
    if not found:
        return "sorted"
    walked = needed * _FIRST / found
    return "walked" if walked < _SORTED_COSTS * ids * matching / _FIRST else "sorted"


def _rows(
    connection: OpenConnection, shape: Shape, part: str, parameters: dict[str, Any]
) -> Iterator[Row]:
    if not shape.is_doubted:
        yield from _statement(shape, part).run(connection, **parameters)
        return
    streamed = _look(shape, part).execution_options(yield_per=_STREAMED)
    with connection.core.execute(streamed, parameters) as rows:
        yield from rows


# --- statements -----------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _statement(shape: Shape, part: str) -> Statement:
    return Statement(_look(shape, part))


@lru_cache(maxsize=64)
def _look(shape: Shape, part: str) -> Select[Any]:
    """A look at the first ids of the order; at the rest, walked or sorted; or at the whole."""
    conditions = [_CONDITIONS[name] for name in shape.filters]
    tables = "messages AS m"
    if any("s.source" in each for each in conditions):
        tables += " JOIN sessions AS s ON s.id = m.session_id"
    chosen = () if shape.chosen is None else (shape.chosen,)
    columns: list[Any] = [_ID.label("id"), _IS_SURE] if shape.is_doubted else [_ID.label("id")]
    found = (
        select(*columns)
        .select_from(text(tables))
        .where(_MATCHES, *map(text, conditions), *chosen, *_side(shape.sort, part))
    )
    found = found.order_by(_order(shape.sort, part)).limit(_LIMIT)
    return _scored(found, shape) if shape.sort == "relevance" else found


def _scored(found: Select[Any], shape: Shape) -> Select[Any]:
    """Outside, so that only vectors of the newest hits are read: most are not in the row itself."""
    each = found.add_columns(text("m.search AS search")).subquery("found")
    id_: ColumnElement[int] = literal_column("found.id", BigInteger)
    columns: list[Any] = [id_, _SCORE, text("found.sure")] if shape.is_doubted else [id_, _SCORE]
    return select(*columns).select_from(each).order_by(id_.desc())


@lru_cache(maxsize=3)
def _counted(sort: str) -> Statement:
    number = select(func.count()).select_from(text("messages AS m"))
    return Statement(number.where(_MATCHES, *_side(sort, "first")))


def _side(sort: str, part: str) -> list[ColumnElement[bool]]:
    if part == "whole":
        return []
    if sort == "oldest":
        return [_ID <= _BOUND if part == "first" else _ID > _BOUND]
    return [_ID >= _BOUND if part == "first" else _ID < _BOUND]


def _order(sort: str, part: str) -> ColumnElement[int]:
    # The server knows no index of a sum, so it cannot walk the messages.
    is_sorted = part in {"sorted", "whole"}
    order = _ID + literal_column("0", BigInteger) if is_sorted else _ID
    return order if sort == "oldest" else order.desc()
