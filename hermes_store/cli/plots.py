"""A chart as bars of characters."""

from __future__ import annotations

from collections.abc import Iterator

from rich.bar import Bar
from rich.table import Table

from hermes_store.charts.series import Chart
from hermes_store.cli import output

__all__ = ["print_chart"]

_COLOURS = ("cyan", "yellow")
_IN_A_PIPE = 100
"""Columns: a pipe has no width, and a bar has no end."""


def print_chart(chart: Chart) -> None:
    """Print the title of a chart, then a line for each group and series."""
    out = output.console()
    if not out.is_terminal:
        out.width = _IN_A_PIPE
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False, expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(out.width // 3, 1))
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for group, series, bar, number in _lines(chart):
        table.add_row(group, series, bar, number)
    out.print(chart.title, style="bold")
    out.print(table)


def _lines(chart: Chart) -> Iterator[tuple[str, str, Bar, str]]:
    greatest = max((value or 0 for found in chart.series.values() for value in found), default=0)
    is_named = len(chart.series) > 1
    for place, group in enumerate(chart.groups):
        for colour, (name, found) in zip(_COLOURS, chart.series.items(), strict=False):
            value = found[place]
            shown = output.dollars(value) if chart.is_money else output.count(int(value or 0))
            first = name == next(iter(chart.series))
            bar = Bar(greatest or 1, 0, value or 0, color=colour)
            yield group if first else "", name if is_named else "", bar, shown
