"""Appends of one thread: one by one, and several in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.contenders import BY_HAND, OURS, UNIT_OF_WORK
from benchmarks.corpus import Corpus
from benchmarks.files import Files, finish
from benchmarks.measure import Round, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import rate_row, time_row
from benchmarks.table import Row, Target

COMMIT_EACH = "commit each"


def rows(plan: Plan, files: Files, synchronous: str = "NORMAL") -> Iterator[Row]:
    """A message at a time, each committed before the next."""
    writers = files.writers(synchronous)

    def measure(writer: Any, number: int) -> Round:
        session_id = f"round-{number}"
        writer.create_session(session_id)
        messages = Corpus(number).messages(plan.appends)
        return timed([partial(writer.append, session_id, message) for message in messages])

    measured = take_turns(plan.rounds, writers, measure)
    finish(writers, plan.rounds * plan.appends)
    promised = Target(1.6) if synchronous == "NORMAL" else None
    yield time_row("append, one thread", measured, promised)
    yield rate_row("the same as messages a second", measured)


def batch_rows(plan: Plan, files: Files, size: int, target: Target | None) -> Iterator[Row]:
    """`size` messages in one transaction; the time is that of one message."""
    writers = files.writers()
    writers[COMMIT_EACH] = files.writers(names=(BY_HAND,))[BY_HAND]

    def measure(writer: Any, number: int) -> Round:
        session_id, corpus = f"round-{number}", Corpus(number)
        append = append_each if writer is writers[COMMIT_EACH] else append_batch
        writer.create_session(session_id)
        batches = [corpus.messages(size) for _ in range(plan.batches)]
        whole = timed([partial(append, writer, session_id, batch) for batch in batches])
        return Round([seconds / size for seconds in whole.latencies], whole.seconds)

    measured = take_turns(plan.rounds, writers, measure)
    finish(writers, plan.rounds * plan.batches * size)
    stored = {name: measured[name] for name in (BY_HAND, OURS, UNIT_OF_WORK)}
    committed_each = {**stored, BY_HAND: measured[COMMIT_EACH]}
    title = f"append_messages of {size}"
    yield time_row(f"{title}, to a commit each", committed_each, target)
    yield time_row(f"{title}, to executemany", stored)


def append_batch(writer: Any, session_id: str, messages: list) -> None:
    writer.append_many(session_id, messages)


def append_each(writer: Any, session_id: str, messages: list) -> None:
    for message in messages:
        writer.append(session_id, message)
