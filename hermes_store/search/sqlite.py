"""Search on SQLite: FTS5 finds the ids of messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hermes_store.database.callback import Callback
from hermes_store.database.connection import OpenConnection
from hermes_store.search.budget import Budget
from hermes_store.search.characters import join_up
from hermes_store.search.chosen import ChosenSessions
from hermes_store.search.matching import has_symbols
from hermes_store.search.query import Query
from hermes_store.search.ranking import best_page, on_page
from hermes_store.search.sqlite_asked import Asked
from hermes_store.search.sqlite_candidates import candidates
from hermes_store.search.sqlite_ranking import FEW, ends, is_dear
from hermes_store.search.sqlite_statements import AMONG, WAITING, texts_statement
from hermes_store.search.sqlite_symbols import looked_for, right
from hermes_store.search.waiting import scores_in_memory

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

RANKED = 8_000
"""So many of the newest hits are ranked: some 20 ms where the file is larger than the memory."""

_STEPS = 4_000
"""Of SQLite's machine between two looks at the clock."""
_LOOKED_AT_ONCE = 100


# --- finding ------------------------------------------------------------------------------------


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
    if "are_read" in filters:
        others = {name: each for name, each in filters.items() if name not in _GIVEN}
        asked = Asked.of(connection, tree, others, chosen, budget, ranked=RANKED)
        return _read(asked, sort, filters["among"])[offset : offset + limit]
    asked = Asked.of(connection, tree, filters, chosen, budget, ranked=RANKED)
    if sort == "relevance":
        asked = _to_be_ranked(asked)
    waiting = _waiting(asked) if connection.looks_at_waiting else []
    if not waiting:
        return _indexed(asked, sort, limit, offset)
    indexed = _indexed(asked, sort, limit + offset, 0)
    found = [*indexed, *reversed(waiting)] if sort == "oldest" else [*waiting, *indexed]
    return found[offset : offset + limit]


def _to_be_ranked(asked: Asked) -> Asked:
    """The same with fewer, where bm25 would count too much; with all, where there are few."""
    stored = ends(asked.connection)
    if is_dear(asked.connection, asked.tree, stored):
        return asked._replace(ranked=FEW, by_relevance="relevance of few")
    if stored.messages <= RANKED and not asked.way:
        return asked._replace(by_relevance="relevance of all")
    return asked


def _waiting(asked: Asked) -> list[int]:
    """Of the messages that wait to be indexed those that are right, the newest first."""
    texts = texts_statement(WAITING, asked.filters, asked.chosen)
    rows = texts.run(asked.connection, **asked.values)
    found = sorted(scores_in_memory(rows, asked.values["match"]), reverse=True)
    return _right(asked, found)


_GIVEN = frozenset({"among", "are_read"})


def _read(asked: Asked, sort: str, among: Sequence[int]) -> list[int]:
    """Of given messages those that are right, in order: an index in memory holds nothing else."""
    texts = texts_statement(AMONG, asked.filters, asked.chosen)
    rows = texts.run(asked.connection, **asked.values, among=str([*among]))
    scores = scores_in_memory(rows, asked.values["match"])
    found = sorted(scores, reverse=sort != "oldest")
    if sort == "relevance":
        found.sort(key=lambda id_: scores[id_])
    return _right(asked, found)


def _right(asked: Asked, found: list[int]) -> list[int]:
    """Those of found messages that are right."""
    if not has_symbols(asked.tree):
        return found
    with looked_for(asked.connection, asked.tree, asked.budget):
        return right(asked.connection, found, asked.values)


def _indexed(asked: Asked, sort: str, limit: int, offset: int) -> Sequence[int]:
    """A page of what the index finds."""
    if not has_symbols(asked.tree):
        if sort == "relevance":
            return best_page(asked.found, limit, offset, asked.ranked)
        return asked.found(sort, limit, offset)
    with looked_for(asked.connection, asked.tree, asked.budget):
        if sort == "relevance":
            return on_page(_best_right(asked, limit + offset), limit, offset)
        return asked.found(sort, limit, offset)


def _best_right(asked: Asked, wanted: int) -> Iterator[tuple[int]]:
    """Of the newest messages that the index finds, those that are right, the best first.

    Behind them older ones, until there are as many as are wanted.
    """
    best = asked._replace(look="").found("relevance", asked.ranked)
    number = 0
    for start in range(0, len(best), _LOOKED_AT_ONCE):
        for id_ in right(asked.connection, best[start : start + _LOOKED_AT_ONCE], asked.values):
            number += 1
            yield (id_,)
    if len(best) == asked.ranked:
        older = asked.older_than(min(best)).found("newest", wanted - number)
        yield from ((id_,) for id_ in older)


@contextmanager
def within(connection: OpenConnection, budget: Budget) -> Iterator[None]:
    """End statements once `budget` is over: `SearchTooBroadError`."""
    if not budget.seconds:
        yield
        return
    clock = Callback(lambda: budget.is_over)
    connection.dbapi.set_progress_handler(clock.call, _STEPS)
    try:
        with clock:
            yield
    except connection.errors as exc:
        if "interrupted" in str(getattr(exc, "orig", exc)):
            budget.check()
        raise
    finally:
        connection.dbapi.set_progress_handler(None, 0)


# --- what is shared with PostgreSQL -------------------------------------------------------------

IS_APART = True

TEXTS = "messages_text"

GIVEN_IDS = "SELECT value FROM json_each(:ids)"


def given(ids: Sequence[int]) -> str:
    """The parameter of `GIVEN_IDS` for a list of ids."""
    return str([*ids])  # JSON, in a third of the time of `json.dumps`


as_written = join_up
"""A text of the view without the blanks that set characters apart."""
