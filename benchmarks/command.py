"""The command: measure, show the tables, write the page and its picture."""

from __future__ import annotations

import tempfile
import time
from itertools import chain
from pathlib import Path

import click

from benchmarks import recorded, report, terminal
from benchmarks.catalogue import TABLES
from benchmarks.files import Files
from benchmarks.picture import draw
from benchmarks.plan import PLANS, Plan
from benchmarks.table import Table

DOCS = Path(__file__).resolve().parent.parent / "docs"


@click.command()
@click.option("--quick", "size", flag_value="quick", help="Less than a minute; noisier.")
@click.option(
    "--tiny", "size", flag_value="tiny", help="Touch every row; the figures mean nothing."
)
@click.option("--only", multiple=True, type=click.Choice(sorted(TABLES)), help="Only this table.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page [docs, if full].")
@click.option("--picture/--no-picture", default=True, help="Draw it too (needs matplotlib).")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the files are measured.")
def main(
    size: str | None, only: tuple[str, ...], out: Path | None, picture: bool, folder: Path | None
) -> None:
    """Measure hermes_store next to the same work by hand.

    A full run takes some ten minutes, wants a quiet machine and writes docs/benchmarks.md.
    Rows that fell since that by more than noise are named.
    """
    if out is None and size is None and not only:
        out = DOCS
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as temporary:
        facts = report.machine(Path(temporary))
        tables = measure(PLANS[size or "full"], Files(Path(temporary)), only)
    measured = [*chain(*tables.values())]
    for line in recorded.fallen(measured) if size != "tiny" else ():
        click.echo(line)
    facts.append(f"the run took {(time.monotonic() - began) / 60:.0f} minutes")
    if out is not None:
        drawn = picture and draw(out / report.PICTURE, tables)
        report.write(out, measured, facts, with_picture=drawn)
    if out == DOCS:
        recorded.record(measured)


def measure(plan: Plan, files: Files, names: tuple[str, ...]) -> dict[str, list[Table]]:
    """Make the tables of these names, or all, and show each when it is done."""
    console, tables = terminal.console(), {}
    for name in names or TABLES:
        tables[name] = []
        for table in TABLES[name](plan, files):
            tables[name].append(table)
            terminal.show(console, table)
    return tables
