"""What an index finds by itself, so that a page looks at a bounded number of messages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from hermes_store.search.characters import WORD
from hermes_store.search.matching import has_symbols, spellings
from hermes_store.search.query import And, Not, Or, Phrase, Query

__all__ = ["MOST_TEXTS", "Candidates", "has_many_words", "loosened", "without"]

MOST_TEXTS = 500
"""So many messages are looked at where their texts decide: on PostgreSQL a text takes 30 µs.

There also of many words: to rank by these takes 0.1 ms a message.
"""
_ALL = 3
"""So many words are asked for together. Few messages hold more: an index looks at all messages."""
_STAR = 3
"""Letters that a beginning of words is worth less."""


class Candidates(NamedTuple):
    """Messages that may be hits, of which a page looks at so many."""

    words: Query | None
    """What finds them; None: every message may be one."""
    most: int
    """So many are looked at."""
    readable: Callable[[Sequence[int]], int] | None = None
    """Where their texts are read, because the index would take too long: of how many."""


def loosened(query: Query) -> Query:
    """What an index finds by itself: the words of a query, wherever they stand in a message.

    These messages are all that `query` finds, and more. It is `query` where that asks for a few
    single words only.
    """
    if isinstance(query, Not):
        return loosened(query.wanted)
    if isinstance(query, And):
        return _all_of([loosened(each) for each in query.operands])
    if isinstance(query, Or):
        return _joined(Or, [loosened(each) for each in query.operands])
    if len(WORD.findall(query.text)) == 1 and not has_symbols(query):
        return query
    forms = [WORD.findall(form) for form in spellings(query.text)]
    return _joined(Or, [_all_of(_words(words, query.prefix)) for words in forms if words])


def has_many_words(query: Query) -> bool:
    """Whether `loosened` leaves some out of those that must be there together."""
    if isinstance(query, Not):
        return has_many_words(query.wanted)
    if isinstance(query, Or):
        return any(map(has_many_words, query.operands))
    together = query.operands if isinstance(query, And) else (query,)
    number = sum(
        len(WORD.findall(each.text)) if isinstance(each, Phrase) else 1 for each in together
    )
    others = (each for each in together if not isinstance(each, Phrase))
    return number > _ALL or any(map(has_many_words, others))


def without(words: Query, left_out: Collection[Query]) -> Query | None:
    """What finds all that `words` find, without asking for some; None is every message."""
    if words in left_out:
        return None
    if not isinstance(words, And | Or):
        return words
    kept = [without(each, left_out) for each in words.operands]
    known = [each for each in kept if each is not None]
    if not known or (isinstance(words, Or) and len(known) < len(kept)):
        return None
    return _joined(type(words), known)


def _words(words: Sequence[str], prefix: bool) -> list[Query]:
    *others, last = words
    return [*map(Phrase, others), Phrase(last, prefix)]


def _all_of(operands: Sequence[Query]) -> Query:
    """What asks for all of them, or for those that will find the fewest messages."""
    flat = dict.fromkeys(
        inner
        for each in operands
        for inner in (each.operands if isinstance(each, And) else (each,))
    )
    fewest = sorted(flat, key=_length, reverse=True)[:_ALL]
    return _joined(And, [each for each in flat if each in fewest])


def _length(query: Query) -> int:
    """How long its words are: long ones are seldom."""
    if isinstance(query, Phrase):
        return len(query.text) - _STAR * query.prefix
    if isinstance(query, Not):
        return _length(query.wanted)
    return (min if isinstance(query, Or) else max)(map(_length, query.operands))


def _joined(kind: type[And | Or], operands: Sequence[Query]) -> Query:
    different = tuple(dict.fromkeys(operands))
    return different[0] if len(different) == 1 else kind(different)
