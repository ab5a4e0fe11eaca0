"""Find a phrase in a text, as the index does, and the symbols that the index cannot tell apart.

An index of words finds `C` for `C++`. Symbols that touch a word are therefore looked for in the
text of the messages that the index found; sentence punctuation around a word is not. Symbols
between two parts of a term count as well, but joints like those of `user@host`, `key=value`,
`a-b` and `a/b` do not: such a term is the phrase of its parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from hermes_store.search.alphabet import ACCENTS
from hermes_store.search.budget import Budget
from hermes_store.search.characters import WORD, is_apart
from hermes_store.search.folding import fold, has_many_marks
from hermes_store.search.forms import otherwise
from hermes_store.search.later import compiled_later
from hermes_store.search.query import And, Not, Or, Phrase, Query

__all__ = ["Find", "Finder", "Span", "finder", "has_symbols", "in_doubt", "matches", "spellings"]

_PUNCTUATION_THAT_COUNTS = frozenset("#%&*")
_SYMBOLS_THAT_DO_NOT = frozenset("`\N{ACUTE ACCENT}<>=")
_COUNTS_AT_AN_EDGE = frozenset("=@-_/\\")

_ACCENT = compiled_later(f"[{ACCENTS}]")


Span = tuple[int, int]
"""Where a match begins and ends."""
Find = Callable[[str, int, int, int], list[Span]]
"""Gives the first matches between two places of a folded text, at most so many, in their order."""


class Finder:
    """A phrase, ready to be found in texts."""

    def __init__(self, phrase: Phrase) -> None:
        typed = dict.fromkeys(map(fold, otherwise(phrase.text)))
        self._spellings = [_Spelling(text, phrase.prefix) for text in typed]
        self.has_symbols = any(each.has_symbols for each in self._spellings)
        """Whether the index alone finds too much."""

    def is_in(self, text: str, budget: Budget) -> bool:
        """Whether a folded text holds it."""
        return any(each.spans(budget, text, 0, len(text), 1) for each in self._spellings)

    def within(self, budget: Budget) -> Find:
        """What finds it in texts, and raises `SearchTooBroadError` once `budget` is over."""
        each = [partial(spelling.spans, budget) for spelling in self._spellings]
        return each[0] if len(each) == 1 else partial(_of_all, each)


finder = lru_cache(maxsize=512)(Finder)


def _of_all(finds: Sequence[Find], text: str, start: int, end: int, most: int) -> list[Span]:
    return sorted(span for find in finds for span in find(text, start, end, most))[:most]


def has_symbols(query: Query) -> bool:
    """Whether the text of the messages has to be looked at, because the index finds too much."""
    if isinstance(query, Phrase):
        return finder(query).has_symbols
    operands = (query.wanted, query.unwanted) if isinstance(query, Not) else query.operands
    return any(map(has_symbols, operands))


def in_doubt(query: Query) -> Query:
    """What of a query with symbols is still open for a message that the index has found."""
    if isinstance(query, And):
        return _one(And, [in_doubt(each) for each in query.operands if has_symbols(each)])
    if not isinstance(query, Not):
        return query
    wanted = in_doubt(query.wanted) if has_symbols(query.wanted) else query.wanted
    if not has_symbols(query.unwanted):
        return wanted
    unwanted = query.unwanted
    if isinstance(unwanted, Or):
        unwanted = _one(Or, list(filter(has_symbols, unwanted.operands)))
    return Not(wanted, unwanted)


def _one(kind: type[And | Or], operands: Sequence[Query]) -> Query:
    return operands[0] if len(operands) == 1 else kind(tuple(operands))


def matches(query: Query, texts: Sequence[str], budget: Budget) -> bool:
    """Whether a message is what is asked for; `texts` are those of its places, folded.

    Raises `SearchTooBroadError` once `budget` is over.
    """
    if isinstance(query, Phrase):
        return any(finder(query).is_in(text, budget) for text in texts)
    if isinstance(query, Not):
        return matches(query.wanted, texts, budget) and not matches(query.unwanted, texts, budget)
    decide = all if isinstance(query, And) else any
    return decide(matches(operand, texts, budget) for operand in query.operands)


def spellings(text: str) -> list[str]:
    """What is looked for in the index: `text` folded, and as rows of other tools may have it.

    Those are indexed by their plain text: as typed, composed, and taken apart, as macOS names
    files.
    """
    typed = otherwise(text)
    if text.isascii():
        return typed
    plain: list[str] = []
    if not has_many_marks(text):
        composed = unicodedata.normalize("NFC", text)
        plain = [text, composed, "".join(map(_taken_apart, composed))]
    return list(dict.fromkeys([*map(fold, typed), *plain]))


@lru_cache(maxsize=4096)
def _taken_apart(character: str) -> str:
    if fold(character).isascii():
        return character
    return _ACCENT.sub("", unicodedata.normalize("NFD", character))


class _Spelling:
    """One way to write a phrase, folded: words, what stands between them, symbols around them.

    Patterns of the tables of `alphabet.py` take milliseconds to make, so none is made for a query.
    """

    def __init__(self, text: str, prefix: bool) -> None:
        words = WORD.findall(text)
        before, *gaps, after = WORD.split(text)
        before, after = _before_a_word(before), "" if prefix else _after_a_word(after)
        between = [_Gap.between(*each) for each in zip(words, gaps, words[1:], strict=False)]
        self.has_symbols = bool(before or after) or any(gap.has_symbols for gap in between)
        self._begins_a_word = not before and _is_letter(words[0][0])
        self._ends_a_word = not (prefix or after) and _is_letter(words[-1][0])
        self._first = before + words[0]
        self._rest = list(zip(between, words[1:], strict=True))
        self._after = after
        self._look_for_more_at_once()

    def _look_for_more_at_once(self) -> None:
        """Of `C++` all, not each `C` and whether `++` follows."""
        while self._rest and self._rest[0][0].exact:
            gap, word = self._rest.pop(0)
            self._first += gap.after + word
        if not self._rest:
            self._first, self._after = self._first + self._after, ""
        self._length = len(self._first)

    def spans(self, budget: Budget, text: str, start: int, end: int, most: int) -> list[Span]:
        """Matches between `start` and `end`, from left to right; at most so many."""
        budget.check()
        spans: list[Span] = []
        at = text.find(self._first, start, end)
        while at >= 0:
            after = at + self._length
            if self._begins_a_word and at and _is_letter(text[at - 1]):
                after = 0
            elif self._rest:
                after = self._end(text, after)
            elif self._ends_a_word and after < len(text) and _is_letter(text[after]):
                after = 0
            if after > end:
                break
            if after:
                spans.append((at, after))
                if len(spans) == most:
                    break
            else:  # of those a text may hold many more
                budget.check()
            at = text.find(self._first, after or at + 1, end)
        return spans

    def _end(self, text: str, at: int) -> int:
        """Where the match ends of which the first word ends at `at`; 0 when none does."""
        for gap, word in self._rest:
            following = _next_word(text, at)
            if not (gap.is_like(text[at:following]) and text.startswith(word, following)):
                return 0
            at = following + len(word)
        if self._ends_a_word and at < len(text) and _is_letter(text[at]):
            return 0
        return at + len(self._after) if text.startswith(self._after, at) else 0


class _Gap(NamedTuple):
    """What may stand between two words."""

    after: str
    """Symbols that touch the word before."""
    before: str
    """Symbols that touch the word that follows."""
    shortest: int
    exact: bool
    """Whether it is `after` and nothing else."""

    @classmethod
    def between(cls, word: str, gap: str, following: str) -> _Gap:
        """The gap that was typed between two words, as it may be in a text."""
        left, *rest = re.split(r"\s+", gap)
        if not rest and any(map(_is_symbol, gap)):
            return cls(gap, "", len(gap), exact=True)
        after, before = (_after_a_word(left), _before_a_word(rest[-1])) if rest else ("", "")
        apart = _is_letter(word[0]) and _is_letter(following[0])
        shortest = len(after) + len(before) or int(apart)
        return cls(after, before, shortest, exact=False)

    @property
    def has_symbols(self) -> bool:
        """Whether symbols count in it."""
        return self.exact or bool(self.after or self.before)

    def is_like(self, found: str) -> bool:
        """Whether what stands between two words of a text is such a gap."""
        if self.exact:
            return found == self.after
        return (
            len(found) >= self.shortest
            and found.startswith(self.after)
            and found.endswith(self.before)
        )


@lru_cache(maxsize=4096)
def _is_letter(character: str) -> bool:
    """Whether it is part of a word that has more than one character."""
    return WORD.match(character) is not None and not is_apart(character)


def _next_word(text: str, at: int) -> int:
    """Where the first word of `text` begins from `at` on; its end when there is none."""
    found = WORD.search(text, at)
    return found.start() if found else len(text)


def _before_a_word(text: str) -> str:
    """The symbols that touch the word which `text` precedes."""
    touching = re.split(r"\s", text)[-1]
    counting = (at for at, c in enumerate(touching) if _is_edge(c) or c == ".")
    return touching[next(counting, len(touching)) :]


def _after_a_word(text: str) -> str:
    """The symbols that touch the word which `text` follows."""
    touching = re.split(r"\s", text)[0]
    counting = (at for at, c in enumerate(reversed(touching)) if _is_edge(c))
    return touching[: len(touching) - next(counting, len(touching))]


def _is_edge(character: str) -> bool:
    return character in _COUNTS_AT_AN_EDGE or _is_symbol(character)


def _is_symbol(character: str) -> bool:
    if character in _PUNCTUATION_THAT_COUNTS:
        return True
    return unicodedata.category(character)[0] == "S" and character not in _SYMBOLS_THAT_DO_NOT
