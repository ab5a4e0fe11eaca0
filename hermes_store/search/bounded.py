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
from hermes_store.search.characters import WORD
from hermes_store.search.choice import search_of
from hermes_store.search.matching import has_symbols, spellings
from hermes_store.search.query import And, Not, Or, Phrase, Query

__all__ = ["EVERYWHERE", "Bound", "Reach", "loosened"]

_TEXTS = 500
"""So many messages are looked at where symbols decide: on PostgreSQL a text takes 30 µs."""


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
        words = loosened(tree)
        if words == tree and not is_filtered:
            return Reach(start)
        index = search_of(connection.backend)
        most = min(index.RANKED, _TEXTS) if has_symbols(tree) else index.RANKED
        order = "oldest" if sort == "oldest" else "newest"
        found = index.find(
            connection, words, order, start, budget, chosen=None, limit=most + 1, offset=0
        )
        if len(found) <= most:
            return Reach({"among": tuple(found)})
        at = _TIME.run(connection, id=found[-1]).fetchone()
        return Reach({"among": tuple(found[:-1])}, found[-1], at and at[0])


_TIME = Statement(text("SELECT timestamp FROM messages WHERE id = :id"))


def loosened(query: Query) -> Query:
    """What an index finds by itself: the words of a query, wherever they stand in a message.

    These messages are all that `query` finds, and more. It is `query` where that asks for single
    words only.
    """
    if isinstance(query, Not):
        return loosened(query.wanted)
    if not isinstance(query, Phrase):
        return _joined(type(query), [loosened(each) for each in query.operands])
    if len(WORD.findall(query.text)) == 1 and not has_symbols(query):
        return query
    forms = [WORD.findall(form) for form in spellings(query.text)]
    return _joined(Or, [_all_of(words, query.prefix) for words in forms if words])


def _all_of(words: Sequence[str], prefix: bool) -> Query:
    *others, last = words
    return _joined(And, [*map(Phrase, others), Phrase(last, prefix)])


def _joined(kind: type[And | Or], operands: Sequence[Query]) -> Query:
    different = tuple(dict.fromkeys(operands))
    return different[0] if len(different) == 1 else kind(different)
