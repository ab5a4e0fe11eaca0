"""The command: measure, show the tables, write the page and its picture."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from benchmarks import report, terminal
from benchmarks.catalogue import TABLES, run
from benchmarks.files import Files
from benchmarks.plan import PLANS

DOCS = Path(__file__).resolve().parent.parent / "docs"


@click.command()
@click.option("--quick", "size", flag_value="quick", help="Less than a minute; noisier.")
@click.option(
    "--tiny", "size", flag_value="tiny", help="Touch every row; the figures mean nothing."
)
@click.option("--only", multiple=True, type=click.Choice(sorted(TABLES)), help="Only this table.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the page [docs, if full].")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the files are measured.")
def main(size: str | None, only: tuple[str, ...], out: Path | None, folder: Path | None) -> None:
    """Measure hermes_store next to the same work by hand.

    A full run takes some ten minutes, wants a quiet machine and writes docs/benchmarks.md.
    """
    console, began = terminal.console(), time.monotonic()
    if out is None and size is None and not only:
        out = DOCS
    tables = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=folder) as temporary:
        files = Files(Path(temporary))
        machine = report.machine(Path(temporary))
        for name, table in run(PLANS[size or "full"], files, only):
            tables[name] = table
            terminal.show(console, table)
    if out is not None:
        report.write(out, tables, machine, time.monotonic() - began)
        console.print(f"written: {out / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
