"""Searching: what the store's SQL costs by hand, in the store, and what the original's query cost.

The index ranks every match, so a common word costs what ranking all its messages costs; newest
first costs what the page costs.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from benchmarks.contenders import BY_HAND, OURS
from benchmarks.contenders.search_by_hand import OriginalSearch, SearchByHand
from benchmarks.contenders.store import HermesStore
from benchmarks.files import SOURCES, Files, original_schema
from benchmarks.measure import Round, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import Measured, time_row
from benchmarks.table import Cell, Row, Table, Target
from hermes_store.settings import Settings

ORIGINAL = "the original's query"
ABOUT = (
    "Twenty hits, each with a snippet and its neighbours. By hand: the same SQL, by a query that is"
    " written for the index, which nobody asks whether it is whole; it ranks as many hits. The"
    " original: its query, which ranks all and ran one more for each hit, on its index of the"
    " message text alone."
)


@dataclass(frozen=True)
class Query:
    """What is looked for, as typed, as FTS5 takes it, and as a regular expression for the words."""

    title: str
    typed: str
    match: str
    words: str
    newest: bool = False
    source: str | None = None


QUERIES = (
    Query("a rare word", "asyncio", '"asyncio"', "asyncio"),
    Query("a common word", "function", '"function"', "function"),
    Query("two words", "exception method", '"exception" AND "method"', "exception|method"),
    Query("a phrase", '"context manager"', '"context manager"', "context manager"),
    Query("a prefix", "deco*", '"deco"*', r"deco\w*"),
    Query("a common word in one source", "function", '"function"', "function", source=SOURCES[0]),
    Query("a common word, newest first", "function", '"function"', "function", newest=True),
)
LARGE = 100_000
NEWEST_AT_MOST = Target(0.005, unit="s")


def tables(plan: Plan, files: Files) -> Iterator[Table]:
    """A table for each size of file."""
    for sessions in plan.searched_sessions:
        yield table(plan, files, sessions)


def table(plan: Plan, files: Files, sessions: int) -> Table:
    ours, original = files.filled(sessions), files.filled(sessions, original_schema(files))
    searchers = {
        BY_HAND: SearchByHand(str(ours)),
        OURS: HermesStore(str(ours), Settings()),
        ORIGINAL: OriginalSearch(str(original)),
    }
    rows = [row for query in QUERIES for row in rows_of(plan, searchers, query, sessions * 20)]
    rows.append(new_words_row(plan, searchers, sessions * 20))
    for searcher in searchers.values():
        searcher.close()
    title = f"Search in {sessions * 20:,} messages"
    return Table(title, ABOUT, (BY_HAND, OURS, ORIGINAL), rows)


def rows_of(plan: Plan, searchers: dict[str, Any], query: Query, messages: int) -> Iterator[Row]:
    calls = calls_of(searchers, query)
    agree(calls[OURS](), calls[BY_HAND]())

    def measure(call: Callable[[], Any], _round: int) -> Round:
        return timed([call] * searches_a_round(plan, messages))

    measured = take_turns(plan.rounds, calls, measure)
    title = f"{query.title} ({matches(searchers[BY_HAND], query):,} hits)"
    yield time_row(title, measured, Target(1.3))
    if query.newest and messages >= LARGE:
        yield bounded_row(f"{query.title}: time", measured)


def searches_a_round(plan: Plan, messages: int) -> int:
    return max(plan.reads * 40_000 // max(messages, 40_000) // 2, 1)


def new_words_row(plan: Plan, searchers: dict[str, Any], messages: int) -> Row:
    """What it costs to understand a query, too: nobody has asked any of these before."""

    def measure(contender: tuple[str, Iterator[Query]], _round: int) -> Round:
        name, queries = contender
        some = islice(queries, searches_a_round(plan, messages))
        return timed([calls_of(searchers, query)[name] for query in some])

    contenders = {name: (name, pairs_of_words()) for name in searchers}
    measured = take_turns(plan.rounds, contenders, measure)
    return time_row("two words, others each time (0 hits or few)", measured)


def pairs_of_words() -> Iterator[Query]:
    """Names of modules, which the messages are about."""
    names = (name for name in sorted(sys.stdlib_module_names) if name.isalpha() and name[3:])
    pairs = list(combinations(names, 2))
    random.Random(1).shuffle(pairs)
    for one, other in pairs:
        yield Query("", f"{one} {other}", f'"{one}" AND "{other}"', f"{one}|{other}")


def bounded_row(title: str, measured: Measured) -> Row:
    cells = {name: Cell(series.median, "s") for name, series in measured.items()}
    return Row(title, cells, target=NEWEST_AT_MOST, figure=measured[OURS].median)


def calls_of(searchers: Mapping[str, Any], query: Query) -> dict[str, Callable[[], Any]]:
    """What each contender calls; the original cannot sort by time."""
    filters: dict[str, Any] = {"source": query.source} if query.source else {}
    ours = {"source_filter": [query.source]} if query.source else {}
    order: dict[str, Any] = {"sort": "newest"} if query.newest else {}
    search = searchers[OURS].repository.search_messages
    hand, original = searchers[BY_HAND].search, searchers[ORIGINAL].search
    calls: dict[str, Callable[[], Any]] = {
        BY_HAND: lambda: hand(query.match, query.words, newest=query.newest, **filters),
        OURS: lambda: search(query.typed, limit=20, **ours, **order),
    }
    if not query.newest:
        calls[ORIGINAL] = lambda: original(query.match, query.words, **filters)
    return calls


def agree(ours: list[Any], by_hand: list[Any]) -> None:
    """Raise `RuntimeError` unless the same messages were found, in the same order."""
    without = [[{**hit, "snippet": None} for hit in hits] for hits in (ours, by_hand)]
    if without[0] != without[1]:
        raise RuntimeError("the store and the SQL by hand found different things")


def matches(searcher: SearchByHand, query: Query) -> int:
    """How many messages match in all."""
    count = "SELECT count(*) FROM messages_fts WHERE messages_fts MATCH ?"
    return searcher.db.execute(count, (query.match,)).fetchone()[0]
