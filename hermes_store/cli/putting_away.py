"""`end`, `archive`: sessions that are over, one by one or by a rule."""

from __future__ import annotations

from dataclasses import replace

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_change
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.cli.times import TIME
from hermes_store.filters import EVERYTHING, LISTED

__all__ = ["archive_command", "end_command"]


@click.command("end")
@click.argument("session", required=False, shell_complete=complete_sessions)
@click.option(
    "--inactive-since",
    type=TIME,
    help="In place of SESSION: all open ones without activity since this time, like 30d.",
)
@click.option("--reason", default="ended by hand", show_default=True, help="Why it ends.")
@choosing_sessions(archived=None)
@click.pass_obj
def end_command(
    options: Options,
    session: str | None,
    inactive_since: float | None,
    reason: str,
    which: SessionFilter,
) -> None:
    """Mark SESSION as ended now, so that prune can reach it.

    A session that has ended keeps its first time and reason. --json prints an object with id,
    ended_at and end_reason. With --inactive-since each session ends at its last activity; the other
    options say which; --json then prints an object with the ids under ended.
    """
    if (session is None) == (inactive_since is None):
        raise click.UsageError("give a session or --inactive-since")
    if session is not None and which != EVERYTHING:
        raise click.UsageError("options that say which sessions need --inactive-since")
    with open_to_change(options) as repo:
        if session is not None:
            _end_one(options, repo, find_session(repo, session), reason)
        elif inactive_since is not None:
            check_sources(repo, which)
            _end_idle(options, repo, inactive_since, reason, which)


def _end_one(options: Options, repo: SessionRepository, session_id: str, reason: str) -> None:
    repo.end_session(session_id, reason)
    ended = repo.get_session(session_id)
    at, why = (ended["ended_at"], ended["end_reason"]) if ended else (None, None)
    if options.as_json:
        output.print_json({"id": session_id, "ended_at": at, "end_reason": why})
    else:
        output.note(f"{session_id} ended {output.when(at)}: {one_line(why or 'no reason given')}")


def _end_idle(
    options: Options, repo: SessionRepository, since: float, reason: str, which: SessionFilter
) -> None:
    options.kept = lambda: "run the command again to go on"
    ended = repo.end_sessions(since, reason, filter=which)
    if options.as_json:
        output.print_json({"ended": ended, "end_reason": reason})
    else:
        output.note(f"ended {output.count(len(ended), 'session')}")


@click.command("archive")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...", shell_complete=complete_sessions)
@click.option("--undo", is_flag=True, help="Take each SESSION back.")
@choosing_sessions(archived=False)
@click.pass_obj
def archive_command(
    options: Options, sessions: tuple[str, ...], which: SessionFilter, undo: bool
) -> None:
    """Put away the conversation of each SESSION, or those that the options mean.

    list leaves them out; search, show and export still find them. --json prints an object: an id of
    each conversation under sessions, and archived.
    """
    is_rule = replace(which, archived=False) != LISTED
    if bool(sessions) == is_rule:
        raise click.UsageError("name sessions, or say by options which")
    if undo and not sessions:
        raise click.UsageError("--undo needs the names of sessions")
    with open_to_change(options) as repo:
        if sessions:
            ids = _each(repo, sessions, archived=not undo)
        else:
            check_sources(repo, which)
            options.kept = lambda: "each conversation is archived whole; run the command again"
            ids = repo.archive_sessions(which)
    if options.as_json:
        output.print_json({"sessions": ids, "archived": not undo})
    else:
        number = output.count(len(ids), "conversation")
        output.note(f"{'took back' if undo else 'archived'} {number}")


def _each(repo: SessionRepository, names: tuple[str, ...], *, archived: bool) -> list[str]:
    ids = list(dict.fromkeys(find_session(repo, name) for name in names))
    with repo.transaction() as transaction:
        for session_id in ids:
            transaction.set_archived(session_id, archived)
    return ids
