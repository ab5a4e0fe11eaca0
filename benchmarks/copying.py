"""How long a copy from SQLite to PostgreSQL takes: `python -m benchmarks.copying`.

A file is filled, copied into an empty database of a server of the run's own, and compared. Prints
what each step took, the processor time of both sides, and the memory of the process that copies.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path

import click

from benchmarks import report
from benchmarks.databases import databases
from benchmarks.files import Files
from hermes_store.copy import copy

IN_A_SESSION = 20


class Steps:
    """How long each step of a copy took, in the order in which they came."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def __call__(self, step: str, _done: int, _total: int) -> None:
        """Take the time since the last report for the step's."""
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._since
        self._since = now


@click.command()
@click.option("--messages", default=1_000_000, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where file and server lie.")
def main(messages: int, folder: Path | None) -> None:
    """Copy a file of so many messages to PostgreSQL, and print a table."""
    with tempfile.TemporaryDirectory(prefix="copying-", dir=folder) as name:
        files = Files(Path(name))
        source = files.filled(messages // IN_A_SESSION)
        with databases(files.folder(), {}) as server:
            steps, begun, ours = Steps(), time.perf_counter(), time.process_time()
            copied = copy(source, server.new(), progress=steps)
            whole, ours = time.perf_counter() - begun, time.process_time() - ours
            facts = [*report.machine(source.parent), f"PostgreSQL {server.version()}"]
    rows = [(step, f"{seconds:.1f} s") for step, seconds in steps.seconds.items()]
    rows.append((f"all of it, {copied.messages:,} messages", f"{whole:.1f} s"))
    rows.append(("processor time of the process that copies", f"{ours:.1f} s"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append(("its memory, at most", f"{memory:.0f} MB"))
    print(f"{'; '.join(facts)}; load {os.getloadavg()[0]:.1f}.\n\n| step | time |\n| --- | ---: |")
    print("\n".join(map(report.markdown, rows)))


if __name__ == "__main__":
    main()
