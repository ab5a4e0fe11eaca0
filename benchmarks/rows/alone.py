"""Appends of one thread: one by one, and several in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.contenders import BY_HAND
from benchmarks.corpus import Corpus
from benchmarks.files import Files, finish
from benchmarks.measure import Round, Series, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import Measured, rate_row, time_row
from benchmarks.table import Row, Target

COMMIT_EACH = "commit each"
Finish = Callable[[dict[str, Any], int], None]
"""Closes contenders, and raises unless each has stored so many messages."""


def rows(plan: Plan, files: Files, synchronous: str = "NORMAL") -> Iterator[Row]:
    """A message at a time, each committed before the next."""
    measured = one_by_one(plan, files.writers(synchronous), finish)
    promised = Target(1.6) if synchronous == "NORMAL" else None
    yield time_row("append, one thread", measured, promised)
    yield rate_row("the same as messages a second", measured)


def one_by_one(plan: Plan, writers: dict[str, Any], finish: Finish) -> Measured:
    """Appends of one thread to one session a round."""

    def measure(writer: Any, number: int) -> Round:
        session_id = f"round-{number}"
        writer.create_session(session_id)
        messages = Corpus(number).messages(plan.appends)
        return timed([partial(writer.append, session_id, message) for message in messages])

    measured = take_turns(plan.rounds, writers, measure)
    finish(writers, plan.rounds * plan.appends)
    return measured


def batch_rows(plan: Plan, files: Files, size: int, target: Target | None) -> Iterator[Row]:
    """`size` messages in one transaction; the time is that of one message."""
    writers = files.writers()
    writers[COMMIT_EACH] = files.writers(names=(BY_HAND,))[BY_HAND]
    stored = in_batches(plan, writers, size, finish)
    committed_each = {**stored, BY_HAND: stored.pop(COMMIT_EACH)}
    title = f"append_messages of {size}"
    yield time_row(f"{title}, to a commit each", committed_each, target)
    yield time_row(f"{title}, to executemany", stored)


def in_batches(plan: Plan, writers: dict[str, Any], size: int, finish: Finish) -> dict[str, Series]:
    """Appends of `size` messages at once; the one called `COMMIT_EACH` appends them singly."""

    def measure(writer: Any, number: int) -> Round:
        session_id, corpus = f"round-{number}", Corpus(number)
        append = append_each if writer is writers[COMMIT_EACH] else append_batch
        writer.create_session(session_id)
        batches = [corpus.messages(size) for _ in range(plan.batches)]
        whole = timed([partial(append, writer, session_id, batch) for batch in batches])
        return Round([seconds / size for seconds in whole.latencies], whole.seconds)

    measured = take_turns(plan.rounds, writers, measure)
    finish(writers, plan.rounds * plan.batches * size)
    return measured


def append_batch(writer: Any, session_id: str, messages: list) -> None:
    writer.append_many(session_id, messages)


def append_each(writer: Any, session_id: str, messages: list) -> None:
    for message in messages:
        writer.append(session_id, message)
