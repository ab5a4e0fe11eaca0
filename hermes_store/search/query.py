"""What a person types, as a tree. Knows no database.

    words            all of them must be there
    "exact phrase"   these words next to each other, in this order
    AND OR NOT       in capitals and between two operands; NOT binds first, OR last
    prefix*          a word that begins so
    ( )              around a group, set off from the words outside

Everything else is text to be found as it is written: `foo -bar`, `rm -rf`, `content:x`, `f(x)`,
a quotation mark or a parenthesis without its partner, an operator without operands. No text is an
error, and none of it is left out of the search except what holds no letter, digit or symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.search.characters import has_word
from hermes_store.search.folding import fold

__all__ = ["DEEPEST", "And", "Not", "Or", "Phrase", "Query", "parse", "phrases"]

DEEPEST = 10
"""Groups within groups, which FTS5 takes some more of; parentheses further in are text."""

_OPERATORS = frozenset({"AND", "OR", "NOT"})
_QUOTED = re.compile(r'(?:"(?P<text>[^"]*)"|“(?P<curly>[^“”]*)”)(?P<stars>\**)')


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of `text` next to each other; of the last one, perhaps only how it begins."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """All of them, anywhere in the message."""

    operands: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    operands: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The first without the second."""

    wanted: Query
    unwanted: Query


Query = Phrase | And | Or | Not


def parse(typed: str) -> Query | None:
    """Return the tree for `typed`, or None when there is nothing in it to look for.

    Raises `InvalidArgumentError` for anything but a `str`.
    """
    if not isinstance(typed, str):
        raise InvalidArgumentError("query", f"{values.shown(typed)} is not a text", "give a str")
    groups: list[list[_Item]] = [[]]
    for item in _matched(list(_items(typed))):
        if item is _OPEN:
            groups.append([])
        elif item is _CLOSE:
            group = _tree(groups.pop())
            groups[-1] += [group] if group else []
        else:
            groups[-1].append(item)
    return _tree(groups[0])


def phrases(query: Query, *, unwanted: bool = False) -> Iterator[Phrase]:
    """The phrases that a hit may hold, or all: those after NOT too."""
    if isinstance(query, Phrase):
        yield query
    elif isinstance(query, Not):
        yield from phrases(query.wanted, unwanted=unwanted)
        if unwanted:
            yield from phrases(query.unwanted, unwanted=True)
    else:
        for operand in query.operands:
            yield from phrases(operand, unwanted=unwanted)


# --- characters to items ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Operator:
    word: str


class _Parenthesis:
    pass


_OPEN, _CLOSE = _Parenthesis(), _Parenthesis()
_Item = Query | _Operator | _Parenthesis


def _items(typed: str) -> Iterator[_Item]:
    at = 0
    while at < len(typed):
        if quoted := _QUOTED.match(typed, at):
            yield Phrase(quoted["text"] or quoted["curly"] or "", prefix=bool(quoted["stars"]))
            at = quoted.end()
        elif typed[at] in "()":
            yield _OPEN if typed[at] == "(" else _CLOSE
            at += 1
        elif _ends_a_term(typed[at]):
            at += 1
        else:
            end = _end_of_term(typed, at)
            yield _term(typed[at:end])
            at = end


def _ends_a_term(character: str) -> bool:
    return character.isspace() or character in '"“”'


def _end_of_term(typed: str, at: int) -> int:
    """A term ends at a blank, a quotation mark, or a parenthesis that it did not open."""
    inside = 0
    for end in range(at, len(typed)):
        character = typed[end]
        inside += character == "("
        if _ends_a_term(character) or (character == ")" and not inside):
            return end
        inside -= character == ")"
    return len(typed)


def _term(text: str) -> _Item:
    if text in _OPERATORS:
        return _Operator(text)
    stem = text.rstrip("*")
    return Phrase(stem, prefix=True) if stem != text and has_word(stem[-1:]) else Phrase(text)


def _matched(items: list[_Item]) -> list[_Item]:
    """Without the parentheses that have no partner or are too deep, and without empty phrases."""
    kept = {index for index, item in enumerate(items) if _is_something(item)}
    opened: list[int] = []
    for index, item in enumerate(items):
        if item is _OPEN:
            opened.append(index)
        elif item is _CLOSE and opened:
            if len(opened) <= DEEPEST:
                kept |= {opened[-1], index}
            opened.pop()
    return [item for index, item in enumerate(items) if index in kept]


def _is_something(item: _Item) -> bool:
    return isinstance(item, _Operator) or (isinstance(item, Phrase) and has_word(fold(item.text)))


# --- items to a tree ----------------------------------------------------------------------------


def _tree(items: list[_Item]) -> Query | None:
    """The tree of one group: alternatives, each of words that must all be there."""
    alternatives: list[Query] = []
    wanted: list[Query] = []
    unwanted: list[Query] = []
    operator = ""
    for item in [*_operators_between_operands(items), _Operator("OR")]:
        if not isinstance(item, _Operator):
            (unwanted if operator == "NOT" else wanted).append(item)  # type: ignore[arg-type]  # an operand
            operator = ""
        elif item.word == "OR":
            alternatives += [_without(wanted, unwanted)] if wanted else []
            wanted, unwanted = [], []
        else:
            operator = item.word
    return _join(Or, alternatives) if alternatives else None


def _operators_between_operands(items: list[_Item]) -> list[_Item]:
    """`items` with every operator that does not stand between operands made a word."""
    joined = [
        item
        for item, following in zip_longest(items, items[1:])
        if (item, following) != (_Operator("AND"), _Operator("NOT"))
    ]
    edge = _Operator("")
    around = zip([edge, *joined], joined, [*joined[1:], edge], strict=False)
    return [
        Phrase(item.word)
        if isinstance(item, _Operator)
        and (isinstance(before, _Operator) or isinstance(after, _Operator))
        else item
        for before, item, after in around
    ]


def _without(wanted: list[Query], unwanted: list[Query]) -> Query:
    together = _join(And, wanted)
    return Not(together, _join(Or, unwanted)) if unwanted else together


def _join(kind: type[And | Or], operands: list[Query]) -> Query:
    """One node for all; nodes of the same kind become one, and equal operands too."""
    flat: dict[Query, None] = {}
    for operand in operands:
        inner = operand.operands if isinstance(operand, kind) else (operand,)
        flat.update(dict.fromkeys(inner))
    return kind(tuple(flat)) if len(flat) > 1 else next(iter(flat))
