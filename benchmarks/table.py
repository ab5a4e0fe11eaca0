"""Tables of results: what a cell holds, what a target asks, how both are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TIMES = "\N{MULTIPLICATION SIGN}"
ABSENT = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """One figure of one contender."""

    value: float
    unit: str
    """`s` (a time), `/s` (a rate), `B` (a size) or empty (a count)."""
    p99: float | None = None
    """Seconds, where calls were timed one by one."""

    def __str__(self) -> str:
        tail = "" if self.p99 is None else f" (p99 {written(self.p99, 's')})"
        return written(self.value, self.unit) + tail


def written(value: float, unit: str) -> str:
    """A figure with three digits and the unit that suits it."""
    if unit == "s":
        factor, name = _scale(value, [(1, "s"), (1e3, "ms"), (1e6, "µs")])
        return f"{_digits(value * factor)} {name}"
    if unit == "B":
        return f"{_digits(value / 1e6)} MB"
    return f"{value:,.0f}{unit}"


def _scale(value: float, units: list[tuple[float, str]]) -> tuple[float, str]:
    return next((unit for unit in units if value * unit[0] >= 1), units[-1])


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True)
class Target:
    """What was promised of a row: a bound of its ratio, or of our own figure."""

    bound: float
    at_least: bool = False
    unit: str = TIMES

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        bound = f"{self.bound:g} {TIMES}" if self.unit == TIMES else written(self.bound, self.unit)
        return f"{sign} {bound}"

    def is_met_by(self, figure: float) -> bool:
        return figure >= self.bound if self.at_least else figure <= self.bound


@dataclass(frozen=True)
class Row:
    """One kind of work, as each contender did it."""

    title: str
    cells: Mapping[str, Cell]
    ratio: float | None = None
    """Ours to the reference's: of times, sizes or rates as the cells say."""
    target: Target | None = None
    figure: float | None = None
    """What the target is about, when that is not the ratio."""

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where nothing was promised."""
        if self.target is None:
            return ""
        figure = self.ratio if self.figure is None else self.figure
        assert figure is not None
        return "met" if self.target.is_met_by(figure) else "**missed**"


@dataclass(frozen=True)
class Table:
    """Rows that share their columns."""

    title: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Row] = field(default_factory=list)

    def header(self) -> list[str]:
        targets = ["target", ""] if any(row.target for row in self.rows) else []
        return ["", *self.columns, "ratio", *targets]

    def lines(self) -> list[list[str]]:
        """The texts of all cells, line by line."""
        return [self._line(row) for row in self.rows]

    def _line(self, row: Row) -> list[str]:
        cells = [str(row.cells.get(column, ABSENT)) for column in self.columns]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} {TIMES}"
        targets = [str(row.target or ""), row.verdict] if "target" in self.header() else []
        return [row.title, *cells, ratio, *targets]
