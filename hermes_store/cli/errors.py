"""How a command ends: one line about what went wrong, in words of the command, and a code."""

from __future__ import annotations

import errno
import json
import re
import sys

import click

from hermes_store.cli.text import hide_passwords, like, one_line
from hermes_store.errors import (
    HermesStoreError,
    InvalidArgumentError,
    MessageNotFoundError,
    SessionNotFoundError,
)

__all__ = [
    "EXIT_BROKEN_PIPE",
    "EXIT_ERROR",
    "EXIT_INTERRUPTED",
    "EXIT_NOT_FOUND",
    "EXIT_USAGE",
    "AmbiguousNameError",
    "NotFoundError",
    "message_of",
    "report",
    "report_interruption",
]

EXIT_ERROR, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 1, 2, 3, 130, 141

_LINE_ENDS = re.compile(r"\s*\n\s*")

Reported = click.ClickException | HermesStoreError | OSError


class NotFoundError(click.ClickException):
    """What the command names does not exist."""

    exit_code = EXIT_NOT_FOUND


class AmbiguousNameError(NotFoundError):
    """Several sessions may be meant."""


_OPTIONS = {
    "days": "--after",
    "backup": "FILE",
    "db_path": "--db",
    "end_reason": "--reason",
    "exclude_session_id": "--exclude-session",
    "exclude_sources": "--exclude-source",
    "filter": "the choice of sessions",
    "keep": "--keep",
    "limit": "--limit",
    "message_id": "MESSAGE_ID",
    "offset": "--offset",
    "path": "FILE",
    "older_than_days": "--older-than",
    "role_filter": "--role",
    "session_id": "the session's id",
    "since": "--since",
    "source": "--source",
    "source_filter": "--source",
    "target": "TO",
    "until": "--until",
}
"""Arguments of methods, and what a person at a terminal calls them."""

_WORDS = (
    ("with replace=True (--replace)", "with --replace"),
    ("for keep", "for --keep"),
    ("days says when", "--after says when"),
    ("with end_session() or end_sessions()", "with 'hermes-store end'"),
    ("get_messages(include='all') has their ids", "'hermes-store show --all' prints their ids"),
    ("as get_messages() returns it", "as 'hermes-store show' prints it"),
    ("give an id that get_messages() returns", "'hermes-store show' prints the ids"),
    (" or reindex()", ""),
    (", or open with auto_migrate=True", ""),
    ("opened with read_only=True", "opened with --read-only"),
    (", or raise lock_timeout", ""),
    ("; create it with create_session() or ensure_session() first", ""),
    ("choose another, or ask get_next_title_in_lineage() for a free one", "choose another"),
    ("a non-empty str", "a text that is not empty"),
    ("a str, a list, a dict or None", "a text, a list, an object or null"),
    ("a str or None", "a text or null"),
    ("a str", "a text"),
    ("lists, dicts, str,", "lists, objects, texts,"),
    ("a list of dicts", "a list of objects"),
    ("a dict", "an object"),
    (" dicts", " objects"),
    (" without read_only", " without --read-only"),
    ("None", "null"),
)
"""Phrases for people who write Python, and what a person at a terminal reads in their place."""


def message_of(error: Reported) -> str:
    """Return what `error` says, in one line without control characters and passwords."""
    return hide_passwords(one_line(_LINE_ENDS.sub(" ", _message(error))))


def _message(error: Reported) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"no such option: {error.option_name}{like(error.option_name, _similar(error))}"
    if isinstance(error, click.ClickException):
        said = error.format_message().replace("a valid integer range", "a whole number")
        return said.replace("a valid float", "a number")
    if isinstance(error, OSError) and error.strerror:
        return _of_system(error, error.strerror)
    said = str(error)
    if isinstance(error, InvalidArgumentError):
        said = f"{_OPTIONS.get(error.argument, error.argument)}: {error.problem}; {error.remedy}"
    if isinstance(error, HermesStoreError):
        for phrase, ours in _WORDS:
            said = said.replace(phrase, ours)
    return ": ".join([*getattr(error, "__notes__", ()), said])


_REMEDIES = {
    errno.ENOENT: "name a file whose folder is there",
    errno.ENOTDIR: "name a file whose folder is there",
    errno.EISDIR: "name a file",
    errno.EACCES: "name another file, or have its owner let you",
    errno.ENOSPC: "make room, or name a file elsewhere",
}


def _of_system(error: OSError, said: str) -> str:
    if error.filename:
        said = f"{error.filename}: {said}"
    remedy = None if error.errno is None else _REMEDIES.get(error.errno)
    return f"{said}; {remedy}" if remedy else said


def _similar(error: click.NoSuchOption) -> list[str]:
    return list(error.possibilities or ())


def report(error: Reported, *, as_json: bool) -> int:
    """Print one line (or JSON) about `error` to stderr; return the exit code it means."""
    message = message_of(error)
    if as_json:
        described = {"error": {"type": type(error).__name__, "message": message}}
        click.echo(json.dumps(described), err=True)
    elif isinstance(error, click.UsageError):
        click.echo(f"{_usage(error)}Error: {message}", err=True)
    else:
        click.echo(f"error: {message}", err=True)
    return _exit_code(error)


def _usage(error: click.UsageError) -> str:
    if error.ctx is None:
        return ""
    hint = f"Try '{error.ctx.command_path} --help' for help.\n"
    return f"{error.ctx.get_usage()}\n{hint}\n"


def _exit_code(error: Reported) -> int:
    if isinstance(error, click.ClickException):
        return error.exit_code
    if isinstance(error, (SessionNotFoundError, MessageNotFoundError)):
        return EXIT_NOT_FOUND
    return EXIT_USAGE if isinstance(error, InvalidArgumentError) else EXIT_ERROR


def report_interruption(kept: str, *, as_json: bool) -> int:
    """Say what an interrupted command leaves behind; return the exit code."""
    if as_json:
        described = {"type": "Interrupted", "message": f"interrupted: {kept}"}
        click.echo(json.dumps({"error": described}), err=True)
    else:
        # A terminal shows ^C where the cursor was.
        click.echo(f"{_new_line()}interrupted: {one_line(kept)}", err=True)
    return EXIT_INTERRUPTED


def _new_line() -> str:
    return "\n" if sys.stderr.isatty() else ""
