"""How far a page of a search looks, so that it takes the same time in a store of any size.

An index knows words. Of a phrase (on PostgreSQL), of symbols and of filters it finds messages that
may be hits, and each of them is read. A bounded search reads the first so many messages with the
words of the query, and says where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget
from hermes_store.search.choice import search_of
from hermes_store.search.loosened import Candidates
from hermes_store.search.query import Query

__all__ = ["EVERYWHERE", "Bound", "Reach"]


class Reach(NamedTuple):
    """Which messages are looked at: all of them, unless a filter says otherwise."""

    filters: dict[str, Any]
    next_id: int | None = None
    """The first message in the order of storing that is not looked at."""
    next_at: float | None = None
    """Its time, in Unix seconds."""


EVERYWHERE = Reach({})


class Bound(NamedTuple):
    """A search that looks at a bounded number of messages."""

    from_id: int | None = None
    """Where it begins, in the order of storing."""

    def reach(
        self,
        connection: OpenConnection,
        tree: Query,
        sort: str,
        budget: Budget,
        *,
        is_filtered: bool,
    ) -> Reach:
        """How far the search looks. The index alone knows single words: then there is no end.

        A filter has to look at the sessions of these messages only.
        """
        begin = "first_id" if sort == "oldest" else "last_id"
        start = {} if self.from_id is None else {begin: self.from_id}
        search = search_of(connection.backend)
        candidates = search.candidates(
            connection,
            tree,
            sort,
            ranked=search.RANKED,
            goes_on=bool(start),
            is_filtered=is_filtered,
        )
        if candidates.words == tree and not is_filtered:
            return Reach(start)
        found = _first(connection, candidates, sort, start, budget)
        most, among = candidates.most, dict[str, Any]()
        if candidates.readable:
            most, among = min(most, candidates.readable(found)), {"are_read": True}
        among |= {"among": tuple(found[:most])}
        if len(found) <= most:
            return Reach(among)
        at = _TIME.run(connection, id=found[most]).fetchone()
        return Reach(among, found[most], at and at[0])


_TIME = Statement(text("SELECT timestamp FROM messages WHERE id = :id"))
_NEWEST = Statement(
    text("SELECT id FROM messages WHERE id <= :last_id ORDER BY id DESC LIMIT :most")
)
_OLDEST = Statement(text("SELECT id FROM messages WHERE id >= :first_id ORDER BY id LIMIT :most"))
_ENDS = {"first_id": -(2**63), "last_id": 2**63 - 1}


def _first(
    connection: OpenConnection,
    candidates: Candidates,
    sort: str,
    start: dict[str, Any],
    budget: Budget,
) -> Sequence[int]:
    """The first candidates in the order of storing, and one more where there are more."""
    order, most = "oldest" if sort == "oldest" else "newest", candidates.most + 1
    if candidates.words is None:
        statement = _OLDEST if order == "oldest" else _NEWEST
        rows = statement.run(connection, **_ENDS | start, most=most).fetchall()
        return [id_ for (id_,) in rows]
    return search_of(connection.backend).find(
        connection, candidates.words, order, start, budget, chosen=None, limit=most, offset=0
    )
