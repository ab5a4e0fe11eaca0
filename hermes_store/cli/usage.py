"""`usage`: what models used, by day, model, user and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

import click

from hermes_store.cli import output
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.records import UsageBy, UsageSum

__all__ = ["usage_command"]

_COLUMNS = {
    "SESSIONS": "sessions",
    "CALLS": "calls",
    "TOKENS IN": "input_tokens",
    "OUT": "output_tokens",
    "CACHE READ": "cache_read_tokens",
    "WRITTEN": "cache_write_tokens",
    "REASONING": "reasoning_tokens",
    "ESTIMATED": "estimated_cost_usd",
    "ACTUAL": "actual_cost_usd",
}
_OF_TOOLS = ("SESSIONS", "CALLS")
_IN_WIDE_TERMINALS = ("CACHE READ", "WRITTEN", "REASONING")
_ROOM_FOR_ALL = 110
"""Columns of a terminal."""
_WITHOUT_A_NAME = {"task": "(conversation)"}


@click.command("usage")
@click.option(
    "--by",
    type=click.Choice(get_args(UsageBy)),
    default="day",
    show_default=True,
    help="What to sum up.",
)
@click.pass_obj
def usage_command(options: Options, by: UsageBy) -> None:
    """Print what was recorded of models' usage, summed up by day or by something else.

    Days, weeks and months are those of local time. By tool, calls are counted from the messages.
    --json prints a list of objects.
    """
    with open_to_read(options) as repo:
        rows = repo.usage_report(by, timezone=None)
    if options.as_json:
        output.print_json(rows)
    elif rows:
        _print(by, rows)
    else:
        output.note("no usage was recorded" if by != "tool" else "no tool was called")


def _print(by: UsageBy, rows: Sequence[UsageSum]) -> None:
    out = output.console()
    names = [*_COLUMNS] if by != "tool" else [*_OF_TOOLS]
    if out.width < _ROOM_FOR_ALL:
        names = [name for name in names if name not in _IN_WIDE_TERMINALS]
    table = output.table(by.upper(), *names, right=tuple(names))
    for row in rows:
        group = one_line(row["group"]) or _WITHOUT_A_NAME.get(by, "(unknown)")
        table.add_row(group, *_cells(row, names))
    output.print_table(out, table, widest=by.upper())


def _cells(row: UsageSum, names: Sequence[str]) -> Iterator[str]:
    found = dict(row)
    for name in names:
        value: object = found[_COLUMNS[name]]
        is_cost = _COLUMNS[name].endswith("_usd")
        yield output.dollars(value) if is_cost else output.count(value)  # type: ignore[arg-type]
