"""A hundred thousand appends: how long the longest ones take when the index is merged meanwhile."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.contenders import BY_HAND, OURS
from benchmarks.corpus import Corpus
from benchmarks.files import Files, finish
from benchmarks.measure import Round, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import percentile_row, rate_row
from benchmarks.table import Table

ABOUT = (
    "One file that grows, a new session every {per_session} messages, a commit for each message."
)
PER_SESSION = 100


def table(plan: Plan, files: Files) -> Table:
    """Percentiles and the maximum of single calls."""
    writers = files.writers(names=(BY_HAND, OURS))
    rounds = max(plan.endurance // 1_000, 1)
    measured = take_turns(rounds, writers, partial(measure, plan.endurance // rounds))
    finish(writers, plan.endurance // rounds * rounds)
    rows = [
        percentile_row("median", measured, 0.5),
        percentile_row("p99", measured, 0.99),
        percentile_row("p99.9", measured, 0.999),
        percentile_row("longest", measured, 1.0),
        rate_row("messages a second", measured),
    ]
    title = f"{plan.endurance:,} appends"
    return Table(title, ABOUT.format(per_session=PER_SESSION), (BY_HAND, OURS), rows)


def measure(count: int, writer: Any, number: int) -> Round:
    corpus, calls = Corpus(number), []
    for first in range(0, count, PER_SESSION):
        session_id = f"round-{number}-{first}"
        writer.create_session(session_id)
        messages = corpus.messages(min(PER_SESSION, count - first))
        calls += [partial(writer.append, session_id, message) for message in messages]
    return timed(calls)
