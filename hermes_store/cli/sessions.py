"""`list`: which sessions there are."""

from __future__ import annotations

from typing import Literal

import click

from hermes_store import SessionFilter
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.session_table import print_sessions
from hermes_store.cli.text import one_line

__all__ = ["list_command"]


@click.command("list")
@click.option("--by-start", is_flag=True, help="Order by the start, not by the last message.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip the first N.")
@click.option(
    "--after", shell_complete=complete_sessions, help="Go on behind this session of the list."
)
@click.option("--all", "each", is_flag=True, help="Each session by itself, delegates too.")
@choosing_sessions(archived=False)
@click.pass_obj
def list_command(
    options: Options,
    which: SessionFilter,
    by_start: bool,
    limit: int,
    offset: int,
    after: str | None,
    each: bool,
) -> None:
    """List conversations, last used first, without archived ones.

    A conversation that was compressed is listed once, by the id of the session in which it goes
    on; delegates are left out, unless --all or --link. --json prints a list of objects.
    """
    include: Literal["conversations", "all"] = "all" if each else "conversations"
    with open_to_read(options) as repo:
        check_sources(repo, which)
        rows = repo.list_sessions_rich(
            limit=limit + 1,
            offset=offset,
            order_by_last_active=not by_start,
            filter=which,
            after=None if after is None else find_session(repo, after),
            include=include,
        )
        total = repo.session_count(filter=which, include=include)
    shown = rows[:limit]
    if options.as_json:
        output.print_json(shown)
        return
    if shown:
        print_sessions(shown)
    if after is None:
        _note_page(len(shown), offset, total)
    elif len(rows) > limit:
        output.note(f"--after {one_line(shown[-1]['id'])} goes on")
    elif not shown:
        output.note(f"no sessions after {one_line(after)}")


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
