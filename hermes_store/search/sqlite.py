"""Search on SQLite: FTS5 finds the ids of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from hermes_store.database.callback import Callback
from hermes_store.database.connection import OpenConnection
from hermes_store.search.budget import Budget
from hermes_store.search.characters import join_up
from hermes_store.search.chosen import ChosenSessions
from hermes_store.search.loosened import loosened
from hermes_store.search.matching import has_symbols
from hermes_store.search.query import Query
from hermes_store.search.ranking import best_page, on_page
from hermes_store.search.sqlite_match import expression
from hermes_store.search.sqlite_ranking import FEW, best_first, ends, is_dear
from hermes_store.search.sqlite_statements import AMONG, WAITING, statement, texts_statement
from hermes_store.search.sqlite_symbols import LOOK, looked_for, right
from hermes_store.search.waiting import scores_in_memory
from hermes_store.values import ALL

__all__ = [
    "GIVEN_IDS",
    "RANKED",
    "TEXTS",
    "as_written",
    "find",
    "given",
    "within",
]

RANKED = 8_000
"""So many of the newest hits are ranked: some 20 ms where the file is larger than the memory."""

_STEPS = 4_000
"""Of SQLite's machine between two looks at the clock."""
_LOOKED_AT_ONCE = 100


# --- finding ------------------------------------------------------------------------------------


_LISTS = ("sources", "exclude_sources", "roles")


def find(
    connection: OpenConnection,
    tree: Query,
    sort: str,
    filters: dict[str, Any],
    budget: Budget,
    *,
    chosen: ChosenSessions | None,
    limit: int,
    offset: int,
) -> Sequence[int]:
    """The ids of one page, in order. Raises `SearchTooBroadError`."""
    if "are_read" in filters:
        others = {name: each for name, each in filters.items() if name not in _GIVEN}
        asked = _Asked.of(connection, tree, others, chosen, budget)
        return _read(asked, sort, filters["among"])[offset : offset + limit]
    asked = _Asked.of(connection, tree, filters, chosen, budget)
    if sort == "relevance":
        stored = ends(connection)
        if is_dear(connection, tree, stored):
            asked = asked._replace(ranked=FEW)
        elif stored.messages <= RANKED and not asked.way:
            asked = asked._replace(by_relevance="relevance of all")
    waiting = _waiting(asked) if connection.looks_at_waiting else []
    if not waiting:
        return _indexed(asked, sort, limit, offset)
    indexed = _indexed(asked, sort, limit + offset, 0)
    found = [*indexed, *reversed(waiting)] if sort == "oldest" else [*waiting, *indexed]
    return found[offset : offset + limit]


def _waiting(asked: _Asked) -> list[int]:
    """Of the messages that wait to be indexed those that are right, the newest first."""
    texts = texts_statement(WAITING, asked.filters, asked.chosen)
    rows = texts.run(asked.connection, **asked.values)
    found = sorted(scores_in_memory(rows, asked.values["match"]), reverse=True)
    return _right(asked, found)


_GIVEN = frozenset({"among", "are_read"})


def _read(asked: _Asked, sort: str, among: Sequence[int]) -> list[int]:
    """Of given messages those that are right, in order: an index in memory holds nothing else."""
    texts = texts_statement(AMONG, asked.filters, asked.chosen)
    rows = texts.run(asked.connection, **asked.values, among=str([*among]))
    scores = scores_in_memory(rows, asked.values["match"])
    found = sorted(scores, reverse=sort != "oldest")
    if sort == "relevance":
        found.sort(key=lambda id_: scores[id_])
    return _right(asked, found)


def _right(asked: _Asked, found: list[int]) -> list[int]:
    """Those of found messages that are right."""
    if not has_symbols(asked.tree):
        return found
    with looked_for(asked.connection, asked.tree, asked.budget):
        return right(asked.connection, found, asked.values)


def _indexed(asked: _Asked, sort: str, limit: int, offset: int) -> Sequence[int]:
    """A page of what the index finds."""
    if not has_symbols(asked.tree):
        if sort == "relevance":
            return best_page(asked.found, limit, offset, asked.ranked)
        return asked.found(sort, limit, offset)
    with looked_for(asked.connection, asked.tree, asked.budget):
        if sort == "relevance":
            return on_page(_best_right(asked, limit + offset), limit, offset)
        return asked.found(sort, limit, offset)


def _best_right(asked: _Asked, wanted: int) -> Iterator[tuple[int]]:
    """Of the newest messages that the index finds, those that are right, the best first.

    Behind them older ones, until there are as many as are wanted.
    """
    best = asked._replace(look="").found("relevance", asked.ranked)
    number = 0
    for start in range(0, len(best), _LOOKED_AT_ONCE):
        for id_ in right(asked.connection, best[start : start + _LOOKED_AT_ONCE], asked.values):
            number += 1
            yield (id_,)
    if len(best) == asked.ranked:
        older = asked.older_than(min(best)).found("newest", wanted - number)
        yield from ((id_,) for id_ in older)


def _with_range(filters: dict[str, Any]) -> dict[str, Any]:
    """`among` as the range of ids, in which the index finds nothing else."""
    if "among" not in filters:
        return filters
    among = filters["among"]
    ends = {"first_id": min(among, default=0), "last_id": max(among, default=-1)}
    return {**{name: each for name, each in filters.items() if name != "among"}, **ends}


def _may_miss(tree: Query, filters: dict[str, Any]) -> bool:
    """Whether candidates are given of which the index may find none to be right."""
    return bool(filters.get("among")) and not has_symbols(tree) and loosened(tree) != tree


def _shorter_way(connection: OpenConnection, among: Sequence[int]) -> str:
    """The order that ends sooner behind the candidates: FTS5 ends at no range."""
    low, high = ends(connection)
    return "rowid" if high - min(among) <= max(among) - low else "rowid DESC"


class _Asked(NamedTuple):
    """A search on a connection, but for its order and page."""

    connection: OpenConnection
    tree: Query
    budget: Budget
    look: str
    """The condition that reads texts; empty where the index decides."""
    filters: tuple[tuple[str, int], ...]
    """Names, and of a list how many values."""
    chosen: ColumnElement[bool] | None
    values: dict[str, Any]
    ranked: int
    """So many of the newest hits are ranked."""
    by_relevance: str = "relevance"
    """How `statement` calls that order; of fewer messages all are ranked."""
    way: str = ""
    """An order of `messages_fts`, where the order of the hits takes longer."""

    @classmethod
    def of(
        cls,
        connection: OpenConnection,
        tree: Query,
        filters: dict[str, Any],
        chosen: ChosenSessions | None,
        budget: Budget,
    ) -> _Asked:
        """What a tree and filters ask for."""
        way = _shorter_way(connection, filters["among"]) if _may_miss(tree, filters) else ""
        filters = _with_range(filters)
        match, sure, look = _expressions(tree)
        lists = {name: tuple(given) for name, given in filters.items() if name in _LISTS}
        numbers = tuple((name, len(lists.get(name, ()))) for name in filters)
        condition, asked = chosen or (None, {})
        values = {
            "match": match,
            "sure": sure,
            "sure_first": filters.get("first_id", 0),
            "sure_last": filters.get("last_id", ALL),
            **{name: given for name, given in filters.items() if name not in _LISTS},
            **{f"{name}_{n}": one for name, given in lists.items() for n, one in enumerate(given)},
            **asked,
        }
        return cls(connection, tree, budget, look, numbers, condition, values, RANKED, way=way)

    def older_than(self, id_: int) -> _Asked:
        """The same of older messages."""
        filters = (*self.filters, ("older_than", 0))
        return self._replace(filters=filters, values={**self.values, "older_than": id_})

    def found(self, order: str, most: int, skipped: int = 0) -> list[int]:
        """Ids in an order."""
        if order == "relevance" and self.ranked == FEW:
            newest = self.found("newest", FEW)
            return best_first(self.connection, newest, self.values["match"])[skipped:][:most]
        page = {"limit": most, "offset": skipped, "ranked": self.ranked}
        order = self.by_relevance if order == "relevance" else order
        asked = statement(order, self.look, self.filters, self.chosen, self.way)
        return [id_ for (id_,) in asked.run(self.connection, **self.values, **page)]


@lru_cache(maxsize=64)
def _expressions(tree: Query) -> tuple[str, str, str]:
    """What finds all that may be hits, what only hits, and the condition that reads texts."""
    if not has_symbols(tree):
        return expression(tree), "", ""
    return expression(tree), expression(tree, sure=True), LOOK


@contextmanager
def within(connection: OpenConnection, budget: Budget) -> Iterator[None]:
    """End statements once `budget` is over: `SearchTooBroadError`."""
    if not budget.seconds:
        yield
        return
    clock = Callback(lambda: budget.is_over)
    connection.dbapi.set_progress_handler(clock.call, _STEPS)
    try:
        with clock:
            yield
    except connection.errors as exc:
        if "interrupted" in str(getattr(exc, "orig", exc)):
            budget.check()
        raise
    finally:
        connection.dbapi.set_progress_handler(None, 0)


# --- what is shared with PostgreSQL -------------------------------------------------------------

TEXTS = "messages_text"

GIVEN_IDS = "SELECT value FROM json_each(:ids)"


def given(ids: Sequence[int]) -> str:
    """The parameter of `GIVEN_IDS` for a list of ids."""
    return str([*ids])  # JSON, in a third of the time of `json.dumps`


as_written = join_up
"""A text of the view without the blanks that set characters apart."""
