"""`rewind`, `compact`: messages that a conversation goes on without, and back again."""

from __future__ import annotations

from typing import IO

import click

from hermes_store.api.operations import Operations
from hermes_store.cli import output
from hermes_store.cli.completion import complete_roles, complete_sessions
from hermes_store.cli.conversation import text_of
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.names import check_roles, find_session
from hermes_store.cli.opening import open_to_change
from hermes_store.cli.options import Options
from hermes_store.cli.pages import backwards
from hermes_store.cli.text import one_line, plain
from hermes_store.transfer.exports import as_given

__all__ = ["compact_command", "rewind_command"]

_MESSAGE_ID = click.IntRange(min=1, max=2**53)


@click.command("rewind")
@click.argument("session", shell_complete=complete_sessions)
@click.argument("message_id", required=False, type=_MESSAGE_ID)
@click.option("--undo", is_flag=True, help="Give back what was taken back from MESSAGE_ID on.")
@click.pass_obj
def rewind_command(options: Options, session: str, message_id: int | None, undo: bool) -> None:
    """Take back a message of the user and all behind it; print it, so that it can be sent anew.

    Without MESSAGE_ID that is the last message of the user. Nothing is deleted: --undo gives the
    messages back, and show --all prints their ids. --json prints an object with id, message, and
    the number of rewound ones; with --undo with id and the number of restored ones.
    """
    if undo:
        return _undo(options, session, message_id)
    with open_to_change(options) as repo:
        session_id = find_session(repo, session)
        with repo.transaction() as tx:
            first = _last_of_the_user(tx, session_id) if message_id is None else message_id
            before = tx.message_count(session_id)
            message = tx.rewind(session_id, first)
            number = before - tx.message_count(session_id)
    if options.as_json:
        given = as_given(dict(message))
        output.print_json({"id": session_id, "message": given, "rewound": number})
        return None
    click.echo(plain(text_of(message["content"])))
    output.note(
        f"took back {output.count(number, 'message')}; 'hermes-store rewind {one_line(session_id)}"
        f" {first} --undo' gives back what was taken back"
    )
    return None


def _undo(options: Options, session: str, message_id: int | None) -> None:
    if message_id is None:
        raise click.UsageError("--undo needs MESSAGE_ID: rewind printed it, and show --all does")
    with open_to_change(options) as repo:
        session_id = find_session(repo, session)
        number = repo.restore(session_id, message_id)
    if options.as_json:
        output.print_json({"id": session_id, "restored": number})
    else:
        output.note(f"gave back {output.count(number, 'message')}")


def _last_of_the_user(repo: Operations, session_id: str) -> int:
    for message in backwards(repo, session_id):
        if message["role"] == "user":
            return message["id"]
    raise NotFoundError(f"the session {session_id} has no message of the user to take back")


@click.command("compact")
@click.argument("session", shell_complete=complete_sessions)
@click.option(
    "--summary",
    type=click.File(encoding="utf-8"),
    required=True,
    metavar="FILE",
    help="What the conversation goes on with; - is stdin.",
)
@click.option(
    "--role",
    default="system",
    show_default=True,
    shell_complete=complete_roles,
    help="Of the message with the summary.",
)
@click.pass_obj
def compact_command(options: Options, session: str, summary: IO[str], role: str) -> None:
    """Let SESSION go on with a summary; its messages stay stored, and search finds them.

    --json prints an object with id, message_id (of the summary) and the number of compacted
    messages.
    """
    check_roles([role])
    text = _text(summary)
    with open_to_change(options) as repo:
        session_id = find_session(repo, session)
        with repo.transaction() as tx:
            number = tx.message_count(session_id)
            [message_id] = tx.compact(session_id, [{"role": role, "content": text}])
    if options.as_json:
        output.print_json({"id": session_id, "message_id": message_id, "compacted": number})
    else:
        output.note(f"compacted {output.count(number, 'message')}; message {message_id} stands in")


def _text(summary: IO[str]) -> str:
    try:
        text = summary.read().strip()
    except UnicodeDecodeError as exc:
        raise click.UsageError(f"--summary: {summary.name} is not valid UTF-8 ({exc})") from exc
    if not text:
        raise click.UsageError(f"--summary: {summary.name} is empty")
    return text
