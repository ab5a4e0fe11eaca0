"""`export`: sessions as JSON lines, streamed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.text import escaped_json
from hermes_store.database.address import url_of
from hermes_store.database.choice import backend_of
from hermes_store.filters import EVERYTHING
from hermes_store.migrate import Progress
from hermes_store.records import SessionExport

__all__ = ["export_command"]

STDIO = Path("-")
_JOURNALS = ("-wal", "-shm", "-journal")


@click.command("export")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...", shell_complete=complete_sessions)
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    default=STDIO,
    help="The file to write, whole or not at all. Default: stdout.",
)
@click.option(
    "--lineage", is_flag=True, help="The whole conversation of each SESSION, with its delegates."
)
@choosing_sessions(archived=None)
@click.pass_obj
def export_command(
    options: Options,
    sessions: tuple[str, ...],
    which: SessionFilter,
    target: Path,
    lineage: bool,
) -> None:
    """Write all sessions, or each SESSION, as JSON lines that import reads.

    The options say which sessions; archived ones are exported, too.

    A line is one session with its messages. All sessions are of one snapshot, also while agents
    write. With -o, --json prints an object: file, sessions, messages.
    """
    if sessions and which != EVERYTHING:
        raise click.UsageError("name sessions, or say by options which, not both")
    if lineage and not sessions:
        raise click.UsageError("--lineage needs a SESSION; without one all sessions are exported")
    _refuse_the_database(options, target)
    options.kept = lambda: (
        "the last line may be cut off" if target == STDIO else f"{target} is as it was"
    )
    with ExitStack() as stack:
        repo = stack.enter_context(open_to_read(options))
        check_sources(repo, which)
        ids = list(dict.fromkeys(find_session(repo, name) for name in sessions))
        if lineage:
            ids = [row["id"] for each in ids for row in repo.list_lineage(each)]
            ids = list(dict.fromkeys(ids))
        found = stack.enter_context(closing(_exported(repo, ids, which)))
        bar = output.progress_bar("exporting", wanted=target != STDIO or not sys.stdout.isatty())
        report = stack.enter_context(bar)
        stream = stack.enter_context(_written_whole(target))
        total = len(ids) or repo.session_count(filter=which)
        written, messages = _write_lines(found, stream, report, total)
    if target == STDIO:
        return
    if options.as_json:
        output.print_json({"file": str(target), "sessions": written, "messages": messages})
    else:
        output.note(
            f"{target}: {output.count(written, 'session')}, {output.count(messages, 'message')}"
        )


def _exported(
    repo: SessionRepository, ids: Sequence[str], which: SessionFilter
) -> Generator[SessionExport, None, None]:
    if not ids:
        yield from repo.iter_export(filter=which)
    for session_id in ids:
        if session := repo.export_session(session_id):
            yield session


def _write_lines(
    sessions: Iterable[SessionExport], stream: IO[bytes], report: Progress, total: int
) -> tuple[int, int]:
    written = messages = 0
    on_a_terminal = stream.isatty()
    for session in sessions:
        line = json.dumps(session, ensure_ascii=False)
        stream.write((escaped_json(line) if on_a_terminal else line).encode() + b"\n")
        written += 1
        messages += len(session["messages"])
        report("", written, total)
    stream.flush()
    return written, messages


@contextmanager
def _written_whole(target: Path) -> Iterator[IO[bytes]]:
    """A stream to `target`, which changes only when all is written; only its owner reads it.

    What is there and no file (a pipe, /dev/stdout) is written to, not replaced.
    """
    if target == STDIO:
        yield sys.stdout.buffer
    elif target.exists() and not target.is_file():
        with target.open("wb") as stream:
            yield stream
    else:
        with _replacing(target.resolve()) as stream:
            yield stream


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    try:
        descriptor, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(target)) from exc
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - mkstemp gives no path object
            yield stream
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


def _refuse_the_database(options: Options, target: Path) -> None:
    url = url_of(options.db)
    if backend_of(url).is_server:
        return
    database = os.path.realpath(str(url.database))
    if os.path.realpath(target) in {database + suffix for suffix in ("", *_JOURNALS)}:
        raise click.UsageError("-o names a file of the database itself; give another")
