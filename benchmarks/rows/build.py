"""Rows of a table from what was measured."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.contenders import BY_HAND, OURS
from benchmarks.measure import Series, median_ratio, rate_ratio
from benchmarks.table import Cell, Row, Target

Measured = Mapping[str, Series]


def time_row(
    title: str, measured: Measured, target: Target | None = None, reference: str = BY_HAND
) -> Row:
    """Median time of a call."""
    cells = {
        name: Cell(series.median, "s", p99=series.percentile(0.99))
        for name, series in measured.items()
    }
    return Row(title, cells, median_ratio(measured[OURS], measured[reference]), target)


def rate_row(
    title: str, measured: Measured, target: Target | None = None, reference: str = BY_HAND
) -> Row:
    """Calls a second, of all threads or processes together."""
    cells = {name: Cell(series.rate, "/s") for name, series in measured.items()}
    return Row(title, cells, rate_ratio(measured[OURS], measured[reference]), target)


def percentile_row(
    title: str,
    measured: Measured,
    fraction: float,
    target: Target | None = None,
    reference: str = BY_HAND,
) -> Row:
    """The time within which a fraction of the calls came back."""
    reached = {name: series.percentile(fraction) for name, series in measured.items()}
    cells = {name: Cell(value, "s") for name, value in reached.items()}
    return Row(title, cells, reached[OURS] / reached[reference], target)
