"""This tree and another release in turn: `python -m benchmarks.releases f330d15`.

Each is a process with a store of its own; all do the same work, turn by turn, so whatever else the
machine does meets all of them. This tree runs twice: what its two processes differ by is noise.
Prints a table in Markdown. Differences of a twentieth are seen, where `make bench`, which compares
with a run of another day, sees those of a seventh.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import click

from benchmarks import report
from benchmarks.children.release import WORKS
from benchmarks.measure import Round, Series, median_ratio, take_turns
from benchmarks.table import TIMES, Cell

ROOT = Path(__file__).resolve().parent.parent
THEN, NOW, AGAIN = "that release", "this tree", "this tree again"


@click.command()
@click.argument("release")
@click.option("--postgresql", is_flag=True, help="A server of the run's own instead of files.")
@click.option("--only", multiple=True, type=click.Choice(list(WORKS)), help="Only this work.")
@click.option("--turns", default=200, show_default=True, help="Of each work and process.")
@click.option("--sessions", default=2_000, show_default=True, help="Of 20 messages, in a store.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the stores lie.")
def main(
    release: str,
    *,
    postgresql: bool,
    only: tuple[str, ...],
    turns: int,
    sessions: int,
    folder: Path | None,
) -> None:
    """Measure this tree beside RELEASE: a revision of git, or a folder with a checkout."""
    with ExitStack() as stack:
        temporary = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="releases-", dir=folder))
        )
        facts = report.machine(temporary)
        then = Path(release) if Path(release).is_dir() else checked_out(release, temporary)
        new = stack.enter_context(new_databases(temporary, postgresql))
        trees = {THEN: then, NOW: ROOT, AGAIN: ROOT}
        processes = {
            name: stack.enter_context(Release(tree, new(), sessions))
            for name, tree in trees.items()
        }
        print(f"{'; '.join(facts)}. Release: {release}; {turns} turns.\n")
        for line in lines(processes, only or tuple(WORKS), turns):
            print(report.markdown(line), flush=True)


@contextmanager
def new_databases(folder: Path, postgresql: bool) -> Iterator[Callable[[], str]]:
    """What gives the address of a database that is empty, again and again."""
    if not postgresql:
        numbers = count(1)
        yield lambda: str(folder / f"{next(numbers)}.db")
        return
    from benchmarks.databases import databases

    with databases(folder, {}) as server:
        yield lambda: server.empty().render_as_string(hide_password=False)


def checked_out(revision: str, folder: Path) -> Path:
    """The files of a revision, in a folder of their own."""
    command = ["git", "-C", str(ROOT), "archive", "--format=tar", revision]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        raise click.UsageError(archive.stderr.decode().strip())
    tree = folder / "release"
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(tree, filter="data")
    return tree


class Release:
    """A process that runs a tree, and does a turn of what it is asked for."""

    def __init__(self, tree: Path, address: str, sessions: int) -> None:
        child = ROOT / "benchmarks" / "children" / "release.py"
        self._process = subprocess.Popen(
            [sys.executable, str(child), address, str(sessions)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tree), str(ROOT)])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        self._answer()  # its store is filled
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def turn(self, work: str) -> float:
        """Seconds of one call, or of one message."""
        assert self._process.stdin
        self._process.stdin.write(f"{work}\n")
        self._process.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        answer = self._process.stdout.readline()
        if not answer:
            raise click.ClickException("a release failed; its error is printed above")
        return answer


def lines(processes: dict[str, Release], works: tuple[str, ...], turns: int) -> Iterator[list[str]]:
    """The header, then a line for each work."""
    yield ["", THEN, NOW, "median", "mean", "noise"]
    yield ["---", *["---:"] * 5]
    for work in works:
        series = take_turns(turns, processes, in_turn(work))
        cells = [str(Cell(series[name].median, "s")) for name in (THEN, NOW)]
        ratios = [
            median_ratio(series[NOW], series[THEN]),
            mean(series[NOW]) / mean(series[THEN]),
            median_ratio(series[AGAIN], series[NOW]),
        ]
        yield [work, *cells, *(f"{ratio:.2f} {TIMES}" for ratio in ratios)]


def in_turn(work: str) -> Callable[[Release, int], Round]:
    """A turn of a work."""

    def measure(release: Release, _number: int) -> Round:
        seconds = release.turn(work)
        return Round([seconds], seconds)

    return measure


def mean(series: Series) -> float:
    """Seconds of a call on average, with merges of the index and checkpoints."""
    return sum(one.seconds for one in series.rounds) / len(series.rounds)


if __name__ == "__main__":
    main()
