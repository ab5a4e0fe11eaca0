"""A table on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as Grid

from benchmarks.table import Table

STYLES = {"met": "[green]met[/green]", "**missed**": "[bold red]missed[/bold red]"}


NARROWEST = 140


def console() -> Console:
    """The terminal; a file or a pipe gets lines that are long enough."""
    usual = Console()
    return usual if usual.is_terminal else Console(width=max(usual.width, NARROWEST))


def show(console: Console, table: Table) -> None:
    grid = Grid(title=f"\n{table.title}", caption=table.about, title_justify="left")
    for number, heading in enumerate(table.header()):
        grid.add_column(heading, justify="right" if number else "left")
    for line in table.lines():
        grid.add_row(*(STYLES.get(text, text) for text in line))
    console.print(grid)
