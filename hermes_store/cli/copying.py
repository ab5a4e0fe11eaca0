"""`copy`: a whole store into another database."""

from __future__ import annotations

import click

from hermes_store.cli import output
from hermes_store.cli.opening import open_store, where
from hermes_store.cli.options import Options
from hermes_store.transfer import copying as copy

__all__ = ["copy_command"]


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.pass_obj
def copy_command(options: Options, source: str, target: str) -> None:
    """Copy the store FROM into the database TO, each a path or a URL, then compare the two.

    Creates TO when it is missing. An interrupted copy is run again and goes on where it stopped;
    a finished one brings along what is new in FROM. Refuses a TO that holds something else.
    --json prints an object with sessions, messages, others (rows of each other table), digest
    and remarks.
    """
    origin, goal = Options(db=source), Options(db=target)
    with open_store(origin), output.progress_bar("copying") as report:
        done = copy.copy(source, target, progress=report)
    if options.as_json:
        output.print_json(done._asdict())
        return
    output.note(
        f"copied {output.count(done.sessions, 'session')} with "
        f"{output.count(done.messages, 'message')} from {where(origin)} to {where(goal)}; "
        f"both sides agree, digest {done.digest}"
    )
    for what, number in done.remarks.items():
        output.note(f"{what}: {output.count(number)}")
