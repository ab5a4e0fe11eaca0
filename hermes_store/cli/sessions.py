"""`list`, `title`, `delete`, `prune`: sessions as a whole."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from hermes_store.cli import output
from hermes_store.cli.opening import find_session, open_store, open_to_read
from hermes_store.cli.options import Options

__all__ = ["delete_command", "list_command", "prune_command", "title_command"]

_SHORT_ID = 24
_ROOM_FOR_LONG_IDS, _ROOM_FOR_THE_MODEL, _ROOM_FOR_COUNTS = 140, 110, 60
"""Columns of a terminal."""


@click.command("list")
@click.option("--source", help="Only sessions from this source (cli, telegram, …).")
@click.option("--exclude-source", multiple=True, help="Leave out a source. May be repeated.")
@click.option("--by-start", is_flag=True, help="Order by the start, not by the last message.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Skip so many.")
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
        rows = repo.list_sessions_rich(
            source=source,
            exclude_sources=list(exclude_source),
            limit=limit,
            offset=offset,
            order_by_last_active=not by_start,
        )
        total = None if exclude_source else repo.session_count(source)
    if options.as_json:
        output.print_json(rows)
        return
    if not rows:
        output.note("no sessions")
        return
    print_sessions(rows)
    if total is not None and (offset or total > len(rows)):
        output.note(f"{offset + 1}-{offset + len(rows)} of {output.count(total, 'session')}")


def print_sessions(rows: Sequence[Mapping[str, Any]]) -> None:
    """A table of sessions, as wide as the terminal allows."""
    out = output.console()
    cells = [_cells(row, short_date=out.width < _ROOM_FOR_THE_MODEL) for row in rows]
    names = list(cells[0])
    if out.width < _ROOM_FOR_THE_MODEL:
        names.remove("MODEL")
    if out.width < _ROOM_FOR_COUNTS:
        names = ["ID", "TITLE"]
    table = output.table(*names, right=("MSGS",))
    if out.width < _ROOM_FOR_LONG_IDS:  # a beginning of the id is enough to name a session
        table.columns[0].max_width = _SHORT_ID
    for row in cells:
        table.add_row(*(row[name] for name in names))
    output.print_table(out, table, widest="TITLE")


def _cells(row: Mapping[str, Any], *, short_date: bool) -> dict[str, str]:
    active = output.when(row["last_active"])
    cells = {
        "ID": row["id"],
        "TITLE": row["title"] or row["preview"],
        "SOURCE": row["source"],
        "MODEL": row["model"],
        "MSGS": output.count(row["message_count"]),
        "LAST ACTIVE": active.partition(" ")[0] if short_date else active,
    }
    return {name: output.plain(cell) for name, cell in cells.items()}


@click.command("title")
@click.argument("session")
@click.argument("new_title", required=False)
@click.option("--clear", is_flag=True, help="Take the title away.")
@click.pass_obj
def title_command(options: Options, session: str, new_title: str | None, clear: bool) -> None:
    """Print the title of SESSION, or set it to NEW_TITLE.

    SESSION is an id, a unique beginning of one, or a title. --json prints an object with id and
    title.
    """
    if clear and new_title is not None:
        raise click.UsageError("give a new title or --clear, not both")
    changes = clear or new_title is not None
    with (open_store if changes else open_to_read)(options) as repo:
        session_id = find_session(repo, session)
        if changes:
            repo.set_session_title(session_id, new_title or "")
        title = repo.get_session_title(session_id)
    if options.as_json:
        output.print_json({"id": session_id, "title": title})
    elif title:
        click.echo(output.plain(title))
    else:
        output.note(f"{session_id} has no title")


@click.command("delete")
@click.argument("sessions", nargs=-1, required=True, metavar="SESSION...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_command(options: Options, sessions: tuple[str, ...], yes: bool) -> None:
    """Delete each SESSION with its messages; sessions that continue it stay.

    SESSION is an id, a unique beginning of one, or a title. Asks first, unless --yes.
    --json prints an object with the deleted ids.
    """
    with open_store(options) as repo:
        ids = list(dict.fromkeys(find_session(repo, name) for name in sessions))
        if not yes:
            _ask([row for row in repo.list_sessions_rich(limit=None) if row["id"] in ids])
        deleted = [session_id for session_id in ids if repo.delete_session(session_id)]
    if options.as_json:
        output.print_json({"deleted": deleted})
    else:
        output.note(f"deleted {output.count(len(deleted), 'session')}")


def _ask(rows: Sequence[Mapping[str, Any]]) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to confirm: add --yes to delete")
    print_sessions(rows)
    click.confirm(f"Delete {output.count(len(rows), 'session')} for good?", abort=True, err=True)


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=click.FloatRange(min=0),
    default=90,
    show_default=True,
    metavar="DAYS",
    help="Only sessions that started more than so many days ago.",
)
@click.option("--source", help="Only sessions from this source.")
@click.option("-y", "--yes", is_flag=True, help="Delete them.")
@click.pass_obj
def prune_command(options: Options, days: float, source: str | None, yes: bool) -> None:
    """Say which ended sessions are old enough to go; with --yes, delete them.

    A session that has not ended is never pruned. --json prints an object: the candidates under
    sessions, and how many were deleted.
    """
    with open_store(options) as repo:
        due = repo.list_prune_candidates(older_than_days=days, source=source)
        deleted = repo.prune_sessions(older_than_days=days, source=source) if yes and due else 0
    if options.as_json:
        output.print_json({"sessions": due, "deleted": deleted})
        return
    if yes or not due:
        output.note(f"deleted {output.count(deleted, 'session')}" if due else "nothing to prune")
        return
    print_sessions(due)
    messages = output.count(sum(row["message_count"] for row in due), "message")
    output.note(
        f"{output.count(len(due), 'session')} with {messages} would go; add --yes to delete"
    )
