"""The page `docs/benchmarks.md`: what a run measured between two marks, prose around them.

Notes on missed targets and comparisons with other products are kept from run to run.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from benchmarks.table import Table
from hermes_store.database.sqlite_engines import sqlite_driver

BEGIN, END = "<!-- run: begin -->", "<!-- run: end -->"
NEW_PAGE = f"""# Benchmarks

{BEGIN}
{END}
"""
PICTURE = "images/benchmarks.svg"
HOW = (
    "`make bench` wrote the tables below. *Ratio* is hermes_store to the same work by hand in the"
    " same run (the median of the ratios of all rounds); how it is measured is told in"
    " [decisions/measuring.md](decisions/measuring.md)."
)


def write(folder: Path, tables: Iterable[Table], facts: list[str], *, with_picture: bool) -> None:
    """Put the tables into the page of `folder`, in place of those of the run before."""
    page = folder / "benchmarks.md"
    text = page.read_text("utf-8") if page.exists() else NEW_PAGE
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    parts = [HOW, "; ".join(facts) + "."]
    if with_picture:
        parts.append(f"![The figures as a picture]({PICTURE})")
    body = "\n\n".join([*parts, *(section(table) for table in tables)])
    page.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", "utf-8")


def section(table: Table) -> str:
    """A table in Markdown."""
    header = table.header()
    marks = ["---", *["---:"] * (len(header) - 1)]
    lines = [markdown(line) for line in (header, marks, *table.lines())]
    return "\n".join([f"## {table.title}", "", table.about, "", *lines])


def markdown(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def machine(folder: Path) -> list[str]:
    """What a reader must know about where and when."""
    driver = sqlite_driver()
    today = dt.datetime.now(dt.UTC).date()
    return [
        f"Measured on {today}",
        f"Python {platform.python_version()}",
        f"SQLite {driver.sqlite_version} ({driver.__name__.split('.')[0]})",
        f"SQLAlchemy {version('sqlalchemy')}",
        f"{platform.system()} with {os.cpu_count()} processors",
        f"an fdatasync of the disk takes {sync_seconds(folder) * 1e3:.2g} ms",
    ]


def sync_seconds(folder: Path) -> float:
    """The median time to bring a page to the disk: what a durable COMMIT waits for."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            file.write(bytes(4096))
            start = time.perf_counter()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)
