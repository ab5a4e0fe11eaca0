"""Ranking in SQLite where bm25 would count too much: fewer hits, among each other.

bm25 counts in how many messages of the whole index each phrase of a query stands, however few it
ranks: for phrases of common words that is most of a search, and it grows with the store. Then the
newest hits are ranked by an index in memory that holds nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, takewhile
from typing import NamedTuple

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.characters import WORD
from hermes_store.search.matching import spellings
from hermes_store.search.query import Phrase, Query, phrases
from hermes_store.search.sqlite_match import expression
from hermes_store.search.sqlite_statements import AMONG, texts_statement
from hermes_store.search.waiting import scores_in_memory

__all__ = ["FEW", "Ends", "best_first", "ends", "is_dear", "readable"]

FEW = 500
"""So many of the newest hits are ranked then: to read and to index them takes some 15 ms."""

_COUNTED = 600_000
"""Messages with all words of a phrase, times the square of these, that bm25 may count: 20 ms."""
_LET = 2.5
"""So many times as much is let be without a look at the words, which takes 0.3 ms for a phrase."""
_SPELLINGS = 4
"""A phrase has hardly ever more: to know how many takes some 20 µs."""
_SEEN = 200
"""The id of the message before which so many newer ones have the words tells how many have them."""
_CHARACTERS = 1_000_000
"""Of the texts that are indexed in memory: as many take some 25 ms."""

# Together SQLite would look for them in all messages.
_ENDS = Statement(text("SELECT (SELECT min(id) FROM messages), (SELECT max(id) FROM messages)"))
_LAST_SEEN = Statement(
    text("""\
SELECT rowid FROM messages_fts WHERE messages_fts MATCH :words
ORDER BY rowid DESC LIMIT 1 OFFSET :seen""")
)


class Ends(NamedTuple):
    """The first and the last id of a message; 0 and -1 where there is none."""

    low: int
    high: int

    @property
    def messages(self) -> int:
        """There are no more."""
        return self.high - self.low + 1


def ends(connection: OpenConnection) -> Ends:
    """Between which ids the messages are."""
    low, high = _ENDS.run(connection).fetchone()
    return Ends(0, -1) if low is None else Ends(low, high)


def is_dear(connection: OpenConnection, tree: Query, among: Ends) -> bool:
    """Whether bm25 would count more than a page may take."""
    messages = among.messages
    if messages * _SPELLINGS * _typed(tree) ** 2 <= _LET * _COUNTED:
        return False
    counted = [*_counted(tree)]
    if messages * sum(len(words) ** 2 for words in counted) <= _LET * _COUNTED:
        return False
    shares = (len(words) ** 2 * _share(connection, words, among.high) for words in counted)
    return any(messages * share > _COUNTED for share in accumulate(shares))


@lru_cache(maxsize=64)
def _typed(tree: Query) -> int:
    """How many words."""
    return sum(len(WORD.findall(phrase.text)) for phrase in phrases(tree, unwanted=True))


def _counted(tree: Query) -> Iterator[list[str]]:
    """The words of each phrase that bm25 counts.

    Not of words that only begin so: to look for the newest of these takes as long as to count them.
    """
    for phrase in phrases(tree, unwanted=True):
        if not phrase.prefix:
            yield from filter(None, map(WORD.findall, spellings(phrase.text)))


def _share(connection: OpenConnection, words: Sequence[str], high: int) -> float:
    """About which part of the messages holds all of the words."""
    together = " AND ".join(expression(Phrase(word)) for word in words)
    found = _LAST_SEEN.run(connection, words=together, seen=_SEEN).fetchone()
    return 0.0 if found is None else (_SEEN + 1) / max(high - found[0] + 1, 1)


# --- an index in memory ---------------------------------------------------------------------------

_SIZES = Statement(
    text("""\
SELECT coalesce(length(CAST(m.content AS BLOB)), 0)
    + coalesce(length(CAST(m.tool_calls AS BLOB)), 0)
FROM json_each(:ids) AS given CROSS JOIN messages AS m ON m.id = given.value ORDER BY given.key""")
)


def readable(connection: OpenConnection, ids: Sequence[int]) -> int:
    """How many of these messages have no more characters together; one at least."""
    sizes = (size for (size,) in _SIZES.run(connection, ids=str([*ids])))
    few = takewhile(lambda sum_: sum_ <= _CHARACTERS, accumulate(sizes))
    return max(sum(1 for _ in few), 1)


def best_first(connection: OpenConnection, newest: Sequence[int], match: str) -> list[int]:
    """The newest hits, the best first; of equal ones the newest. Those not `readable` follow."""
    among = str([*newest[: readable(connection, newest)]])
    scores = scores_in_memory(texts_statement(AMONG, ()).run(connection, among=among), match)
    return sorted(newest, key=lambda id_: (scores.get(id_, 0.0), -id_))
