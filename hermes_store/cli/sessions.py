"""`list`: which sessions there are."""

from __future__ import annotations

import click

from hermes_store.cli import output
from hermes_store.cli.completion import complete_sources
from hermes_store.cli.names import check_source, refuse_mistyped
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.session_table import print_sessions

__all__ = ["list_command"]


@click.command("list")
@click.option(
    "--source",
    shell_complete=complete_sources,
    help="Only sessions from this source (cli, telegram, …).",
)
@click.option(
    "--exclude-source",
    multiple=True,
    shell_complete=complete_sources,
    help="Leave out a source. May be repeated.",
)
@click.option("--by-start", is_flag=True, help="Order by the start, not by the last message.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip the first N.")
@click.pass_obj
def list_command(
    options: Options,
    source: str | None,
    exclude_source: tuple[str, ...],
    by_start: bool,
    limit: int,
    offset: int,
) -> None:
    """List sessions, last used first. --json prints a list of objects."""
    with open_to_read(options) as repo:
        check_source(repo, [source] if source is not None else [])
        refuse_mistyped(repo, exclude_source)
        rows = repo.list_sessions_rich(
            source=source,
            exclude_sources=exclude_source,
            limit=limit,
            offset=offset,
            order_by_last_active=not by_start,
        )
        total = repo.session_count(source, exclude_source)
    if options.as_json:
        output.print_json(rows)
        return
    if rows:
        print_sessions(rows)
    _note_page(len(rows), offset, total)


def _note_page(shown: int, offset: int, total: int) -> None:
    """Say which page of how many sessions it was, unless it was all of them."""
    if not total:
        output.note("no sessions")
    elif not shown:
        output.note(f"no sessions after the first {offset}; there are {output.count(total)}")
    elif total > shown:
        more = "" if offset + shown >= total else f"; --offset {offset + shown} goes on"
        page = f"{output.count(offset + 1)}\N{EN DASH}{output.count(offset + shown)}"
        output.note(f"{page} of {output.count(total, 'session')}{more}")
