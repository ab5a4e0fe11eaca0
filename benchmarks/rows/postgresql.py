"""PostgreSQL: the same kinds of work on a server of the run's own, next to psycopg by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import URL

from benchmarks.contenders import OURS, PSYCOPG
from benchmarks.contenders.psycopg_by_hand import PsycopgByHand, PsycopgChanges, PsycopgSearch
from benchmarks.contenders.store import HermesStore
from benchmarks.databases import Databases, databases, finish
from benchmarks.files import Files
from benchmarks.measure import take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows import alone, changes, loads, searches, threads
from benchmarks.rows.build import percentile_row, rate_row, time_row
from benchmarks.table import Row, Table, Target
from hermes_store.settings import Settings

TITLE = "PostgreSQL"
ONE_CONNECTION = "one connection, a lock"
ABOUT = (
    "PostgreSQL {version} on the loopback, started by the run with its default settings: a COMMIT"
    " is on the disk when it returns. By hand: psycopg, a COMMIT for each message, a pool with a"
    " connection for every thread; next to it, one connection and a lock. Reads are of {messages:,}"
    " messages."
)
SHARE = 4
"""COMMITs that wait for the disk take their time: so much less is written than on SQLite."""
TWO_WORDS = "exception|method"
QUERIES = (
    searches.Query("a rare word", "asyncio", "'asyncio'", "asyncio"),
    searches.Query("a common word", "function", "'function'", "function"),
    searches.Query("two words", "exception method", "'exception' & 'method'", TWO_WORDS),
    searches.Query("a common word, newest first", "function", "'function'", "function", True),
)


def table(plan: Plan, files: Files) -> Table:
    """Writes, reads and searches."""
    less = replace(
        plan,
        appends=max(plan.appends // SHARE, 1),
        threaded_appends=max(plan.threaded_appends // SHARE, 32),
    )
    with databases(files.folder(), plan.server_settings) as server:
        about = ABOUT.format(version=server.version(), messages=plan.stored_sessions * 20)
        rows = [*write_rows(less, server), *read_rows(plan, server), *long_rows(plan, server)]
    return Table(TITLE, about, (PSYCOPG, OURS, ONE_CONNECTION), rows)


def write_rows(plan: Plan, server: Databases) -> Iterator[Row]:
    """Appends, alone, of many threads, and a hundred at once."""
    measured = alone.one_by_one(plan, writers(server), finish)
    yield time_row("append, one thread", measured, Target(1.5), PSYCOPG)
    yield rate_row("the same as messages a second", measured, reference=PSYCOPG)
    yield from thread_rows(plan, server, 8, None)
    yield from thread_rows(plan, server, 32, Target(2, at_least=True))
    batches = writers(server) | {alone.COMMIT_EACH: PsycopgByHand(server.new())}
    stored = alone.in_batches(plan, batches, 100, finish)
    committed_each = {**stored, PSYCOPG: stored.pop(alone.COMMIT_EACH)}
    title = "append_messages of 100"
    yield time_row(f"{title}, to a commit each", committed_each, reference=PSYCOPG)
    yield time_row(f"{title}, to executemany", stored, reference=PSYCOPG)


def thread_rows(plan: Plan, server: Databases, number: int, target: Target | None) -> Iterator[Row]:
    contenders = writers(server, number) | {ONE_CONNECTION: PsycopgByHand(server.new())}
    measured = threads.together(plan, contenders, number, finish)
    title = f"append, {number} threads"
    yield rate_row(title, measured, target, PSYCOPG)
    yield percentile_row(f"{title}: p99", measured, 0.99, reference=PSYCOPG)


def writers(server: Databases, connections: int = 1) -> dict[str, Any]:
    """Psycopg by hand and the store, each on a new database."""
    return {
        PSYCOPG: PsycopgByHand(server.new(), connections),
        OURS: HermesStore(server.new(), Settings()),
    }


def read_rows(plan: Plan, server: Databases) -> Iterator[Row]:
    """Loads, lists and searches, all on one database."""
    url = server.filled(plan.stored_sessions, loads.PROMISED)
    readers = {PSYCOPG: PsycopgByHand(url), OURS: HermesStore(url, Settings())}
    yield from loads.rows_of(plan, readers, PSYCOPG, None)
    yield from search_rows(plan, url, readers[OURS])
    for reader in readers.values():
        reader.close()


class Changes(changes.Changes):
    undoing = PsycopgChanges


def long_rows(plan: Plan, server: Databases) -> Iterator[Row]:
    """A long conversation is taken back, compacted and looked into."""
    changed = {PSYCOPG: server.new(), OURS: server.new()}
    for url in changed.values():
        changes.fill(url, plan.changed_messages)
    changers = {PSYCOPG: PsycopgChanges(changed[PSYCOPG]), OURS: Changes(changed[OURS])}
    yield from changes.change_rows(plan, changers, None)
    finish(changers, plan.changed_messages)
    url = server.new()
    changes.fill(url, plan.paged_messages)
    yield changes.page_row(plan, {PSYCOPG: PsycopgChanges(url), OURS: Changes(url)}, None)


def search_rows(plan: Plan, url: URL, ours: HermesStore) -> Iterator[Row]:
    by_hand = PsycopgSearch(url)
    for query in QUERIES:
        calls = calls_of(query, by_hand, ours)
        searches.agree(calls[OURS](), calls[PSYCOPG]())
        measured = take_turns(plan.rounds, calls, lambda call, _: timed([call] * plan.reads))
        yield time_row(f"search: {query.title}", measured, reference=PSYCOPG)
    by_hand.close()


def calls_of(
    query: searches.Query, by_hand: PsycopgSearch, ours: HermesStore
) -> dict[str, Callable[[], Any]]:
    search = ours.search_newest if query.newest else ours.search
    return {
        PSYCOPG: lambda: by_hand.search(query.match, query.words, newest=query.newest),
        OURS: lambda: search(query.typed, 20),
    }
