"""How answers look: consoles, tables, progress bars, JSON; dates and numbers as people write them.

What is stored may hold anything, so it is printed as text: no markup is interpreted, and
`hermes_store.cli.text` shows what would steer the terminal as pictures.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from hermes_store.cli.text import as_json, escaped_json, hide_passwords, one_line
from hermes_store.values.written import count, dollars, size, when

if TYPE_CHECKING:  # half of a short command's time, and many print no table
    from rich.console import Console
    from rich.table import Table

    from hermes_store.migrate import Progress

__all__ = [
    "console",
    "count",
    "dollars",
    "is_coloured",
    "note",
    "print_json",
    "print_table",
    "progress_bar",
    "size",
    "table",
    "when",
]

WIDTH_OF_A_PIPE = 100_000


def console() -> Console:
    """A console on stdout; a pipe gets wide lines and neither colour nor bold."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Quiet(
        width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE,  # whatever COLUMNS says
        markup=False,
        emoji=False,
        highlight=False,
    )


def is_coloured(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that may get colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def note(text: str) -> None:
    """Tell a person something that is not part of the answer, in one line."""
    said = hide_passwords(one_line(text))
    click.echo(click.style(said, dim=True) if is_coloured(sys.stderr) else said, err=True)


def print_json(value: Any) -> None:
    """Print `value` as one JSON document."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if sys.stdout.isatty():
        document = escaped_json(as_json(value, ascii_only=not unicode, indent=2))
    else:
        document = as_json(value, ascii_only=not unicode)
    sys.stdout.write(document + "\n")


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table without frames, a line a row."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in columns:
        made.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    return made


def print_table(out: Console, table: Table, widest: str) -> None:
    """Print `table`; when it is too wide, only the column `widest` is cut."""
    unlimited = out.options.update(width=WIDTH_OF_A_PIPE)
    if out.measure(table, options=unlimited).maximum > out.width:
        next(column for column in table.columns if column.header == widest).ratio = 1
        table.expand = True
    out.print(table)


@contextmanager
def progress_bar(what: str, *, wanted: bool = True) -> Iterator[Progress]:
    """Show a bar on stderr while a person looks on; the block reports with what it is given."""
    if not wanted or not sys.stderr.isatty():
        yield lambda _step, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as ProgressBar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with ProgressBar(
        *columns,
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, emoji=False, highlight=False),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(one_line(what), total=None)

        def report(step: str, done: int, total: int) -> None:
            bar.update(
                task, description=one_line(step or what), completed=done, total=total or None
            )

        yield report
