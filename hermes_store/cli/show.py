"""`show`: one session, whole, in part, or as it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

import click

from hermes_store import SessionRepository
from hermes_store.cli import output
from hermes_store.cli.completion import complete_roles, complete_sessions
from hermes_store.cli.conversation import Writer
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.names import check_roles, find_session
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.pager import paged
from hermes_store.cli.pages import backwards, forwards
from hermes_store.cli.text import as_json, escaped_json
from hermes_store.queries.message_pages import Included
from hermes_store.records import MessageRecord
from hermes_store.transfer.exports import as_given

__all__ = ["show_command"]

_FOLLOW_FROM = 10
_FOLLOW_SECONDS = 0.5


class Part(NamedTuple):
    """Which messages of a session are shown."""

    head: int | None
    tail: int | None
    around: int | None
    context: int
    roles: tuple[str, ...]
    include: Included


@click.command("show")
@click.argument("session", nargs=-1, required=True, shell_complete=complete_sessions)
@click.option("--head", type=click.IntRange(min=1), help="Only the first N messages.")
@click.option("--tail", type=click.IntRange(min=1), help="Only the last N messages.")
@click.option(
    "--around",
    type=click.IntRange(min=1),
    metavar="ID",
    help="Only the message with this id, and those around it.",
)
@click.option(
    "--context",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="With --around: N messages on each side.",
)
@click.option(
    "--role", multiple=True, shell_complete=complete_roles, help="Only this role. May be repeated."
)
@click.option("--all", is_flag=True, help="Also messages that were compacted or taken back.")
@click.option("--follow", is_flag=True, help="Go on with what is appended, until Ctrl-C.")
@click.option("--whole", is_flag=True, help="All sessions of the conversation, from its beginning.")
@click.option("--full", is_flag=True, help="Tool results and arguments as long as they are.")
@click.option("--reasoning", is_flag=True, help="Also what the model thought.")
@click.option("--system", is_flag=True, help="Also the system prompt.")
@click.option("--no-pager", is_flag=True, help="Print all at once, also on a terminal.")
@click.pass_obj
def show_command(options: Options, /, session: tuple[str, ...], **asked: Any) -> None:
    """Print the messages of SESSION: an id, a unique beginning of one, a title, or words of one.

    Of a conversation that went on in another session, it says where. --json prints the session as
    one object, its messages under the key messages; with --follow, a line for each message.
    """
    part = _part(asked)
    with open_to_read(options) as repo:
        session_id = find_session(repo, " ".join(session))
        ids = repo.get_lineage(session_id) if asked["whole"] else [session_id]
        if asked["follow"]:
            _follow(options, repo, session_id, part, asked)
        elif options.as_json:
            output.print_json(_with_messages(repo, ids, part))
        else:
            _print(repo, ids, part, asked)


def _part(asked: dict[str, Any]) -> Part:
    check_roles(asked["role"])
    given = [f"--{name}" for name in ("head", "tail", "around") if asked[name] is not None]
    if len(given) > 1 or (asked["follow"] and given not in ([], ["--tail"])):
        given += ["--follow"] * asked["follow"]
        raise click.UsageError(f"{' and '.join(given)} exclude each other")
    if asked["whole"] and (asked["follow"] or asked["around"] is not None):
        raise click.UsageError("--whole excludes --around and --follow")
    tail = _FOLLOW_FROM if asked["follow"] and not given else asked["tail"]
    include: Included = "all" if asked["all"] else "live"
    return Part(asked["head"], tail, asked["around"], asked["context"], asked["role"], include)


def _print(repo: SessionRepository, ids: Sequence[str], part: Part, asked: dict[str, Any]) -> None:
    session = _session(repo, ids[-1])
    messages = _messages(repo, ids, part)
    with paged(wanted=not asked["no_pager"]) as write:
        writer = Writer(write, full=asked["full"], reasoning=asked["reasoning"])
        writer.session(session, tip=repo.get_tip(session["id"]))
        if asked["system"] and session["system_prompt"]:
            writer.system_prompt(session["system_prompt"])
        for message in messages:
            writer.message(message)


def _with_messages(repo: SessionRepository, ids: Sequence[str], part: Part) -> dict[str, Any]:
    return {
        **_session(repo, ids[-1]),
        "messages": [as_given(dict(each)) for each in _messages(repo, ids, part)],
    }


def _session(repo: SessionRepository, session_id: str) -> dict[str, Any]:
    found = repo.get_session(session_id)
    if found is None:
        raise NotFoundError(f"the session {session_id!r} was deleted a moment ago")
    return dict(found)


# --- which messages -------------------------------------------------------------------------------


def _messages(repo: SessionRepository, ids: Sequence[str], part: Part) -> Iterator[MessageRecord]:
    """The messages of one session, or of the sessions of a conversation in their order."""
    if part.around is not None:
        return iter(_around(repo, ids[-1], part))
    if part.tail is not None:
        latest = chain.from_iterable(backwards(repo, one, part.include) for one in reversed(ids))
        newest = list(islice(_only(latest, part.roles), part.tail))
        return iter(newest[::-1])
    all_of_them = chain.from_iterable(forwards(repo, one, None, part.include) for one in ids)
    return islice(_only(all_of_them, part.roles), part.head)


def _around(repo: SessionRepository, session_id: str, part: Part) -> list[MessageRecord]:
    """In any state: search finds compacted messages as well."""
    found = repo.get_messages(session_id, around_id=part.around, limit=part.context, include="all")
    if part.around not in [message["id"] for message in found]:
        raise NotFoundError(
            f"the session {session_id} has no message {part.around}; 'hermes-store search' prints "
            "the ids of messages"
        )
    return [m for m in found if m["id"] == part.around or not part.roles or m["role"] in part.roles]


def _only(messages: Iterator[MessageRecord], roles: tuple[str, ...]) -> Iterator[MessageRecord]:
    return (message for message in messages if not roles or message["role"] in roles)


# --- as it goes on --------------------------------------------------------------------------------


def _follow(
    options: Options, repo: SessionRepository, session_id: str, part: Part, asked: dict[str, Any]
) -> None:
    """Print the last messages, then what is appended; until the session is deleted, or Ctrl-C."""
    newest = repo.get_messages(session_id, limit=1, newest=True, include="all")
    last = newest[-1]["id"] if newest else 0
    writer = Writer(sys.stdout.write, full=asked["full"], reasoning=asked["reasoning"])
    if not options.as_json:
        writer.session(_session(repo, session_id), tip=repo.get_tip(session_id))
    for message in _messages(repo, [session_id], part):
        _tell(options, writer, message)
        last = max(last, message["id"])
    while repo.get_session(session_id) is not None:
        sys.stdout.flush()
        for message in forwards(repo, session_id, last, part.include):
            last = message["id"]
            if not part.roles or message["role"] in part.roles:
                _tell(options, writer, message)
        sys.stdout.flush()
        time.sleep(_FOLLOW_SECONDS)
    output.note(f"{session_id} was deleted")


def _tell(options: Options, writer: Writer, message: MessageRecord) -> None:
    if not options.as_json:
        writer.message(message)
        return
    line = as_json(as_given(dict(message)))
    sys.stdout.write((escaped_json(line) if sys.stdout.isatty() else line) + "\n")
