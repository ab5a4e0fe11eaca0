"""Whole processes from start to end: a program that reads, and two commands.

A program that reads may take 1.2 times as long as Python takes to import SQLAlchemy's ORM, and ten
milliseconds; so these are taken off before the ratio is built.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.contenders import OURS
from benchmarks.files import Files
from benchmarks.measure import Round, Series, take_turns
from benchmarks.plan import Plan
from benchmarks.table import Cell, Row, Target

NOTHING = "python -c pass"
MAPPED_CLASSES = "import sqlalchemy.orm"
READING = "a program that lists 20 sessions"
COLUMNS = (NOTHING, MAPPED_CLASSES, READING, OURS)
_OF_THE_READER = 0.01

_PROGRAM = """\
import sys
from hermes_store import SessionRepository
with SessionRepository(sys.argv[1]) as repo:
    repo.list_sessions_rich(limit=20)
"""


def rows(plan: Plan, files: Files) -> Iterator[Row]:
    """Each beside what it is compared with; a round is a process of each."""
    path = str(files.new())
    command = ["-m", "hermes_store"]
    commands = {
        NOTHING: ["-c", "pass"],
        MAPPED_CLASSES: ["-c", MAPPED_CLASSES],
        READING: ["-c", _PROGRAM, path],
        "list": [*command, "--db", path, "list"],
        "--version": [*command, "--version"],
    }
    measured = take_turns(plan.openings, commands, _run)
    yield _row(READING, measured[READING], MAPPED_CLASSES, measured, Target(1.2))
    yield _row("`hermes-store list`", measured["list"], READING, measured, Target(1.5))
    yield _row("`hermes-store --version`", measured["--version"], NOTHING, measured, Target(3))


def _run(arguments: list[str], _round: int) -> Round:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    return Round([seconds], seconds)


def _row(
    title: str, ours: Series, reference: str, measured: dict[str, Series], target: Target
) -> Row:
    theirs = measured[reference]
    taken_off = _OF_THE_READER if title == READING else 0.0
    pairs = zip(ours.rounds, theirs.rounds, strict=True)
    ratio = median((a.seconds - taken_off) / b.seconds for a, b in pairs)
    cells = {reference: Cell(theirs.median, "s"), OURS: Cell(ours.median, "s")}
    return Row(title, cells, ratio, target)
