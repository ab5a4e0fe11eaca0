"""What a process pays before its first message: import, a new file, a file that is there.

Every figure comes from a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.contenders import BY_HAND, OURS
from benchmarks.files import Files
from benchmarks.measure import Round, Series
from benchmarks.plan import Plan
from benchmarks.rows.build import Measured
from benchmarks.table import Cell, Row, Target

MAPPED_CLASSES = "import sqlalchemy.orm"
CHILDREN = {OURS: "opening_ours", BY_HAND: "opening_by_hand", MAPPED_CLASSES: "opening_orm"}


def rows(plan: Plan, files: Files) -> Iterator[Row]:
    """Import, first open and re-open."""
    steps = [step for _ in range(plan.openings) for step in one_turn(files)]
    loaded = {module for _, report in steps for module in report.get("unexpected", ())}
    if loaded:
        raise RuntimeError(f"re-opening at head imported {sorted(loaded)}")
    yield import_row(steps)
    yield open_row("open a new file, after import", series(steps, "first_open"), None)
    yield open_row(
        "open a file at head, after import", series(steps, "re_open"), Target(0.01, unit="s")
    )
    yield open_row("the same and the first read", series(steps, "first_read"), None)


def one_turn(files: Files) -> list[tuple[str, dict[str, Any]]]:
    """A process of each kind."""
    return [(name, run(module, files)) for name, module in CHILDREN.items()]


def run(module: str, files: Files) -> dict[str, Any]:
    """The report of a process that gets a new name and a file at head."""
    command = [sys.executable, "-m", f"benchmarks.children.{module}"]
    paths = [str(files.missing()), str(files.new())]
    done = subprocess.run([*command, *paths], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def series(steps: list[tuple[str, dict[str, Any]]], key: str) -> Measured:
    """The rounds of one figure, for those who report it."""
    gathered: dict[str, Series] = {}
    for name, report in steps:
        if key in report:
            seconds = report[key]
            gathered.setdefault(name, Series()).rounds.append(Round([seconds], seconds))
    return gathered


def import_row(steps: list[tuple[str, dict[str, Any]]]) -> Row:
    """Our import next to that of the standard library's module and of SQLAlchemy's ORM."""
    measured = series(steps, "import")
    cells = {name: Cell(one.median, "s") for name, one in measured.items()}
    share = measured[MAPPED_CLASSES].median / measured[OURS].median
    return Row(f"import ({share:.0%} of ours is sqlalchemy.orm)", cells)


def open_row(title: str, measured: Measured, target: Target | None) -> Row:
    cells = {name: Cell(one.median, "s") for name, one in measured.items()}
    return Row(title, cells, target=target, figure=measured[OURS].median)
