"""`title`, `model`, `reopen`, `pin`: a change of one session, not of its messages."""

from __future__ import annotations

import click

from hermes_store import SessionFilter
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_change, open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import in_one_line, one_line
from hermes_store.errors import TitleInUseError
from hermes_store.filters import EVERYTHING

__all__ = ["model_command", "pin_command", "reopen_command", "title_command"]


def _not_empty(_ctx: click.Context, _argument: click.Parameter, text: str | None) -> str | None:
    """A new text as it is given: a variable that a script forgot to set must take nothing away."""
    if text is not None and not text.strip():
        raise click.BadParameter("is empty; give a text")
    return text


@click.command("title")
@click.argument("session", shell_complete=complete_sessions)
@click.argument("new_title", required=False, callback=_not_empty)
@click.option("--clear", is_flag=True, help="Take the title away.")
@click.pass_obj
def title_command(options: Options, session: str, new_title: str | None, clear: bool) -> None:
    """Print the title of SESSION, or set it to NEW_TITLE.

    SESSION is an id, a unique beginning of one, a title, or words of one. --json prints an object
    with id and title.
    """
    if clear and new_title is not None:
        raise click.UsageError("give a new title or --clear, not both")
    changing = clear or new_title is not None
    with open_to_change(options) if changing else open_to_read(options) as repo:
        session_id = find_session(repo, session)
        if changing:
            try:
                repo.set_session_title(session_id, new_title or "")
            except TitleInUseError as exc:
                free = repo.get_next_title_in_lineage(exc.title)
                raise click.UsageError(
                    f"the title {exc.title!r} is in use by the session {exc.session_id}; choose "
                    f"another: {free!r} is free"
                ) from exc
        title = repo.get_session_title(session_id)
    if options.as_json:
        output.print_json({"id": session_id, "title": title})
    elif title:
        click.echo(in_one_line(title))
    else:
        output.note(f"{session_id} has no title")


@click.command("model")
@click.argument("session", shell_complete=complete_sessions)
@click.argument("new_model", required=False, callback=_not_empty)
@click.pass_obj
def model_command(options: Options, session: str, new_model: str | None) -> None:
    """Print the model of SESSION, or set it to NEW_MODEL. --json prints an object with both."""
    with open_to_read(options) if new_model is None else open_to_change(options) as repo:
        session_id = find_session(repo, session)
        if new_model is not None:
            repo.set_session_model(session_id, new_model)
        found = repo.get_session(session_id)
    model = found["model"] if found else None
    if options.as_json:
        output.print_json({"id": session_id, "model": model})
    elif model:
        click.echo(one_line(model))
    else:
        output.note(f"{session_id} has no model")


@click.command("reopen")
@click.argument("session", shell_complete=complete_sessions)
@click.pass_obj
def reopen_command(options: Options, session: str) -> None:
    """Take back the end of SESSION. --json prints an object with id."""
    with open_to_change(options) as repo:
        session_id = find_session(repo, session)
        repo.reopen_session(session_id)
    if options.as_json:
        output.print_json({"id": session_id})
    else:
        output.note(f"{session_id} is open")


@click.command("pin")
@click.argument("session", required=False, shell_complete=complete_sessions)
@click.option("--undo", is_flag=True, help="Take the pin away.")
@choosing_sessions(archived=None)
@click.pass_obj
def pin_command(options: Options, session: str | None, which: SessionFilter, undo: bool) -> None:
    """Pin the conversation of SESSION, or those that the options mean.

    list --pinned finds them, and retention leaves them alone. --json prints an object with id and
    pinned; with options the ids under sessions.
    """
    if (session is None) == (which == EVERYTHING):
        raise click.UsageError("name a session, or say by options which")
    with open_to_change(options) as repo:
        if session is None:
            check_sources(repo, which)
            rows = repo.list_sessions_rich(limit=None, filter=which)
            ids = [row["id"] for row in rows]
        else:
            ids = [find_session(repo, session)]
        with repo.transaction() as transaction:
            for session_id in ids:
                transaction.set_pinned(session_id, not undo)
    if options.as_json:
        named = {"sessions": ids} if session is None else {"id": ids[0]}
        output.print_json({**named, "pinned": not undo})
    else:
        what = output.count(len(ids), "conversation") if session is None else ids[0]
        output.note(f"{what} {'are' if len(ids) != 1 else 'is'} {'not ' if undo else ''}pinned")
