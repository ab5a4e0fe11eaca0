"""What a page of a search looks at in SQLite: less where the index would take too long.

FTS5 joins the lists of all words that begin so before it gives the first message, whatever order,
page or range is asked for. And it ends at no range: of a phrase that none of the candidates holds
it goes on to the end of the store. Then the texts of fewer candidates are read in its place.
"""

from __future__ import annotations

from functools import partial

from hermes_store.database.connection import OpenConnection
from hermes_store.search.loosened import (
    MOST_TEXTS,
    Candidates,
    has_many_words,
    loosened,
    without,
)
from hermes_store.search.matching import has_symbols
from hermes_store.search.query import Query
from hermes_store.search.sqlite_prefixes import too_long
from hermes_store.search.sqlite_ranking import FEW, ends, is_dear, readable

__all__ = ["candidates"]

_FILTERED = 4_000
"""So many are looked at where sessions are chosen: each one's is looked up."""
_OF_MANY_WORDS = 2_000
"""So many of many words: few of them may be right, and then the index looks at all messages."""


def candidates(
    connection: OpenConnection,
    tree: Query,
    sort: str,
    *,
    ranked: int,
    goes_on: bool,
    is_filtered: bool,
) -> Candidates:
    """What a page looks at; `goes_on`: it does not begin at an end of the store."""
    words, read = loosened(tree), partial(readable, connection)
    if left_out := too_long(connection, tree, sort):
        return Candidates(without(words, left_out), FEW, read)
    if goes_on and words != tree and is_dear(connection, tree, ends(connection)):
        return Candidates(words, FEW, read)
    if has_symbols(tree):
        return Candidates(words, min(ranked, MOST_TEXTS))
    most = min(ranked, _FILTERED) if is_filtered else ranked
    return Candidates(words, min(most, _OF_MANY_WORDS) if has_many_words(tree) else most)
