"""Looks at the index of PostgreSQL: what a query finds, in the order of storing.

GIN gives no order. The server can walk the messages in their order and try each, or let the index
find all and sort them. Which of the two is quick depends on how common the words are, and the
server's statistics do not know rare words. So a first look at the newest messages tells.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget
from hermes_store.search.postgresql_budget import LIMIT_SET, timeout
from hermes_store.search.postgresql_statements import Shape, counted, few, look, statement

__all__ = [
    "Ends",
    "Row",
    "ends_of",
    "in_order_of_storing",
    "page_of_few",
]

Row = Sequence[Any]
"""Id, score where it is ranked, and where it is doubted, whether it is sure."""

_FIRST = 5_000
"""Ids from the end of the order that the first look is at."""
_WORTH_A_LOOK = 50_000
"""Ids. In a store of fewer, all hits are found and sorted sooner than a first look is taken."""
_SORTED_COSTS = 3
"""Messages that are walked in the time in which one is found by the index, read and sorted."""
_FILTERED_COSTS = 6
"""The same, where filters look at its session."""
_PHRASE_COSTS = 30
"""The same of a phrase: many more messages hold its words apart, and their vectors are read."""
_LONG_WALK = 30_000
"""Messages. What the index takes to find long lists of words is not known: it may be as much."""
_RANGE_COSTS = 1 / 20
"""Messages that are walked in the time in which the range takes in one id."""
_MARGIN = 1.25
"""Older messages may hold the words more seldom than those that were looked at."""
_STREAMED = 100


class Ends(NamedTuple):
    """The least and the greatest id of a message."""

    low: int
    high: int

    @property
    def are_far_apart(self) -> bool:
        """Whether there may be more messages than are found and sorted at once."""
        return self.high - self.low >= _WORTH_A_LOOK


_ENDS = Statement(text(f"SELECT min(id), max(id), {LIMIT_SET} FROM messages"))  # noqa: S608 - constants


def ends_of(connection: OpenConnection, budget: Budget, filters: Mapping[str, Any]) -> Ends | None:
    """The ids between which a search looks, None without messages; what follows is limited."""
    low, high, _ = _ENDS.run(connection, timeout=timeout(budget)).fetchone()
    if low is None:
        return None
    return Ends(max(low, filters.get("first_id", low)), min(high, filters.get("last_id", high)))


def page_of_few(
    connection: OpenConnection, shape: Shape, parameters: Mapping[str, Any]
) -> list[int]:
    """A page of a store with few messages: ids, of "relevance" those of the `ranked` newest hits.

    The server ranks, so that only the page travels.
    """
    return [id_ for (id_,) in few(shape).run(connection, **parameters)]


def in_order_of_storing(
    connection: OpenConnection, shape: Shape, given: Mapping[str, Any], needed: int, ends: Ends
) -> Generator[Row]:
    """Yield what the index finds, the newest first unless the oldest are asked for.

    Of what is not doubted, no more than the `needed` rows.
    """
    low, high = ends
    limit, found = values.ALL if shape.is_doubted else needed, 0
    if shape.is_among_few or (shape.sort == "relevance" and not ends.are_far_apart):
        yield from _rows(connection, shape, "whole", {**given, "limit": limit})
        return
    last = low + _FIRST - 1 if shape.sort == "oldest" else high - _FIRST + 1
    given = {**given, "bound": max(low, min(last, high))}  # there may be no number beyond
    for row in _rows(connection, shape, "first", {**given, "limit": limit}):
        found += 1
        yield row
    if found < limit and high - low >= _FIRST:
        yield from _behind(connection, shape, given, ends, found=found, needed=needed, limit=limit)


def _behind(
    connection: OpenConnection,
    shape: Shape,
    given: dict[str, Any],
    ends: Ends,
    *,
    found: int,
    needed: int,
    limit: int,
) -> Iterator[Row]:
    """What the looks behind the first one find."""
    begin, end = ends if shape.sort == "oldest" else reversed(ends)
    hit = _costs(shape) * _matching(connection, shape, given, found) / _FIRST
    while found < limit and (left := abs(end - given["bound"])):
        seen = Seen(abs(given["bound"] - begin) + 1, found, hit)
        # Of what is doubted, as many again may be needed.
        missing = needed - found if found < needed else needed
        way = _way(seen, left, missing)
        reach = min(_reach(seen, missing), left)
        far = given["bound"] + (reach if end > begin else -reach)
        for row in _rows(connection, shape, way, {**given, "far": far, "limit": limit - found}):
            found += 1
            yield row
        if way != "near":
            return
        given = {**given, "bound": far}


class Seen(NamedTuple):
    """What has been looked at."""

    ids: int
    found: int
    hit: float
    """What it costs for each id to sort the messages that hold the words."""


def _costs(shape: Shape) -> int:
    if shape.is_doubted and not shape.has_symbols:
        return _PHRASE_COSTS
    return _SORTED_COSTS if shape.keeps_most else _FILTERED_COSTS


def _reach(seen: Seen, missing: int) -> int:
    """Ids among which the missing hits are expected."""
    return int(_MARGIN * missing * seen.ids / max(seen.found, 1))


def _matching(
    connection: OpenConnection, shape: Shape, given: Mapping[str, Any], found: int
) -> int:
    """How many messages hold the words in the first look, whatever the filters keep of them."""
    if not found or shape.keeps_most:
        return found
    (matching,) = counted(shape.sort).run(connection, **given).fetchone()
    return int(matching)


def _way(seen: Seen, left: int, missing: int) -> str:
    """How to go on: what takes least, by what has been seen.

    Messages are walked; or all hits are sorted; or those of the near ids, as far as `_reach`.
    """
    if not seen.found:
        return "sorted"
    costs = {"walked": missing * seen.ids / seen.found, "sorted": left * seen.hit}
    reach = _reach(seen, missing)
    if costs["walked"] > _LONG_WALK and reach < left / 2:  # else two looks may take more than one
        costs["near"] = reach * (seen.hit + _RANGE_COSTS)
    return min(costs, key=lambda way: costs[way])


def _rows(
    connection: OpenConnection, shape: Shape, part: str, parameters: dict[str, Any]
) -> Iterator[Row]:
    if not shape.is_doubted:
        yield from statement(shape, part).run(connection, **parameters)
        return
    streamed = look(shape, part).execution_options(yield_per=_STREAMED)
    with connection.core.execute(streamed, parameters) as rows:
        yield from rows
