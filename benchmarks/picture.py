"""The figures as one picture: times next to those by hand, throughput and waiting under load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.contenders import BY_HAND, OURS, UNIT_OF_WORK
from benchmarks.table import Row, Table

COLOURS = {BY_HAND: "#9aa0a6", OURS: "#1a73e8", UNIT_OF_WORK: "#e8710a"}
SHOWN = ("search", "reads", "writes")
SETTINGS = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "svg.hashsalt": "benchmarks",  # the same figures give the same file
}


def draw(path: Path, tables: Mapping[str, list[Table]]) -> bool:
    """Write the picture as SVG; False when the tables that it shows were not measured."""
    if not {"writes", "reads"} <= tables.keys():
        return False
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(SETTINGS):
        figure = plt.figure(figsize=(11, 6.5), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1))
        times(figure.add_subplot(grid[:, 0]), tables)
        rates(figure.add_subplot(grid[0, 1]), tables["writes"][0])
        waits(figure.add_subplot(grid[1, 1]), tables["writes"][0])
        keys = [pair for axes in figure.axes[1::-1] for pair in legend_of(axes)]
        figure.legend(*zip(*keys, strict=True), loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)
    return True


def times(axes: Any, tables: Mapping[str, list[Table]]) -> None:
    """Median times as multiples of the time by hand, which is the line at 1."""
    rows = [row for name in SHOWN if name in tables for row in reversed(tables[name][0].rows)]
    rows = [row for row in rows if is_timed(row)]
    for name in (UNIT_OF_WORK, OURS):
        shown = [(row, place) for place, row in enumerate(rows) if name in row.cells]
        multiples = [row.cells[name].value / row.cells[BY_HAND].value for row, _ in shown]
        places = [place for _, place in shown]
        axes.plot(multiples, places, "o", color=COLOURS[name], markersize=8)
        if name == OURS:
            axes.hlines(places, 1, multiples, color=COLOURS[name], linewidth=3)
    promised = [(row.target.bound, place) for place, row in enumerate(rows) if row.target]
    axes.plot(
        *zip(*promised, strict=True), "|", color="black", markersize=14, label="promised at most"
    )
    axes.axvline(1, color=COLOURS[BY_HAND], linewidth=2)
    logarithmic(axes.xaxis, [0.2, 0.5, 1, 2, 5, 10])
    axes.set_yticks(range(len(rows)), [row.title for row in rows])
    axes.set_title("Median time; by hand = 1, left is faster", loc="right")
    axes.grid(axis="x", alpha=0.3)


def is_timed(row: Row) -> bool:
    return {OURS, BY_HAND} <= row.cells.keys() and row.cells[OURS].p99 is not None


def rates(axes: Any, writes: Table) -> None:
    """Messages a second."""
    rows = {
        row.title.removeprefix("append, "): row
        for row in writes.rows
        if row.cells[OURS].unit == "/s"
    }
    labels = ["1 thread" if "the same" in title else title for title in rows]
    bars(axes, labels, list(rows.values()), 1.0)
    axes.set_title("Appended messages a second", loc="left")
    axes.yaxis.set_major_formatter("{x:,.0f}")


def waits(axes: Any, writes: Table) -> None:
    """The p99 of an append under load, in milliseconds."""
    rows = [row for row in writes.rows if row.title.endswith(": p99")]
    labels = [row.title.removeprefix("append, ").removesuffix(": p99") for row in rows]
    bars(axes, labels, rows, 1e3)
    axes.set_yscale("log")
    logarithmic(axes.yaxis, [1, 10, 100, 1000])
    axes.set_title("p99 of an append, ms", loc="left")


def bars(axes: Any, labels: list[str], rows: list[Row], factor: float) -> None:
    width = 0.27
    for number, name in enumerate(COLOURS):
        places = [place + (number - 1) * width for place in range(len(rows))]
        heights = [row.cells[name].value * factor for row in rows]
        axes.bar(places, heights, width * 0.92, label=name, color=COLOURS[name])
    axes.set_xticks(range(len(labels)), [label.replace(" ", "\n") for label in labels])
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)


def legend_of(axes: Any) -> list[tuple[Any, str]]:
    return list(zip(*axes.get_legend_handles_labels(), strict=True))


def logarithmic(axis: Any, ticks: list[float]) -> None:
    axis.axes.set_xscale("log") if axis.axis_name == "x" else axis.axes.set_yscale("log")
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks], minor=False)
    axis.set_ticks([], minor=True)
