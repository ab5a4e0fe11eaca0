"""What the beginnings of words cost in SQLite.

FTS5 joins the lists of all words that begin so before it gives the first message, whatever order,
page or range is asked for. How long these lists are is known from where they begin: the table
`messages_fts_idx` has a word of each leaf.
"""

from __future__ import annotations

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.search.characters import WORD
from hermes_store.search.loosened import loosened
from hermes_store.search.matching import spellings
from hermes_store.search.query import Phrase, Query, phrases

__all__ = ["too_long"]

LEAVES = 900
"""Leaves that a page may read: each takes 13 to 60 µs, the more so the more words there are."""

# Of each segment, the difference of two leaves. A `pgno` is twice the number of the leaf.
_LEAVES = Statement(
    text("""\
WITH RECURSIVE segment(id) AS (SELECT min(segid) FROM messages_fts_idx
    UNION ALL SELECT (SELECT min(segid) FROM messages_fts_idx WHERE segid > segment.id)
    FROM segment WHERE segment.id IS NOT NULL)
SELECT coalesce(sum(
    (SELECT pgno / 2 FROM messages_fts_idx WHERE segid = segment.id
        AND term <= CAST(:beyond AS BLOB) ORDER BY term DESC LIMIT 1) -
    (SELECT pgno / 2 FROM messages_fts_idx WHERE segid = segment.id
        AND term <= CAST(:first AS BLOB) ORDER BY term DESC LIMIT 1)), 0)
FROM segment WHERE id IS NOT NULL""")
)
_MAIN = "0"
"""Begins each word in FTS5's main index."""
_GREATEST = "\U0010ffff"


def too_long(connection: OpenConnection, tree: Query, sort: str) -> set[Query]:
    """The beginnings of words whose lists a page has no time for; the shortest are let be."""
    asked = {word for phrase in phrases(tree, unwanted=True) for word in _beginnings(phrase)}
    costs = {word: _leaves(connection, word) for word in asked}
    left = LEAVES // (2 if sort == "relevance" else 1)  # bm25 counts what was found
    found = set[Query]()
    for word in sorted(asked, key=lambda word: (costs[word], word.text)):
        left -= costs[word]
        if left < 0:
            found.add(word)
    return found


def _beginnings(phrase: Phrase) -> list[Phrase]:
    """As `loosened` has them."""
    return [word for word in phrases(loosened(phrase)) if word.prefix] if phrase.prefix else []


def _leaves(connection: OpenConnection, word: Phrase) -> int:
    each = [words[-1] for words in map(WORD.findall, spellings(word.text)) if words]
    return sum(
        _LEAVES.run(connection, first=_MAIN + one, beyond=_MAIN + one + _GREATEST).fetchone()[0]
        for one in each
    )
