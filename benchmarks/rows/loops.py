"""Appends and loads of the tasks of one event loop: processor time, rates, how late the loop is."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.contenders.in_a_loop import AWAITED, FRAMEWORK, TO_THREAD, InALoop, contenders
from benchmarks.corpus import Corpus
from benchmarks.files import Files
from benchmarks.plan import Plan
from benchmarks.table import Cell, Row, Table, Target

ABOUT = (
    "Appends of the tasks of one event loop, each acknowledged after COMMIT. The processor time is"
    " that of the process, all threads together. Late is how long after its time a callback of"
    " the loop runs while they append. A load is of 20 messages. The framework has its own, smaller"
    " schema and no search; it does a fiftieth of the appends and loads."
)
CPU, RATE = {1_000: Target(0.45)}, {64: Target(2, at_least=True)}
LATE = Target(0.025, unit="s")
SESSIONS = 8
LOADED = 20
TICK = 0.005


@dataclass
class Run:
    """What one contender did in one round."""

    cpu: float
    """Seconds of processor for an append."""
    rate: float
    loads: float
    """A second, of a session of `LOADED` messages."""
    late: list[float] = field(default_factory=list)


def table(plan: Plan, files: Files) -> Table:
    there = contenders()
    rows = [row for tasks in (1, 64, 1_000) for row in rows_of(plan, files, there, tasks)]
    missing = "" if FRAMEWORK in there else " The group `bench` was not installed."
    return Table("In an event loop", f"{ABOUT}{missing}", tuple(there), rows)


def rows_of(plan: Plan, files: Files, there: dict[str, Any], tasks: int) -> Iterator[Row]:
    runs: dict[str, list[Run]] = {name: [] for name in there}
    names = list(there)
    for number in range(plan.rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            count = plan.looped_appends // (10 if tasks == 1 else 1)
            runs[name].append(asyncio.run(run(there[name], files, tasks, count)))
    yield _row(f"{tasks:,} tasks: processor time", runs, "cpu", "s", CPU.get(tasks))
    yield _row(f"{tasks:,} tasks: appends", runs, "rate", "/s", RATE.get(tasks))
    yield _row(f"{tasks:,} tasks: loads", runs, "loads", "/s", None)
    late = {name: _p99([each for run in some for each in run.late]) for name, some in runs.items()}
    cells = {name: Cell(value, "s") for name, value in late.items()}
    yield Row(
        f"{tasks:,} tasks: the loop is late, p99", cells, None, LATE if tasks > 1 else None,
        late[AWAITED],
    )  # fmt: skip


async def run(make: Any, files: Files, tasks: int, count: int) -> Run:
    """Append `count` messages, or the share of the contender, by so many tasks."""
    store: InALoop = make(files.new())
    for number in range(SESSIONS):
        await store.create_session(f"s{number}")
    messages = Corpus(tasks).messages(max(int(count * store.share), 1))
    await store.append("s0", messages[0])  # what a first call imports and opens
    late: list[float] = []
    watching = asyncio.ensure_future(watch(late))
    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*(task(store, messages[n::tasks], n) for n in range(tasks)))
    used, took = time.process_time() - cpu, time.perf_counter() - began
    watching.cancel()
    loads = await loads_a_second(store, tasks, len(messages) // 4)
    await store.close()
    return Run(used / len(messages), len(messages) / took, loads, late)


async def task(store: InALoop, messages: list[Any], number: int) -> None:
    for message in messages:
        await store.append(f"s{number % SESSIONS}", message)


async def loads_a_second(store: InALoop, tasks: int, count: int) -> float:
    """Of so many tasks, which load `count` times altogether, each at least once."""
    await store.create_session("loaded")
    for message in Corpus().messages(LOADED):
        await store.append("loaded", message)
    each = max(count // tasks, 1)

    async def load() -> None:
        for _ in range(each):
            if len(await store.load("loaded")) != LOADED:
                raise RuntimeError("a load does not give what was stored")

    began = time.perf_counter()
    await asyncio.gather(*(load() for _ in range(tasks)))
    return tasks * each / (time.perf_counter() - began)


async def watch(late: list[float]) -> None:
    """Note how late the loop wakes a sleeper."""
    while True:
        due = time.perf_counter() + TICK
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - due)


def _row(
    title: str, runs: dict[str, list[Run]], name: str, unit: str, target: Target | None
) -> Row:
    found = {each: [getattr(run, name) for run in some] for each, some in runs.items()}
    cells = {each: Cell(statistics.median(values), unit) for each, values in found.items()}
    pairs = zip(found[AWAITED], found[TO_THREAD], strict=True)
    return Row(title, cells, statistics.median(a / b for a, b in pairs), target)


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)] if values else 0.0
