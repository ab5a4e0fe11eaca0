"""Find a phrase in a text, as the index does, and the symbols that the index cannot tell apart.

An index of words finds `C` for `C++`. Symbols that touch a word are therefore looked for in the
text of the messages that the index found; sentence punctuation around a word is not. Symbols
between two parts of a term count as well, but joints like those of `user@host`, `key=value`,
`a-b` and `a/b` do not: such a term is the phrase of its parts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from hermes_store.search.alphabet import ACCENTS, APART, SEPARATORS
from hermes_store.search.characters import WORD, fold, is_apart
from hermes_store.search.query import And, Not, Phrase, Query

__all__ = ["Finder", "Span", "finder", "has_symbols", "matches", "spellings"]

_PUNCTUATION_THAT_COUNTS = frozenset("#%&*")
_SYMBOLS_THAT_DO_NOT = frozenset("`\N{ACUTE ACCENT}<>=")
_COUNTS_AT_AN_EDGE = frozenset("=@-_/\\")

_LETTER = re.compile(f"[^{SEPARATORS}{APART}]")
_ACCENT = re.compile(f"[{ACCENTS}]")
_MARKS = f"{_ACCENT.pattern}*"
_GAP = f"[{SEPARATORS}]"


class Span(NamedTuple):
    """Where a match begins and ends."""

    start: int
    end: int


class Finder:
    """A phrase, ready to be found in folded texts."""

    def __init__(self, phrase: Phrase) -> None:
        self._spellings = [_Spelling(text, phrase.prefix) for text in spellings(phrase.text)]
        self.has_symbols = any(each.has_symbols for each in self._spellings)
        """Whether the index alone finds too much."""

    def spans(self, folded: str) -> Iterator[Span]:
        """All matches in a folded text, those of one spelling from left to right."""
        for spelling in self._spellings:
            yield from spelling.spans(folded)


finder = lru_cache(maxsize=512)(Finder)


def has_symbols(query: Query) -> bool:
    """Whether the text of the messages has to be looked at, because the index finds too much."""
    if isinstance(query, Phrase):
        return finder(query).has_symbols
    operands = (query.wanted, query.unwanted) if isinstance(query, Not) else query.operands
    return any(map(has_symbols, operands))


def matches(query: Query, folded: Sequence[str]) -> bool:
    """Whether a message with these folded texts, one for each place, is what is asked for."""
    if isinstance(query, Phrase):
        return any(any(finder(query).spans(text)) for text in folded)
    if isinstance(query, Not):
        return matches(query.wanted, folded) and not matches(query.unwanted, folded)
    decide = all if isinstance(query, And) else any
    return decide(matches(operand, folded) for operand in query.operands)


def spellings(text: str) -> list[str]:
    """`text` as typed, composed, and with Korean and Japanese taken apart, as macOS names files.

    The index itself knows accented Latin letters in either form.
    """
    composed = unicodedata.normalize("NFC", text)
    apart = "".join(unicodedata.normalize("NFD", c) if is_apart(c) else c for c in composed)
    return list(dict.fromkeys([text, composed, apart]))


class _Spelling:
    """One way to write a phrase, as a regular expression over folded text."""

    def __init__(self, text: str, prefix: bool) -> None:
        words = WORD.findall(text)
        before, *gaps, after = WORD.split(text)
        before, after = _before_a_word(before), "" if prefix else _after_a_word(after)
        between = [_between(*each) for each in zip(words, gaps, words[1:], strict=False)]
        self.has_symbols = bool(before or after) or any(symbols for _, symbols in between)
        self._begins_a_word = not before and _is_letters(words[0])
        pieces = [_literal(before), _word(words[0])]
        for (gap, _), word in zip(between, words[1:], strict=True):
            pieces += [gap, _word(word)]
        pieces.append(_literal(after))
        if not prefix and not after and _is_letters(words[-1]):
            pieces.append(f"(?!{_LETTER.pattern})")
        pattern = "".join(pieces)
        self._accented = re.compile(pattern)
        self._plain = re.compile(pattern.replace(_MARKS, ""))

    def spans(self, folded: str) -> Iterator[Span]:
        pattern = self._plain if folded.isascii() else self._accented
        found = pattern.search(folded)
        while found:
            start, end = found.span()
            if self._begins_a_word and start and _is_letters(folded[start - 1]):
                end = start + 1
            else:
                yield Span(start, end)
            found = pattern.search(folded, end)


def _is_letters(word: str) -> bool:
    return _LETTER.match(word) is not None


def _word(word: str) -> str:
    letters = fold(_ACCENT.sub("", word))
    return "".join(re.escape(letter) + _MARKS for letter in letters) or f"{_ACCENT.pattern}+"


def _literal(symbols: str) -> str:
    return re.escape(fold(symbols))


def _between(word: str, gap: str, following: str) -> tuple[str, bool]:
    """What may stand between two words, as a pattern; and whether it is symbols that count."""
    anything = f"{_GAP}{'+' if _is_letters(word) and _is_letters(following) else '*'}"
    left, *rest = re.split(r"\s+", gap)
    if not rest:
        counts = any(map(_is_symbol, gap))
        return (_literal(gap) if counts else anything), counts
    after, before = _after_a_word(left), _before_a_word(rest[-1])
    if after or before:
        return f"{_literal(after)}{_GAP}*{_literal(before)}", True
    return anything, False


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
