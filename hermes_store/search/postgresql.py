"""Search on PostgreSQL: a tree becomes a tsquery, which finds the ids of messages.

The function that folded the words of the messages folds those of a query, too. The index alone
cannot decide when symbols count, or when a long message has lost places of its words. Then this
module looks at the texts that the index found, in the order of the page, until the page is full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import islice
from typing import Any

from sqlalchemy import text

from hermes_store.database.connection import OpenConnection
from hermes_store.database.postgresql_plans import planned_each_time
from hermes_store.database.statements import Statement
from hermes_store.search.budget import Budget
from hermes_store.search.chosen import ChosenSessions
from hermes_store.search.loosened import MOST_TEXTS, Candidates, has_many_words, loosened
from hermes_store.search.matching import has_symbols, matches, spellings
from hermes_store.search.postgresql_budget import set_limit, within
from hermes_store.search.postgresql_looks import (
    Row,
    ends_of,
    in_order_of_storing,
    page_of_few,
)
from hermes_store.search.postgresql_match import LONGEST_WORD, Words, expression
from hermes_store.search.postgresql_statements import Shape
from hermes_store.search.query import And, Not, Phrase, Query
from hermes_store.search.ranking import best_first, best_page, needed, on_page
from hermes_store.search.searched import compared

__all__ = [
    "GIVEN_IDS",
    "IS_APART",
    "RANKED",
    "TEXTS",
    "as_written",
    "candidates",
    "find",
    "given",
    "within",
]

RANKED = 1_000
"""So many of the newest hits are ranked: of each the vector is read, which takes some 15 µs."""

_LOOKED_AT_ONCE = 400


def candidates(
    connection: OpenConnection,  # noqa: ARG001 - SQLite's side needs it
    tree: Query,
    sort: str,  # noqa: ARG001 - as above
    *,
    ranked: int,
    goes_on: bool,  # noqa: ARG001 - as above
    is_filtered: bool,  # noqa: ARG001 - as above
) -> Candidates:
    """What a page looks at: less where texts decide, and of many words."""
    is_slow = has_symbols(tree) or has_many_words(tree)
    return Candidates(loosened(tree), min(ranked, MOST_TEXTS) if is_slow else ranked)


def find(
    connection: OpenConnection,
    tree: Query,
    sort: str,
    filters: dict[str, Any],
    budget: Budget,
    *,
    chosen: ChosenSessions | None,
    limit: int,
    offset: int,
) -> Sequence[int]:
    """The ids of one page, in order. Raises `SearchTooBroadError`."""
    ends = ends_of(connection, budget, filters)
    if ends is None:
        return []
    shape, parameters = _compiled(connection, tree, sort, filters, chosen)
    is_of_few = shape.is_among_few or not ends.are_far_apart
    if sort == "relevance" and is_of_few and not shape.has_symbols:
        ids = _best_of_few(connection, shape, parameters, limit, offset)
        if ids is not None:
            return ids
    most = needed(sort, limit, offset, RANKED)
    with (
        planned_each_time(connection),
        # A cursor of the server that closed later would fail what runs then.
        closing(in_order_of_storing(connection, shape, parameters, most, ends)) as found,
    ):
        rows = best_first(found, RANKED) if sort == "relevance" else found
        if shape.is_doubted:
            rows = _right(connection, tree, rows, budget, limit + offset)
        return on_page(rows, limit, offset)


def _compiled(
    connection: OpenConnection,
    tree: Query,
    sort: str,
    filters: dict[str, Any],
    chosen: ChosenSessions | None,
) -> tuple[Shape, dict[str, Any]]:
    """What is asked, as SQL and its parameters."""
    words = _folded(connection, set(_texts(tree)))
    possible, sure = expression(tree, words), expression(tree, words, sure=True)
    condition, asked = chosen or (None, {})
    doubts = {"is_doubted": possible != sure, "has_symbols": has_symbols(tree)}
    shape = Shape(sort, tuple(filters), condition, **doubts)
    lists = {name: list(each) for name, each in filters.items() if isinstance(each, tuple)}
    return shape, {**filters, **lists, **asked, "possible": possible, "sure": sure}


def _best_of_few(
    connection: OpenConnection, shape: Shape, parameters: dict[str, Any], limit: int, offset: int
) -> list[int] | None:
    """A page as the server ranks it; None where the index alone cannot tell what is a hit."""
    sure = shape._replace(is_doubted=False)

    def found(order: str, most: int, skipped: int) -> list[int]:
        page = {"limit": most, "offset": skipped, "ranked": RANKED}
        return page_of_few(connection, sure._replace(sort=order), {**parameters, **page})

    # Of a phrase all up to the page: what is no hit in front of it would move the others.
    start = 0 if shape.is_doubted else offset
    # What filters leave may be little of what the words find: one plan for all would not know.
    with nullcontext() if shape.keeps_most else planned_each_time(connection):
        ids = best_page(found, limit + offset - start, start, RANKED)
    if shape.is_doubted and ids and _has_unsure(connection, ids, parameters["sure"]):
        return None
    return ids[offset - start :]


def _has_unsure(connection: OpenConnection, ids: list[int], sure: str) -> bool:
    return _UNSURE.run(connection, ids=ids, sure=sure).fetchone() is not None


_UNSURE = Statement(
    text("""\
SELECT id FROM messages
WHERE id = ANY(CAST(:ids AS bigint[])) AND NOT search @@ CAST(:sure AS tsquery) LIMIT 1""")
)


def _right(
    connection: OpenConnection, tree: Query, rows: Iterator[Row], budget: Budget, wanted: int
) -> Iterator[Row]:
    """The rows that are sure, and those whose texts show them to be right."""
    at_once = min(wanted, _LOOKED_AT_ONCE)  # at first no more than the page, if all are right
    while some := list(islice(rows, at_once)):
        at_once = min(2 * at_once, _LOOKED_AT_ONCE)
        set_limit(connection, budget)
        unsure = [id_ for id_, *_, is_sure in some if not is_sure]
        right = _matching(connection, tree, unsure, budget) if unsure else set()
        yield from (row for row in some if row[-1] or row[0] in right)


def _matching(connection: OpenConnection, tree: Query, ids: list[int], budget: Budget) -> set[int]:
    found = connection.core.execute(_TEXTS, {"ids": ids})
    return {id_ for id_, *texts, forms in found if matches(tree, compared(texts, forms), budget)}


_TEXTS = text("""\
SELECT m.id, m.content, m.content_format, m.tool_name, m.tool_calls, v.forms
FROM messages AS m JOIN messages_search AS v ON v.id = m.id
WHERE m.id = ANY(CAST(:ids AS bigint[]))""")


# --- the words of a tree ------------------------------------------------------------------------


def _texts(tree: Query) -> Iterator[str]:
    if isinstance(tree, Phrase):
        yield from spellings(tree.text)
    else:
        for operand in _operands(tree):
            yield from _texts(operand)


def _operands(tree: And | Not | Any) -> Sequence[Query]:
    return (tree.wanted, tree.unwanted) if isinstance(tree, Not) else tree.operands


def _folded(connection: OpenConnection, texts: set[str]) -> Words:
    """The words of each text, as they stand in the index."""
    storable = {
        each: each.encode("utf-8", "replace").decode().replace("\0", "\ufffd") for each in texts
    }
    found = {each: [each.lower()] for each in storable.values() if _is_word(each)}
    if others := [each for each in storable.values() if each not in found]:
        rows = _FOLD.run(connection, texts=others)
        found |= {each: folded.split(" ") for each, folded in rows}
    return {
        each: [word[:LONGEST_WORD] for word in found[stored] if word not in {"", "\x1c"}]
        for each, stored in storable.items()
    }


def _is_word(typed: str) -> bool:
    """Whether it is known without the server how `typed` is folded: as its lower case."""
    return typed.isascii() and typed.isalnum()


_FOLD = Statement(
    text("""\
SELECT typed, hermes_search_fold(typed) FROM unnest(CAST(:texts AS text[])) AS typed""")
)


# --- what the other side of the package asks ----------------------------------------------------

IS_APART = False
TEXTS = "messages_search"
GIVEN_IDS = "SELECT unnest(CAST(:ids AS bigint[]))"


def given(ids: Sequence[int]) -> list[int]:
    """The parameter of `GIVEN_IDS` for a list of ids."""
    return list(ids)


def as_written(searched: str) -> str:
    """A text of the view is as it was written."""
    return searched
