"""`clear`, `delete`, `prune`: what goes for good, after asking."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.names import find_exactly
from hermes_store.cli.opening import open_to_change, open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.session_table import print_sessions
from hermes_store.cli.text import one_line
from hermes_store.cli.times import DAYS
from hermes_store.errors import MessageNotFoundError, SessionNotFoundError
from hermes_store.records import SessionListing

__all__ = ["clear_command", "delete_command", "prune_command"]


@click.command("clear")
@click.argument("session", shell_complete=complete_sessions)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear_command(options: Options, session: str, yes: bool) -> None:
    """Delete the messages of SESSION; the session stays.

    SESSION is an id, a unique beginning of one, or a whole title. Asks first, unless --yes. --json
    prints an object with id and the number of deleted messages.
    """
    with open_to_change(options) as repo:
        session_id = find_exactly(repo, session)
        number = repo.message_count(session_id)
        if not yes:
            _confirm(f"Delete {output.count(number, 'message')} of {session_id} for good?")
        repo.clear_messages(session_id)
    if options.as_json:
        output.print_json({"id": session_id, "deleted": number})
    else:
        output.note(f"deleted {output.count(number, 'message')}")


@click.command("delete")
@click.argument(
    "sessions", nargs=-1, required=True, metavar="SESSION...", shell_complete=complete_sessions
)
@click.option(
    "--message",
    "messages",
    type=click.IntRange(min=1, max=2**53),
    multiple=True,
    metavar="ID",
    help="Only this message of SESSION. May be repeated.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_command(
    options: Options, sessions: tuple[str, ...], messages: tuple[int, ...], yes: bool
) -> None:
    """Delete the conversation of each SESSION, with its delegates and all messages.

    SESSION is an id, a unique beginning of one, or a whole title. What was branched off stays.
    With --message the session stays, and single messages go. Asks first, unless --yes, and says
    which sessions go. --json prints an object with the deleted ids.
    """
    if messages:
        if len(sessions) > 1:
            raise click.UsageError("--message is about one session: give one")
        _delete_messages(options, sessions[0], list(dict.fromkeys(messages)), yes=yes)
    else:
        _delete_sessions(options, sessions, yes=yes)


def _delete_messages(options: Options, session: str, ids: list[int], *, yes: bool) -> None:
    with open_to_change(options) as repo:
        session_id = find_exactly(repo, session)
        _require_messages(repo, session_id, ids)
        if not yes:
            _confirm(f"Delete {output.count(len(ids), 'message')} of {session_id} for good?")
        number = repo.delete_messages(session_id, ids)
    if options.as_json:
        output.print_json({"id": session_id, "deleted": ids})
    else:
        output.note(f"deleted {output.count(number, 'message')}")


def _require_messages(repo: SessionRepository, session_id: str, ids: Sequence[int]) -> None:
    for message_id in ids:
        if not repo.get_messages(session_id, around_id=message_id, limit=0, include="all"):
            raise MessageNotFoundError(session_id, message_id)


def _delete_sessions(options: Options, sessions: tuple[str, ...], *, yes: bool) -> None:
    deleted: list[str] = []
    with open_to_change(options) as repo:
        ids = list(dict.fromkeys(find_exactly(repo, name) for name in sessions))
        whole = _whole(repo, ids)
        rows = {row["id"]: row for listed in whole.values() for row in listed}
        if not yes:
            _ask([*rows.values()])
        options.kept = lambda: f"deleted {output.count(len(deleted), 'session')} of {len(rows)}"
        try:
            for session_id, listed in whole.items():
                if repo.delete_session(session_id):
                    deleted.extend(row["id"] for row in listed)
        except KeyboardInterrupt:  # it may have come between a COMMIT and its count
            deleted = [name for name in rows if repo.get_session(name) is None]
            raise
    if options.as_json:
        output.print_json({"deleted": deleted})
    else:
        output.note(f"deleted {output.count(len(deleted), 'session')}")


def _whole(repo: SessionRepository, ids: Sequence[str]) -> dict[str, list[SessionListing]]:
    """The sessions that go with each of `ids`; one that was deleted a moment ago has none."""
    found: dict[str, list[SessionListing]] = {}
    for session_id in ids:
        with suppress(SessionNotFoundError):
            found[session_id] = repo.list_lineage(session_id)
    return found


def _ask(rows: Sequence[Mapping[str, Any]]) -> None:
    _require_a_person()
    if not rows:
        raise NotFoundError("the sessions were deleted a moment ago")
    print_sessions(rows)
    _confirm(f"Delete {output.count(len(rows), 'session')} for good?")


def _confirm(question: str) -> None:
    _require_a_person()
    click.confirm(one_line(question), abort=True, err=True)


def _require_a_person() -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("no terminal to ask for confirmation: add --yes to delete")


@click.command("prune")
@click.option(
    "--older-than",
    "days",
    type=DAYS,
    show_default="90, or no age when options say times",
    metavar="DAYS",
    help="Only sessions that started longer ago: days, or 12h, 2w.",
)
@click.option("-y", "--yes", is_flag=True, help="Delete them.")
@choosing_sessions(archived=None)
@click.pass_obj
def prune_command(options: Options, days: float | None, which: SessionFilter, yes: bool) -> None:
    """Say which ended conversations are old enough to go; with --yes, delete them.

    One whose last session has not ended is never pruned; archived ones are. --json prints an
    object: the candidates under sessions, and how many were deleted.
    """
    age: dict[str, Any] = {} if days is None else {"older_than_days": days}
    with open_to_change(options) if yes else open_to_read(options) as repo:
        check_sources(repo, which, may_be_none=True)
        due = repo.list_prune_candidates(**age, filter=which)
        options.kept = lambda: "each conversation is deleted whole; run prune again to go on"
        deleted = repo.prune_sessions(**age, filter=which) if yes and due else 0
    if options.as_json:
        output.print_json({"sessions": due, "deleted": deleted})
    elif yes or not due:
        number = output.count(deleted, "conversation")
        output.note(f"deleted {number}" if due else "nothing to prune")
    else:
        _announce(due)


def _announce(due: Sequence[Mapping[str, Any]]) -> None:
    print_sessions(due)
    messages = output.count(sum(row["message_count"] for row in due), "message")
    output.note(
        f"{output.count(len(due), 'conversation')} with {messages} would go; add --yes to delete"
    )
