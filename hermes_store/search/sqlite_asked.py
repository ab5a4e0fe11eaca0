"""What a search asks of the index of SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from hermes_store.database.connection import OpenConnection
from hermes_store.search.budget import Budget
from hermes_store.search.chosen import ChosenSessions
from hermes_store.search.loosened import loosened
from hermes_store.search.matching import has_symbols
from hermes_store.search.query import Query
from hermes_store.search.sqlite_match import expression
from hermes_store.search.sqlite_ranking import best_first, ends
from hermes_store.search.sqlite_statements import statement
from hermes_store.search.sqlite_symbols import LOOK
from hermes_store.values import ALL

__all__ = ["Asked"]

_LISTS = ("sources", "exclude_sources", "roles")


def _with_range(filters: dict[str, Any]) -> dict[str, Any]:
    """`among` as the range of ids, in which the index finds nothing else."""
    if "among" not in filters:
        return filters
    among = filters["among"]
    range_ = {"first_id": min(among, default=0), "last_id": max(among, default=-1)}
    return {**{name: each for name, each in filters.items() if name != "among"}, **range_}


def _may_miss(tree: Query, filters: dict[str, Any]) -> bool:
    """Whether candidates are given of which the index may find none to be right."""
    return bool(filters.get("among")) and not has_symbols(tree) and loosened(tree) != tree


def _shorter_way(connection: OpenConnection, among: Sequence[int]) -> str:
    """The order that ends sooner behind the candidates: FTS5 ends at no range."""
    low, high = ends(connection)
    return "rowid" if high - min(among) <= max(among) - low else "rowid DESC"


class Asked(NamedTuple):
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
    """How the hits are ranked; "of all" where there are no more, "of few" where that is dear."""
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
        *,
        ranked: int,
    ) -> Asked:
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
            "sure_first": filters.get("first_id", -ALL),
            "sure_last": filters.get("last_id", ALL),
            **{name: given for name, given in filters.items() if name not in _LISTS},
            **{f"{name}_{n}": one for name, given in lists.items() for n, one in enumerate(given)},
            **asked,
        }
        return cls(connection, tree, budget, look, numbers, condition, values, ranked, way=way)

    def older_than(self, id_: int) -> Asked:
        """The same of older messages."""
        filters = (*self.filters, ("older_than", 0))
        return self._replace(filters=filters, values={**self.values, "older_than": id_})

    def found(self, order: str, most: int, skipped: int = 0) -> list[int]:
        """Ids in an order."""
        order = self.by_relevance if order == "relevance" else order
        if order == "relevance of few":
            newest = self.found("newest", self.ranked)
            return best_first(self.connection, newest, self.values["match"])[skipped:][:most]
        page = {"limit": most, "offset": skipped, "ranked": self.ranked}
        asked = statement(order, self.look, self.filters, self.chosen, self.way)
        return [id_ for (id_,) in asked.run(self.connection, **self.values, **page)]


@lru_cache(maxsize=64)
def _expressions(tree: Query) -> tuple[str, str, str]:
    """What finds all that may be hits, what only hits, and the condition that reads texts."""
    if not has_symbols(tree):
        return expression(tree), "", ""
    return expression(tree), expression(tree, sure=True), LOOK
