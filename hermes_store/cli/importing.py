"""`import`: sessions from JSON lines, whichever of two formats they have."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import click
from click.core import ParameterSource

from hermes_store.cli import output
from hermes_store.cli.errors import message_of
from hermes_store.cli.jsonl import Bad, BadLines, FormatError, exported_sessions, kind_of
from hermes_store.cli.logs import Log, session_of_log
from hermes_store.cli.opening import open_to_change
from hermes_store.cli.options import Options
from hermes_store.cli.taking_over import take_over
from hermes_store.cli.text import listed, one_line
from hermes_store.errors import InvalidArgumentError, RefusedError
from hermes_store.migrate import Progress
from hermes_store.records import ImportResult
from hermes_store.transfer.importers.hermes_file import is_hermes_file

__all__ = ["import_command"]

STDIO = Path("-")


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
@click.option("--skip-bad", is_flag=True, help="Leave bad lines out, say which, and go on.")
@click.pass_obj
def import_command(
    options: Options, files: tuple[Path, ...], source: str, session_id: str | None, skip_bad: bool
) -> None:
    """Read sessions from each FILE (- is stdin) into the database, creating it if need be.

    A file is what export wrote, a state.db of Hermes Agent of any version, or a per-session log:
    one message per line with role and content; its name is the session's id. Sessions that are
    there already stay as they are, so an import that was interrupted is simply run again. A bad
    line ends the import, unless --skip-bad: correct the line and run it again. --json prints an
    object of counts and remarks, also after an error; of databases, a list of their accounts.
    """
    if databases := [path for path in files if path != STDIO and is_hermes_file(path)]:
        if len(databases) != len(files):
            raise click.UsageError("give databases and files of JSON lines in calls of their own")
        _refuse_options_of_lines()
        return take_over(options, databases, options)
    done = ImportResult()
    bad = BadLines(skip=skip_bad, tell=output.note)
    options.kept = lambda: f"{_counts(done)} stored; run the same import again, it goes on"
    with open_to_change(options, create=True) as repo, ExitStack() as stack:
        reading = _Reading(stack, source, session_id, bad)
        try:
            repo.import_sessions(
                reading.sessions(files),
                result=done,
                on_bad=reading.leave_out if skip_bad else None,
            )
        except (InvalidArgumentError, RefusedError) as exc:
            exc.add_note(reading.place())
            _print_result(options, done, bad, failed=True)
            raise
        except click.ClickException:
            _print_result(options, done, bad, failed=True)
            raise
    _print_result(options, done, bad)
    return None


def _refuse_options_of_lines() -> None:
    """Refuse what means nothing for a database."""
    context = click.get_current_context()
    names = {"source": "--source", "session_id": "--id", "skip_bad": "--skip-bad"}
    typed = [
        option
        for name, option in names.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        raise click.UsageError(
            f"{' and '.join(typed)} {'is' if len(typed) == 1 else 'are'} for JSON lines: a "
            "database is taken over whole, and its account names what was left out"
        )


class _Reading:
    """Reads the sessions of all files, and knows where it is: an error names file and line."""

    def __init__(
        self, stack: ExitStack, source: str, session_id: str | None, bad: BadLines
    ) -> None:
        self._stack = stack
        self._source = source
        self._session_id = session_id
        self._bad = bad
        self._at: Callable[[], Bad] = lambda: Bad("", 0, "")

    def place(self) -> str:
        """The file and line of the session that was read last."""
        file, line, _ = self._at()
        return f"{one_line(file)}:{line}"

    def leave_out(self, error: InvalidArgumentError) -> None:
        """Leave out the session that was read last."""
        self._bad.meet(FormatError(self._at()._replace(problem=message_of(error))))

    def sessions(self, files: tuple[Path, ...]) -> Iterator[dict[str, Any]]:
        """The sessions of all files: a parent may be in another file than its child."""
        for path in files:
            yield from self._from_stdin() if path == STDIO else self._from_file(path)

    def _from_file(self, path: Path) -> Iterator[dict[str, Any]]:
        name, status = str(path), path.stat()
        with output.progress_bar(f"importing {path.name}") as report:

            def lines() -> Iterator[bytes]:
                with path.open("rb") as stream:
                    yield from _counted(stream, status.st_size, report)

            with path.open("rb") as stream:
                kind = kind_of(iter(stream), [])
            if kind == "log":
                yield self._log(Log(lines, name, path.stem, self._source, status.st_mtime))
            elif kind == "empty":
                output.note(f"{name} is empty")
            else:
                yield from self._exported(lines(), name)

    def _from_stdin(self) -> Iterator[dict[str, Any]]:
        name, stream, head = "<stdin>", sys.stdin.buffer, list[bytes]()
        kind = kind_of(iter(stream), head)
        if kind == "log" and self._session_id is None:
            raise click.UsageError(f"{name} is a log of one session: give its id with --id")
        if kind == "log":
            lines = self._kept(chain(head, stream))
            yield self._log(Log(lines, name, str(self._session_id), self._source, time.time()))
        elif kind == "empty":
            output.note(f"{name} is empty")
        else:
            yield from self._exported(chain(head, stream), name)

    def _kept(self, lines: Iterator[bytes]) -> Callable[[], Iterator[bytes]]:
        """Keep what can be read once in a file, so that it can be read again."""
        kept = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack does
        kept.writelines(lines)

        def again() -> Iterator[bytes]:
            kept.seek(0)
            yield from kept

        return again

    def _log(self, log: Log) -> dict[str, Any]:
        session, messages = session_of_log(log, self._bad, output.note)
        self._at = lambda: Bad(log.name, messages.line, "")
        return session

    def _exported(self, lines: Iterator[bytes], name: str) -> Iterator[dict[str, Any]]:
        for number, session in exported_sessions(lines, name, self._bad):
            self._at = partial(Bad, name, number, "")
            yield session


def _counted(stream: IO[bytes], size: int, report: Progress) -> Iterator[bytes]:
    done = 0
    for line in stream:
        yield line
        done += len(line)
        report("", done, size)


# --- what was done --------------------------------------------------------------------------------


def _counts(done: ImportResult) -> str:
    whole = output.count(done.sessions, "session")
    parts = [f"of {name} {output.count(n, 'message')}" for name, n in done.unfinished.items()]
    return ", ".join([f"{whole} with {output.count(done.messages, 'message')}", *parts])


def _print_result(
    options: Options, done: ImportResult, bad: BadLines, *, failed: bool = False
) -> None:
    if options.as_json:
        skipped = [each._asdict() for each in bad.first]
        with suppress(BrokenPipeError):
            output.print_json({**asdict(done), "bad_lines": bad.number, "bad": skipped})
    elif failed:
        output.note(f"stored before the error: {_counts(done)}; correct the line and run it again")
    else:
        _print_remarks(done, bad)


def _print_remarks(done: ImportResult, bad: BadLines) -> None:
    output.note(f"imported {_counts(done)}")
    if bad.number:
        output.note(f"left out: {output.count(bad.number, 'bad line')}")
    if done.skipped:
        output.note(f"left as they are, being there already: {listed(done.skipped)}")
    for session_id, title in done.retitled.items():
        length = done.too_long_titles.get(session_id)
        why = f"its title was too long ({length} characters)" if length else "its title was in use"
        output.note(f"{session_id} is now titled {title!r}: {why}")
    if done.orphaned:
        output.note(f"without their parent, which is in neither place: {listed(done.orphaned)}")
    if done.ignored_fields:
        output.note(f"fields this version does not know: {listed(done.ignored_fields)}")
