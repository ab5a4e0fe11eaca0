"""A tree as PostgreSQL reads it: the tsquery behind @@."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hermes_store.search.matching import has_symbols, spellings
from hermes_store.search.postgresql_ddl import INCOMPLETE
from hermes_store.search.query import And, Not, Phrase, Query

__all__ = ["LONGEST_WORD", "Words", "expression"]

Words = Mapping[str, Sequence[str]]
"""Of each text that was typed, its folded words."""

_LONGEST_PHRASE, LONGEST_WORD = 64, 500
_NOTHING = "'\x01'"
"""A tsquery for a word that no text holds."""


def expression(tree: Query, words: Words, *, sure: bool = False) -> str:
    """The tsquery that finds every message `tree` asks for; `sure`: nothing but such messages."""
    if isinstance(tree, Phrase):
        forms = dict.fromkeys(
            _phrase(tree, words[form], sure=sure) for form in spellings(tree.text)
        )
        return _joined(" | ", list(forms))
    if isinstance(tree, Not):
        wanted = expression(tree.wanted, words, sure=sure)
        unwanted = expression(tree.unwanted, words, sure=not sure)
        return f"({wanted} & !{unwanted})"
    operator = " & " if isinstance(tree, And) else " | "
    return _joined(operator, [expression(each, words, sure=sure) for each in tree.operands])


def _joined(operator: str, parts: Sequence[str]) -> str:
    """Like a tree of which no branch is long: the server reads it by recursion."""
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(operator, parts[:half])}{operator}{_joined(operator, parts[half:])})"


def _is_cut(words: Sequence[str]) -> bool:
    """Whether a tsquery cannot hold all of these words."""
    return len(words) > _LONGEST_PHRASE or any(len(word) == LONGEST_WORD for word in words)


def _phrase(phrase: Phrase, words: Sequence[str], *, sure: bool) -> str:
    if not words or (sure and (has_symbols(phrase) or _is_cut(words))):
        return _NOTHING
    quoted = [f"'{word}'" for word in words[:_LONGEST_PHRASE]]
    if phrase.prefix and len(words) <= _LONGEST_PHRASE:
        quoted[-1] += ":*"
    if len(quoted) == 1:
        return quoted[0]
    adjacent = f"({' <-> '.join(quoted)})"
    anywhere = _joined(" & ", [*quoted, f"'{INCOMPLETE}'"])
    return adjacent if sure else f"({adjacent} | {anywhere})"
