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
from hermes_store.search.budget import Budget
from hermes_store.search.postgresql_budget import LIMIT_SET, timeout

__all__ = [
    "Ends",
    "Row",
    "Shape",
    "ends_of",
    "in_order_of_storing",
    "page_of_few",
]

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
"""Ids. In a store of fewer, all hits are found and sorted sooner than a first look is taken."""
_SORTED_COSTS = 3
"""Messages that are walked in the time in which one is found by the index, read and sorted."""
_STREAMED = 100
_KEEPING_MOST = {"without_rewound", "only_live"}


class Ends(NamedTuple):
    """The least and the greatest id of a message."""

    low: int
    high: int

    @property
    def are_far_apart(self) -> bool:
        """Whether there may be more messages than are found and sorted at once."""
        return self.high - self.low >= _WORTH_A_LOOK


class Shape(NamedTuple):
    """What the SQL of a search depends on; the rest are parameters."""

    sort: str
    filters: tuple[str, ...]
    chosen: ColumnElement[bool] | None
    is_doubted: bool
    """The index finds messages that may not be right: how many are needed is not known."""

    @property
    def keeps_most(self) -> bool:
        """Whether the filters leave out few messages."""
        return set(self.filters) <= _KEEPING_MOST and self.chosen is None


_ID: ColumnElement[int] = literal_column("m.id", BigInteger)
_FOUND_ID: ColumnElement[int] = literal_column("found.id", BigInteger)
_BOUND, _LIMIT, _OFFSET, _RANKED = (
    bindparam(name, type_=BigInteger) for name in ("bound", "limit", "offset", "ranked")
)
_MATCHES = text("m.search @@ CAST(:possible AS tsquery)")
_IS_SURE = text("m.search @@ CAST(:sure AS tsquery) AS sure")
_SCORE = "ts_rank(found.search, CAST(:possible AS tsquery), 1)"
_ENDS = Statement(text(f"SELECT min(id), max(id), {LIMIT_SET} FROM messages"))  # noqa: S608 - constants


def ends_of(connection: OpenConnection, budget: Budget) -> Ends | None:
    """The ids between which a search looks, None without messages; what follows is limited."""
    low, high, _ = _ENDS.run(connection, timeout=timeout(budget)).fetchone()
    return None if low is None else Ends(low, high)


def page_of_few(
    connection: OpenConnection, shape: Shape, parameters: Mapping[str, Any]
) -> list[int]:
    """A page of a store with few messages: ids, of "relevance" those of the `ranked` newest hits.

    The server ranks, so that only the page travels.
    """
    return [id_ for (id_,) in _page_of_few(shape).run(connection, **parameters)]


def in_order_of_storing(
    connection: OpenConnection, shape: Shape, given: Mapping[str, Any], needed: int, ends: Ends
) -> Generator[Row]:
    """Yield what the index finds, the newest first unless the oldest are asked for.

    Of what is not doubted, no more than the `needed` rows.
    """
    low, high = ends
    limit, found = values.ALL if shape.is_doubted else needed, 0
    if shape.sort == "relevance" and not ends.are_far_apart:
        yield from _rows(connection, shape, "whole", {**given, "limit": limit})
        return
    last = low + _FIRST - 1 if shape.sort == "oldest" else high - _FIRST + 1
    given = {**given, "bound": max(low, min(last, high))}  # there may be no number beyond
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
    if not found or shape.keeps_most:
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
    found = _found(shape, part).limit(_LIMIT)
    if shape.sort != "relevance":
        return found
    score = text(f"{_SCORE} AS score")
    columns = [_FOUND_ID, score, text("found.sure")] if shape.is_doubted else [_FOUND_ID, score]
    return _of_newest(found, *columns).order_by(_FOUND_ID.desc())


@lru_cache(maxsize=64)
def _page_of_few(shape: Shape) -> Statement:
    found = _found(shape, "whole")
    if shape.sort == "relevance":
        newest = _of_newest(found.limit(_RANKED), _FOUND_ID)
        found = newest.order_by(text(f"{_SCORE} DESC"), _FOUND_ID.desc())
    return Statement(found.limit(_LIMIT).offset(_OFFSET))


def _found(shape: Shape, part: str) -> Select[Any]:
    conditions = [_CONDITIONS[name] for name in shape.filters]
    tables = "messages AS m"
    if any("s.source" in each for each in conditions):
        tables += " JOIN sessions AS s ON s.id = m.session_id"
    chosen = () if shape.chosen is None else (shape.chosen,)
    columns: list[Any] = [_ID.label("id"), _IS_SURE] if shape.is_doubted else [_ID.label("id")]
    found = select(*columns).select_from(text(tables))
    found = found.where(_MATCHES, *map(text, conditions), *chosen, *_side(shape.sort, part))
    return found.order_by(_order(shape.sort, part))


def _of_newest(found: Select[Any], *columns: Any) -> Select[Any]:
    """Outside, so that only vectors of the newest hits are read: most are not in the row itself."""
    each = found.add_columns(text("m.search AS search")).subquery("found")
    return select(*columns).select_from(each)


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
