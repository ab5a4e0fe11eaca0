"""`leases`: who alone may do something, and how to free a lease by hand."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hermes_store.cli import output
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.opening import open_to_change, open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.records import LeaseRecord
from hermes_store.values.written import lasted

__all__ = ["leases_command"]


@click.command("leases")
@click.option("--release", metavar="NAME", help="Take this lease from its holder.")
@click.pass_obj
def leases_command(options: Options, release: str | None) -> None:
    """List the leases that are held: who has each, since when, and how long still.

    --release frees one at once: make sure that its holder works no more. --json prints a list of
    objects; with --release an object with name and holder.
    """
    if release is not None:
        _release(options, release)
        return
    with open_to_read(options) as repo:
        held = repo.leases.held()
    if options.as_json:
        output.print_json(held)
    elif held:
        _print(held)
    else:
        output.note("no lease is held")


def _print(held: Sequence[LeaseRecord]) -> None:
    out = output.console()
    table = output.table("NAME", "HOLDER", "SINCE", "LEFT", right=("LEFT",))
    for lease in held:
        since, left = output.when(lease["acquired_at"]), lasted(0, lease["seconds_left"])
        table.add_row(one_line(lease["name"]), one_line(lease["holder"]), since, left)
    output.print_table(out, table, widest="HOLDER")


def _release(options: Options, name: str) -> None:
    with open_to_change(options) as repo:
        holder = repo.leases.holder(name)
        if holder is None or not repo.leases.release(name, holder):
            raise NotFoundError(f"nobody holds the lease {name!r}; 'hermes-store leases' lists all")
    if options.as_json:
        output.print_json({"name": name, "holder": holder})
    else:
        output.note(f"{name} was taken from {holder}")
