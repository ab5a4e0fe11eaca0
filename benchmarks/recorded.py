"""A full run is kept in `recorded.json`: the next one names the rows that fell.

Ratios to the same work by hand are compared, since another machine has other times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from benchmarks.table import TIMES, Row, Table

KEPT = Path(__file__).with_name("recorded.json")
NOISE = 1.15
"""How much a ratio differs between two runs on a quiet machine, at most."""


def record(tables: Iterable[Table], kept: Path = KEPT) -> None:
    """Keep the ratios of a run."""
    kept.write_text(f"{json.dumps(_ratios(tables), indent=1, ensure_ascii=False)}\n", "utf-8")


def fallen(tables: Iterable[Table], kept: Path = KEPT) -> list[str]:
    """Say of each row that is worse than in the run that was kept how much it fell."""
    before = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    return [
        f"{name} fell: {before[name][0]:.2f} {TIMES} before, {ratio:.2f} {TIMES} now"
        for name, (ratio, more_is_better) in _ratios(tables).items()
        if name in before and _worse(ratio, before[name][0], more_is_better) > NOISE
    ]


def _ratios(tables: Iterable[Table]) -> dict[str, tuple[float, bool]]:
    return {
        f"{table.title}, {row.title}": (row.ratio, _is_rate(row))
        for table in tables
        for row in table.rows
        if row.ratio
    }


def _is_rate(row: Row) -> bool:
    return any(cell.unit == "/s" for cell in row.cells.values())


def _worse(now: float, before: float, more_is_better: bool) -> float:
    return before / now if more_is_better else now / before
