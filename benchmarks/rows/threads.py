"""Appends of many threads of one process; by hand they share a connection and a lock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.corpus import Corpus
from benchmarks.files import Files, finish
from benchmarks.measure import Call, Round, take_turns, timed_in_threads
from benchmarks.plan import Plan
from benchmarks.rows.alone import Finish
from benchmarks.rows.build import Measured, percentile_row, rate_row
from benchmarks.table import Row, Target

PROMISED = {8: (1.3, 1 / 5), 32: (1.6, 1 / 10)}
"""Threads: throughput at least, p99 at most; both times that of the hand-written lock."""


def rows(plan: Plan, files: Files, threads: int, synchronous: str = "NORMAL") -> Iterator[Row]:
    """Each thread appends to a session of its own."""
    measured = together(plan, files.writers(synchronous), threads, finish)
    rate, p99 = PROMISED[threads] if synchronous == "NORMAL" else (None, None)
    title = f"append, {threads} threads"
    yield rate_row(title, measured, rate and Target(rate, at_least=True))
    yield percentile_row(f"{title}: p99", measured, 0.99, p99 and Target(p99))


def together(plan: Plan, writers: dict[str, Any], threads: int, finish: Finish) -> Measured:
    """Appends of many threads, each to a session of its own."""
    share = plan.threaded_appends // threads

    def measure(writer: Any, number: int) -> Round:
        corpus = Corpus(number)
        shares = [calls(writer, f"round-{number}-{n}", corpus, share) for n in range(threads)]
        return timed_in_threads(shares)

    measured = take_turns(plan.rounds, writers, measure)
    finish(writers, plan.rounds * threads * share)
    return measured


def calls(writer: Any, session_id: str, corpus: Corpus, count: int) -> list[Call]:
    writer.create_session(session_id)
    return [partial(writer.append, session_id, message) for message in corpus.messages(count)]
