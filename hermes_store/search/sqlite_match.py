"""A tree as FTS5 reads it: the text behind MATCH."""

from __future__ import annotations

import re

from hermes_store.search.characters import set_apart
from hermes_store.search.matching import has_symbols, spellings
from hermes_store.search.query import And, Not, Phrase, Query

__all__ = ["expression"]


def expression(tree: Query, *, sure: bool = False) -> str:
    """The FTS5 expression that finds every message `tree` asks for.

    It finds more than that where symbols decide; `sure`: nothing but such messages, and where
    there can be none an empty text.
    """
    if isinstance(tree, Phrase):
        return "" if sure and has_symbols(tree) else _phrase(tree)
    if isinstance(tree, Not):
        wanted = expression(tree.wanted, sure=sure)
        unwanted = expression(tree.unwanted, sure=not sure)
        return f"({wanted}) NOT ({unwanted})" if wanted and unwanted else wanted
    found = [_grouped(operand, sure=sure) for operand in tree.operands]
    if isinstance(tree, And):
        return " AND ".join(found) if all(found) else ""
    return " OR ".join(filter(None, found))


def _grouped(tree: Query, *, sure: bool) -> str:
    found = expression(tree, sure=sure)
    return found if isinstance(tree, Phrase) or not found else f"({found})"


def _phrase(phrase: Phrase) -> str:
    star = "*" if phrase.prefix else ""
    forms = [f'"{_quotable(form)}"{star}' for form in spellings(phrase.text)]
    return forms[0] if len(forms) == 1 else f"({' OR '.join(forms)})"


def _quotable(typed: str) -> str:
    """`typed` as it can stand in an FTS5 string: there are no words in what is left out."""
    return set_apart(_NOT_IN_A_STRING.sub(" ", typed))


_NOT_IN_A_STRING = re.compile('["\0\ud800-\udfff]')
