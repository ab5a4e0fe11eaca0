"""Appends of four processes on one file: only SQLite's own locks are between them."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_HAND, OURS, UNIT_OF_WORK, make
from benchmarks.corpus import Corpus
from benchmarks.files import Files, count_messages
from benchmarks.measure import Round, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.build import percentile_row, rate_row
from benchmarks.table import Cell, Row, Target

PROCESSES = 4
Outcome = tuple[float, float, list[float], int]
"""When the first call began and the last one ended, seconds of each, and how many failed."""


def rows(plan: Plan, files: Files) -> Iterator[Row]:
    """All start together; each appends to a session of its own in a new file."""
    errors = dict.fromkeys((BY_HAND, OURS, UNIT_OF_WORK), 0)

    def measure(name: str, number: int) -> Round:
        path = files.new()
        outcomes = run_together(name, path, number, plan.process_appends)
        failed = sum(outcome[3] for outcome in outcomes)
        errors[name] += failed
        count_messages(path, PROCESSES * plan.process_appends - failed)
        return as_round(outcomes)

    measured = take_turns(max(plan.rounds // 2, 1), {name: name for name in errors}, measure)
    yield rate_row("append, 4 processes", measured, Target(0.9, at_least=True))
    yield percentile_row("append, 4 processes: p99", measured, 0.99)
    yield percentile_row("append, 4 processes: longest", measured, 1.0)
    cells = {name: Cell(count, "") for name, count in errors.items()}
    promised = Target(0, unit="")
    yield Row("append, 4 processes: errors", cells, target=promised, figure=errors[OURS])


def run_together(name: str, path: Path, number: int, count: int) -> list[Outcome]:
    context = multiprocessing.get_context("forkserver")  # which has opened no database
    context.set_forkserver_preload([__name__])
    gate, results = context.Barrier(PROCESSES), context.SimpleQueue()
    jobs = [(name, path, PROCESSES * number + n, count) for n in range(PROCESSES)]
    processes = [context.Process(target=work, args=(job, gate, results)) for job in jobs]
    for process in processes:
        process.start()
    outcomes = [results.get() for _ in processes]
    for process in processes:
        process.join()
    if None in outcomes:
        raise RuntimeError("a process of the benchmark could not begin; its error is printed above")
    return outcomes


def work(job: tuple[str, Path, int, int], gate: Any, results: Any) -> None:
    """What each process does. One that cannot even begin lets the others fail, not wait."""
    try:
        results.put(append(*job, gate))
    except BaseException:
        gate.abort()
        results.put(None)
        raise


def append(name: str, path: Path, seed: int, count: int, gate: Any) -> Outcome:
    writer = make(name, path)
    session_id, messages, failed = f"process-{seed}", Corpus(seed).messages(count), []
    writer.create_session(session_id)
    calls = [partial(attempt, writer, session_id, message, failed) for message in messages]
    gate.wait(60)
    began = time.perf_counter()  # one clock for all processes
    measured = timed(calls)
    ended = time.perf_counter()
    writer.close()
    return began, ended, measured.latencies, len(failed)


def attempt(writer: Any, session_id: str, message: Any, failed: list[Exception]) -> None:
    try:
        writer.append(session_id, message)
    except Exception as exc:  # noqa: BLE001 - it is counted, and shown in the table
        failed.append(exc)


def as_round(outcomes: list[Outcome]) -> Round:
    began, ended = min(one[0] for one in outcomes), max(one[1] for one in outcomes)
    return Round([seconds for one in outcomes for seconds in one[2]], ended - began)
