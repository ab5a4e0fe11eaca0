"""`export` and `import`: sessions as JSON lines, streamed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import click

from hermes_store import SessionRepository
from hermes_store.cli import output
from hermes_store.cli.jsonl import Log, read_sessions
from hermes_store.cli.opening import find_session, open_store, open_to_read
from hermes_store.cli.options import Options
from hermes_store.database.address import url_of
from hermes_store.database.choice import backend_of
from hermes_store.migrate import Progress
from hermes_store.records import ImportResult, SessionExport

__all__ = ["export_command", "import_command"]

STDIO = Path("-")
_JOURNALS = ("-wal", "-shm", "-journal")
_MOST_NAMES = 5


@click.command("export")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option("--source", help="Only sessions from this source.")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    default=STDIO,
    help="The file to write, whole or not at all. Default: stdout.",
)
@click.pass_obj
def export_command(
    options: Options, sessions: tuple[str, ...], source: str | None, target: Path
) -> None:
    """Write all sessions, or each SESSION, as JSON lines that import reads.

    A line is one session with its messages. All sessions are of one snapshot, also while agents
    write. With -o, --json prints an object: file, sessions, messages.
    """
    if sessions and source:
        raise click.UsageError("name sessions or give --source, not both")
    _refuse_the_database(options, target)
    with ExitStack() as stack:
        repo = stack.enter_context(open_to_read(options))
        ids = list(dict.fromkeys(find_session(repo, name) for name in sessions))
        found = stack.enter_context(closing(_exported(repo, ids, source)))
        bar = output.progress_bar("exporting", wanted=target != STDIO or not sys.stdout.isatty())
        report = stack.enter_context(bar)
        stream = stack.enter_context(_written_whole(target))
        total = len(ids) or repo.session_count(source)
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
    repo: SessionRepository, ids: Sequence[str], source: str | None
) -> Generator[SessionExport, None, None]:
    if not ids:
        yield from repo.iter_export(source=source)
    for session_id in ids:
        if session := repo.export_session(session_id):
            yield session


def _write_lines(
    sessions: Iterable[SessionExport], stream: IO[bytes], report: Progress, total: int
) -> tuple[int, int]:
    written = messages = 0
    for session in sessions:
        stream.write(json.dumps(session, ensure_ascii=False).encode() + b"\n")
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


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
)
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="The source of logs that name no platform.",
)
@click.option("--id", "session_id", help="The session id of a log that is read from stdin.")
@click.pass_obj
def import_command(
    options: Options, files: tuple[Path, ...], source: str, session_id: str | None
) -> None:
    """Read sessions from each FILE (- is stdin) into the database, creating it if need be.

    A file is what export wrote, or a per-session log: one message per line with role and content;
    its name is the session's id. Sessions that are there already stay as they are, so an import
    that was interrupted is simply run again. --json prints an object of counts and remarks.
    """
    with open_store(options, create=True) as repo:
        done = repo.import_sessions(_sessions(files, source, session_id))
    if options.as_json:
        output.print_json(asdict(done))
    else:
        _print_result(done)


def _sessions(
    files: tuple[Path, ...], source: str, session_id: str | None
) -> Iterator[dict[str, Any]]:
    """The sessions of all files: a parent may be in another file than its child."""
    for path in files:
        if path == STDIO:
            name, log = "<stdin>", Log(session_id, source, time.time())
        else:
            name, log = str(path), Log(path.stem, source, path.stat().st_mtime)
        with _lines(path) as lines:
            yield from read_sessions(lines, name, log, output.note)


@contextmanager
def _lines(path: Path) -> Iterator[Iterable[bytes]]:
    """The lines of a file, or of stdin, behind a progress bar."""
    if path == STDIO:
        yield sys.stdin.buffer
        return
    with path.open("rb") as stream, output.progress_bar(f"importing {path.name}") as report:
        yield _counted(stream, path.stat().st_size, report)


def _counted(stream: IO[bytes], size: int, report: Progress) -> Iterator[bytes]:
    done = 0
    for line in stream:
        yield line
        done += len(line)
        report("", done, size)


def _print_result(done: ImportResult) -> None:
    output.note(
        f"imported {output.count(done.sessions, 'session')} "
        f"with {output.count(done.messages, 'message')}"
    )
    if done.skipped:
        output.note(f"left as they are, being there already: {_listed(done.skipped)}")
    for session_id, title in done.retitled.items():
        output.note(f"{session_id} is now titled {title!r}: its title was in use")
    if done.orphaned:
        output.note(f"without their parent, which is in neither place: {_listed(done.orphaned)}")
    if done.ignored_fields:
        output.note(f"fields this version does not know: {_listed(done.ignored_fields)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown}, and {len(names) - _MOST_NAMES} more"
