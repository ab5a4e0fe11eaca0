"""`copy`: a whole store into another database."""

from __future__ import annotations

from pathlib import Path

import click

from hermes_store.cli import output
from hermes_store.cli.opening import refuse_read_only, require_current, where
from hermes_store.cli.options import Options
from hermes_store.cli.taking_over import take_over
from hermes_store.transfer import copying as copy
from hermes_store.transfer.importers.hermes_file import is_hermes_file

__all__ = ["copy_command"]


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--delete",
    is_flag=True,
    help="Make an earlier copy equal: also delete from TO what FROM does not hold any more.",
)
@click.pass_obj
def copy_command(options: Options, source: str, target: str, delete: bool) -> None:
    """Copy the store FROM into the database TO, each a path or a URL, then compare the two.

    Creates TO when it is missing, and does not change FROM. An interrupted copy is run again and
    goes on where it stopped; a finished one brings along what is new in FROM, and with --delete
    what was deleted or changed there. Refuses a TO that holds something else.

    A state.db of Hermes Agent, of any version, is taken over: 'hermes-store import' does the same.

    --json prints an object with sessions, messages, others (rows of each other table), digest,
    remarks and deleted.
    """
    refuse_read_only(options)
    origin, goal = Options(db=source), Options(db=target)
    if is_hermes_file(Path(source)):
        if delete:
            raise click.UsageError("--delete is for copies of a store, not of a Hermes Agent file")
        return take_over(options, [Path(source)], goal)
    require_current(origin)
    options.kept = lambda: (
        f"what was copied so far is in {where(goal)}; run the same copy again, it goes on"
    )
    with output.progress_bar("copying") as report:
        done = copy.copy(source, target, delete=delete, progress=report)
    if options.as_json:
        output.print_json(done._asdict())
    else:
        _print_result(done, where(origin), where(goal))
    return None


def _print_result(done: copy.Copied, origin: str, goal: str) -> None:
    output.note(
        f"copied {output.count(done.sessions, 'session')} with "
        f"{output.count(done.messages, 'message')} from {origin} to {goal}; "
        f"both sides agree, digest {done.digest}"
    )
    for what, number in done.remarks.items():
        output.note(f"{what}: {output.count(number)}")
    for table, number in done.deleted.items():
        output.note(f"deleted from {table}: {output.count(number)}")
