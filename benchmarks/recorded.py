"""The last full runs are kept in `recorded.json`: the next one names the rows that fell.

Ratios to the same work by hand are compared, since another machine has other times. Medians differ
little from run to run, the slowest of a hundred thousand calls by half: so a row fell when it is
worse than in the worst of several runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks.table import TIMES, Row, Table

KEPT = Path(__file__).with_name("recorded.json")
NOISE = 1.15
"""How much a ratio of medians differs between two runs on a quiet machine, at most."""
RUNS = 5
"""So many are kept."""


def record(tables: Iterable[Table], kept: Path = KEPT) -> None:
    """Keep the ratios of a run, behind those of the runs before."""
    before = _kept(kept)
    runs = {
        name: {
            "more is better": more_is_better,
            "ratios": [*before.get(name, []), ratio][-RUNS:],
        }
        for name, (ratio, more_is_better) in _ratios(tables).items()
    }
    kept.write_text(f"{json.dumps(runs, indent=1, ensure_ascii=False)}\n", "utf-8")


def fallen(tables: Iterable[Table], kept: Path = KEPT) -> list[str]:
    """Say of each row that is worse than in the runs that were kept how much it fell."""
    before = _kept(kept)
    return [
        f"{name} fell: {_range(before[name])} before, {ratio:.2f} {TIMES} now"
        for name, (ratio, more_is_better) in _ratios(tables).items()
        if name in before and _fell(ratio, before[name], more_is_better)
    ]


def _kept(kept: Path) -> dict[str, list[float]]:
    """The ratios of each row, the oldest first."""
    runs = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    return {name: row["ratios"] for name, row in runs.items()}


def _fell(now: float, before: list[float], more_is_better: bool) -> bool:
    if more_is_better:
        return now * NOISE < min(before)
    return now > max(before) * NOISE


def _range(ratios: list[float]) -> str:
    least, most = (f"{each:.2f} {TIMES}" for each in (min(ratios), max(ratios)))
    return least if least == most else f"{least} to {most}"


def _ratios(tables: Iterable[Table]) -> dict[str, tuple[float, bool]]:
    return {
        f"{table.title}, {row.title}": (row.ratio, _is_rate(row))
        for table in tables
        for row in table.rows
        if row.ratio
    }


def _is_rate(row: Row) -> bool:
    return any(cell.unit == "/s" for cell in row.cells.values())
