"""How long each revision takes on a store of some size: `python -m benchmarks.revisions`.

A store is made at an old revision and filled there; each later revision goes up, and down again.
The search index is filled in steps afterwards, while agents write: that is told apart. Prints a
table in Markdown.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from sqlalchemy import URL, create_engine, insert, table
from sqlalchemy import column as named

from benchmarks import report
from benchmarks.contenders.by_hand import COLUMNS, row
from benchmarks.corpus import Corpus
from benchmarks.files import SOURCES, START
from benchmarks.growth import IN_A_SESSION
from benchmarks.table import Cell
from hermes_store import migrate
from hermes_store.database.address import url_of

SESSIONS_AT_ONCE = 500
SESSIONS = table(
    "sessions", *map(named, ("id", "source", "started_at", "last_active", "message_count"))
)
MESSAGES = table("messages", *map(named, COLUMNS))


@click.command()
@click.option("--postgresql", is_flag=True, help="A server of the run's own instead of a file.")
@click.option("--messages", default=1_000_000, show_default=True, help="Messages in the store.")
@click.option("--below", default="0011", show_default=True, help="The revision that is filled.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the store lies.")
def main(postgresql: bool, messages: int, below: str, folder: Path | None) -> None:
    """Time every revision above one, up and down, on a store with messages."""
    with ExitStack() as stack:
        temporary = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="revisions-", dir=folder))
        )
        facts = report.machine(temporary)
        address: Path | URL = temporary / "state.db"
        if postgresql:
            from benchmarks.databases import databases

            server = stack.enter_context(databases(temporary, {}))
            address = server.empty()
            facts.append(f"PostgreSQL {server.version()} with its own settings on the loopback")
        migrate.upgrade(address, below)
        fill(address, messages)
        print(f"{'; '.join(facts)}.\n")
        print(report.markdown([f"{messages:,} messages", "up", "down"]))
        print(report.markdown(["---", "---:", "---:"]))
        for line in lines(address, below):
            print(report.markdown(line), flush=True)


def fill(address: Path | URL, messages: int) -> None:
    """Sessions of twenty messages each, by the tables as they are at this revision."""
    engine, corpus = create_engine(url_of(address)), Corpus(5)
    numbers = range((messages + IN_A_SESSION - 1) // IN_A_SESSION)
    for start in range(0, len(numbers), SESSIONS_AT_ONCE):
        some = numbers[start : start + SESSIONS_AT_ONCE]
        with engine.begin() as connection:
            connection.execute(insert(SESSIONS), [session(number) for number in some])
            for number in some:
                left = min(IN_A_SESSION, messages - number * IN_A_SESSION)
                rows = [row(name(number), message)[0] for message in corpus.messages(left)]
                found = [dict(zip(COLUMNS, each, strict=True)) for each in rows]
                connection.execute(insert(MESSAGES), found)
    engine.dispose()


def name(number: int) -> str:
    return f"stored-{number:06d}"


def session(number: int) -> dict[str, object]:
    started = START + 60.0 * number
    kept = {"started_at": started, "last_active": started, "message_count": IN_A_SESSION}
    return {"id": name(number), "source": SOURCES[number % 3], **kept}


def lines(address: Path | URL, below: str) -> Iterator[list[str]]:
    """A line for each revision, and one for what the last of them leaves to be done in steps."""
    steps = [each for each in migrate.REVISIONS if each > below]
    filling = Filling()
    up = {to: alone(filling, migrate.upgrade, address, to) for to in steps}
    back = list(zip(steps, [below, *steps], strict=False))[::-1]
    indexed = filling.seconds, filling.longest
    down = {each: alone(filling, migrate.downgrade, address, to) for each, to in back}
    for revision in steps:
        yield [revision, str(Cell(up[revision], "s")), str(Cell(down[revision], "s"))]
    yield ["the search index, in steps", str(Cell(indexed[0], "s")), ""]
    yield ["the longest of these steps", str(Cell(indexed[1], "s")), ""]


def alone(filling: Filling, move: Callable[..., object], address: Path | URL, to: str) -> float:
    """Seconds of one revision, without what is done in steps after it."""
    before, began = filling.seconds, time.perf_counter()
    move(address, to, progress=filling)
    return time.perf_counter() - began - (filling.seconds - before)


class Filling:
    """Hears of the steps in which the search index is filled."""

    def __init__(self) -> None:
        self.seconds = self.longest = 0.0
        self._last: float | None = None

    def __call__(self, step: str, _done: int, _total: int) -> None:
        now = time.perf_counter()
        if step == "search index":
            took = 0.0 if self._last is None else now - self._last
            self.seconds, self.longest = self.seconds + took, max(self.longest, took)
        self._last = now


if __name__ == "__main__":
    main()
