"""Each framework's own SQL sessions beside ours: `python -m benchmarks.frameworks [NAME…]`.

Each framework runs in an environment of its own, which is downloaded at the first time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks import report
from benchmarks.table import ABSENT
from tools.environments import ROOT, Environment, of_framework

NAMES = ("openai-agents", "google-adk")


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--seconds", default=5.0, show_default=True, help="How long each appends.")
def main(names: tuple[str, ...], seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        click.echo("; ".join(report.machine(Path(folder))) + ".\n")
    for name in names or NAMES:
        click.echo("\n".join([*table(name, seconds), ""]))


def table(name: str, seconds: float) -> list[str]:
    """The lines of a table in Markdown."""
    environment = of_framework(name)
    lines = [
        f"| {name} {environment.version(name)} | tasks | appends | p99 | failed | loads of 20 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    return [*lines, *map(line, measured(environment, name, seconds))]


def measured(environment: Environment, name: str, seconds: float) -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        module = "benchmarks.children.framework_sessions"
        command = [str(environment.python), "-m", module, name, folder, str(seconds)]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return [json.loads(line) for line in run.stdout.splitlines()]


def line(found: dict) -> str:
    p99 = ABSENT if found["p99"] is None else f"{found['p99'] * 1e3:,.1f} ms"
    return report.markdown(
        [
            found["contender"],
            f"{found['tasks']:,}",
            f"{found['appends']:,.0f}/s",
            p99,
            f"{found['failed']:,}",
            f"{found['loads']:,.0f}/s",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
