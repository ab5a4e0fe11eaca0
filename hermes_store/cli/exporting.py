"""`export`: sessions as JSON lines, or in a format for people or for training, streamed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, Any

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.completion import complete_sessions
from hermes_store.cli.export_formats import FORMATS, Format, Sessions
from hermes_store.cli.file_names import file_name
from hermes_store.cli.names import find_session
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.redacting import REDACTION
from hermes_store.cli.text import escaped_json
from hermes_store.cli.writing import STDIO, refuse_the_database, replacing, written_whole
from hermes_store.errors import SessionNotFoundError
from hermes_store.filters import EVERYTHING
from hermes_store.records import SessionExport
from hermes_store.transfer.redaction import Redaction

__all__ = ["export_command"]


def _folder(_ctx: click.Context, _option: click.Parameter, value: str | None) -> Path | None:
    if value == "":
        raise click.BadParameter("it is empty: name a folder")
    return Path(value) if value else None


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
    "--each",
    "folder",
    type=click.Path(file_okay=False),
    callback=_folder,
    help="A folder: each session gets a file of its own there.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="jsonl",
    show_default=True,
    help="Only jsonl is whole, and is imported without loss.",
)
@click.option(
    "--redact",
    "redaction",
    type=REDACTION,
    is_flag=False,
    flag_value="all",
    metavar="[KINDS]",
    help="Replace secrets: all, or a list of key, token, private-key, password, e-mail.",
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
    folder: Path | None,
    form: str,
    redaction: Redaction | None,
    lineage: bool,
) -> None:
    """Write all sessions, or each SESSION, as JSON lines that import reads.

    The options say which sessions; archived ones are exported, too.

    A line is one session with its messages. All sessions are of one snapshot, also while agents
    write. --format md and html are for people to read; sharegpt and openai are for training. With
    -o or --each, --json prints an object: file, sessions, messages.
    """
    if sessions and which != EVERYTHING:
        raise click.UsageError("name sessions, or say by options which, not both")
    if lineage and not sessions:
        raise click.UsageError("--lineage needs a SESSION; without one all sessions are exported")
    if folder and target != STDIO:
        raise click.UsageError("-o and --each exclude each other")
    refuse_the_database(options, target, "-o")
    written = _Written(options, FORMATS[form], folder or target, redaction)
    options.kept = written.kept
    with ExitStack() as stack:
        repo = stack.enter_context(open_to_read(options))
        check_sources(repo, which)
        ids = list(dict.fromkeys(find_session(repo, name) for name in sessions))
        if lineage:
            ids = [row["id"] for each in ids for row in repo.list_lineage(each)]
            ids = list(dict.fromkeys(ids))
        found = stack.enter_context(closing(_exported(repo, ids, which)))
        wanted = target != STDIO or folder is not None or not sys.stdout.isatty()
        report = stack.enter_context(output.progress_bar("exporting", wanted=wanted))
        total = len(ids) or repo.session_count(filter=which)
        counted = written.counting(found, repo, lambda number: report("", number, total))
        if folder:
            written.each(counted, folder)
        else:
            with written_whole(target) as stream:
                written.write(counted, stream)
    written.tell()


def _exported(
    repo: SessionRepository, ids: Sequence[str], which: SessionFilter
) -> Generator[SessionExport, None, None]:
    if not ids:
        yield from repo.iter_export(filter=which)
    for session_id in ids:
        if session := repo.export_session(session_id):
            yield session


def _lineage(repo: SessionRepository, session_id: str) -> list[str]:
    """The ids of a conversation of several sessions, from the root to the tip."""
    try:
        found = repo.get_lineage(session_id)
    except SessionNotFoundError:  # deleted since the export began
        return []
    return found if len(found) > 1 else []


class _Written:
    """What an export has written so far, and where."""

    def __init__(
        self, options: Options, form: Format, where: Path, redaction: Redaction | None
    ) -> None:
        self._options = options
        self._form = form
        self._where = where
        self._redaction = redaction
        self._left_out: Counter[str] = Counter()
        self._sessions = self._messages = 0

    def kept(self) -> str:
        """Return what an interruption leaves behind."""
        if self._where == STDIO:
            return "the last line may be cut off"
        if self._where.is_dir():
            return f"the files written to {self._where} are whole; the same export replaces them"
        return f"{self._where} is as it was"

    def counting(
        self,
        sessions: Iterable[SessionExport],
        repo: SessionRepository,
        report: Callable[[int], object],
    ) -> Iterator[tuple[SessionExport, list[str]]]:
        """Yield each session and its conversation without secrets; count it when it is written."""
        for session in sessions:
            lineage = [] if self._form.is_json else _lineage(repo, session["id"])
            if self._redaction:
                lineage = list(map(self._redaction.name, lineage))
            yield self._redaction.session(session) if self._redaction else session, lineage
            self._sessions += 1
            self._messages += len(session["messages"])
            report(self._sessions)

    def each(self, sessions: Sessions, folder: Path) -> None:
        """Write each session to a file of its own in `folder`, which is made when missing."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for session, lineage in sessions:
            file = folder / file_name(session["id"], session["title"], self._form.suffix)
            refuse_the_database(self._options, file, "--each")
            with replacing(file) as stream:
                self.write([(session, lineage)], stream)

    def write(self, sessions: Sessions, stream: IO[bytes]) -> None:
        """Write one file."""
        escape = escaped_json if self._form.is_json and stream.isatty() else str
        for piece in self._form.document(sessions, self._left_out):
            stream.write(escape(piece).encode(errors="replace"))
        stream.flush()

    def tell(self) -> None:
        """Say what was written, left out and replaced: never a secret itself."""
        counts = {} if self._form.is_whole else {"left_out": dict(+self._left_out)}
        if self._redaction:
            counts["redacted"] = {**self._redaction.counts}
        if self._options.as_json and self._where != STDIO:
            output.print_json({**self._result(), **counts})
            return
        if self._where != STDIO:
            sessions = output.count(self._sessions, "session")
            output.note(f"{self._where}: {sessions}, {output.count(self._messages, 'message')}")
        for name, found in counts.items():
            said = ", ".join(f"{what}: {output.count(n)}" for what, n in sorted(found.items()))
            output.note(f"{name.replace('_', ' ')}: {said or 'nothing'}")

    def _result(self) -> dict[str, Any]:
        where = "folder" if self._where.is_dir() else "file"
        return {where: str(self._where), "sessions": self._sessions, "messages": self._messages}
