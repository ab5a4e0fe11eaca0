"""What the adapter of Hermes Agent adds to the core's own calls: time of a call, and processor."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.contenders.hermes_agent import ADAPTER, CORE, Adapter, Core
from benchmarks.corpus import Corpus
from benchmarks.files import Files, count_messages
from benchmarks.measure import Round, median_ratio, take_turns, timed
from benchmarks.plan import Plan
from benchmarks.rows.loads import add_long_sessions
from benchmarks.table import Cell, Row, Table, Target

ABOUT = (
    "The adapter's call next to the core's own same call, on files of the same content. Processor"
    " time is that of the process, all threads together. Hermes Agent is not installed here: what"
    " its own functions do with a text is no part of either."
)
TARGET = Target(1.05)
TURN = 4
"""Messages: a question, a tool call, its output, an answer."""
SHORT, LONG = ("stored-000000", 20), ("long-200", 200)
"""Sessions that are read, with their lengths."""

Call = Callable[[Any], Any]
Calls = Callable[[Any], list[Callable[[], Any]]]
"""What a round calls of a contender."""


def table(plan: Plan, files: Files) -> Table:
    rows = [*write_rows(plan, files), *read_rows(plan, files)]
    return Table("Hermes Agent's class", ABOUT, (CORE, ADAPTER), rows)


# --- rows -----------------------------------------------------------------------------------------


def write_rows(plan: Plan, files: Files) -> Iterator[Row]:
    """Every round appends the same messages; all must be there in the end."""
    paths = {CORE: files.new(), ADAPTER: files.new()}
    writers = {CORE: Core(paths[CORE]), ADAPTER: Adapter(paths[ADAPTER])}
    for writer in writers.values():
        writer.create("s", "cli")
    messages = Corpus(5).messages(plan.appends)
    turns = [messages[n : n + TURN] for n in range(0, len(messages), TURN)]
    questions = [turn[:1] for turn in turns]
    yield from pair(plan, writers, "append_message", _appending(questions))
    yield from pair(plan, writers, f"append a turn of {TURN}", _appending(turns))
    for name, writer in writers.items():
        writer.close()
        count_messages(paths[name], plan.rounds * (len(questions) + len(messages)))


def _appending(work: list[list[Any]]) -> Calls:
    def append(writer: Any, messages: list[Any]) -> None:
        for message in messages:
            writer.append(**message)

    def calls(writer: Any) -> list[Callable[[], Any]]:
        given = [[writer.keywords(message) for message in messages] for messages in work]
        return [partial(append, writer, messages) for messages in given]

    return calls


def read_rows(plan: Plan, files: Files) -> Iterator[Row]:
    path = files.filled(plan.stored_sessions)
    add_long_sessions(path)
    readers = {CORE: Core(path), ADAPTER: Adapter(path)}
    for title, calls, read in _reads(plan):
        yield from pair(plan, readers, title, _reading(read, calls))
    for reader in readers.values():
        reader.close()


def _reads(plan: Plan) -> Iterator[tuple[str, int, Call]]:
    """The title of a call, how often a round makes it, and the call itself."""
    yield "get_session", plan.reads * 5, lambda reader: reader.get_session(SHORT[0])
    for name, length in (SHORT, LONG):
        calls = plan.reads * 100 // length
        yield f"get_messages of {length}", calls, lambda reader, of=name: reader.get_messages(of)
    for name, length in (SHORT, LONG):
        title, calls = f"get_messages_as_conversation of {length}", plan.reads * 100 // length
        yield title, calls, lambda reader, of=name: reader.conversation(of)
    for title, active in (("20 newest, with prompts", False), ("20 last active, compact", True)):
        yield f"list_sessions_rich: {title}", plan.reads, _listing(active=active)
    yield "search_messages: a rare word", plan.reads, lambda reader: reader.search("asyncio")


def _listing(*, active: bool) -> Call:
    return lambda reader: reader.list(active=active, prompts=not active)


def _reading(read: Call, calls: int) -> Calls:
    return lambda reader: [lambda: read(reader)] * max(calls, 1)


# --- measuring ------------------------------------------------------------------------------------


def pair(plan: Plan, both: dict[str, Any], title: str, calls: Calls) -> Iterator[Row]:
    """A row for the time of a call, and one for its processor time."""
    used: dict[str, list[float]] = {name: [] for name in both}
    names = {id(contender): name for name, contender in both.items()}

    def measure(contender: Any, _number: int) -> Round:
        work = calls(contender)
        began = time.process_time()
        found = timed(work)
        used[names[id(contender)]].append((time.process_time() - began) / len(work))
        return found

    took = take_turns(plan.rounds, both, measure)
    cells = {name: Cell(series.median, "s") for name, series in took.items()}
    yield Row(title, cells, median_ratio(took[ADAPTER], took[CORE]), TARGET)
    cells = {name: Cell(statistics.median(some), "s") for name, some in used.items()}
    ratio = statistics.median(a / b for a, b in zip(used[ADAPTER], used[CORE], strict=True))
    yield Row(f"{title}: processor time", cells, ratio, TARGET)
