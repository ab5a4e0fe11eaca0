"""`import` of what other programs wrote: which files are meant, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from hermes_store.cli import output
from hermes_store.cli.errors import message_of
from hermes_store.cli.jsonl import Bad, BadLines, FormatError
from hermes_store.cli.opening import refuse_read_only
from hermes_store.cli.options import Options
from hermes_store.cli.text import listed, one_line
from hermes_store.database.address import url_of
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    LogFileError,
    StoreUnavailableError,
)
from hermes_store.transfer.importers.log_file import LogFile, files_in, is_zip
from hermes_store.transfer.importers.log_formats import FORMATS, format_of
from hermes_store.transfer.importers.log_reading import Place
from hermes_store.transfer.importers.logs import LogsResult, Recognised, import_logs
from hermes_store.transfer.importers.sqlite_rows import is_sqlite

__all__ = ["import_foreign", "recognised"]

_SUFFIXES = frozenset({".json", ".jsonl", ".zip", ".db", ".sqlite", ".sqlite3"})
_MOST_SESSIONS = 20
"""In the table of the summary; --json lists all."""
_RIGHT = ("MESSAGES", "NEW")


def recognised(paths: Sequence[Path], forced: str | None) -> tuple[list[Recognised], list[Path]]:
    """The files of other programs, each with its format, and the paths that are none of these.

    Of a folder, files of no known format are left out, and counted.
    """
    logs: list[Recognised] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            logs += _in_folder(path, forced)
        elif found := _in_file(path, forced) if path.is_file() else []:
            _tell(path, found, len(files_in(path)) - len(found))
            logs += found
        elif path.is_file() and is_sqlite(path):
            remedy = "a store of this package is taken over by 'hermes-store copy'"
            raise LogFileError(str(path), "is a SQLite file of no known format", remedy)
        else:
            others.append(path)
    return logs, others


def _in_file(path: Path, forced: str | None) -> list[Recognised]:
    """What one file is, or what is in a zip: of the wanted format, when one is wanted."""
    if is_zip(path):
        known = _known(files_in(path), forced)
        if not known:
            problem = "holds no conversations of a format that is known"
            remedy = "give the zip as the program made it, or a file in it with --from"
            raise LogFileError(str(path), problem, remedy)
        return known
    if forced is None:
        return _known(files_in(path), None)
    if FORMATS[forced].is_database != is_sqlite(path):
        kind = "is" if is_sqlite(path) else "is not"
        raise LogFileError(str(path), f"{kind} a SQLite file", f"{forced} is another kind of file")
    return [Recognised(file, forced) for file in files_in(path)]


def _known(files: Sequence[LogFile], wanted: str | None) -> list[Recognised]:
    found = [(file, format_of(file)) for file in files]
    return [Recognised(file, name) for file, name in found if name and wanted in (None, name)]


def _in_folder(folder: Path, forced: str | None) -> list[Recognised]:
    files = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES)
    logs: list[Recognised] = []
    unknown = 0
    for path in files:
        try:
            found = _of_folder(path, forced) if path.is_file() else []
        except (LogFileError, DamagedFileError, StoreUnavailableError, OSError) as exc:
            output.note(f"left out: {message_of(exc)}")
            found = []
        logs += found
        unknown += not found
    if not logs:
        raise click.UsageError(
            f"{folder} holds no file of a format that is known; name files of sessions one by one"
        )
    _tell(folder, logs, unknown)
    return logs


def _of_folder(path: Path, wanted: str | None) -> list[Recognised]:
    return _in_file(path, wanted) if is_zip(path) else _known(files_in(path), wanted)


def _tell(path: Path, found: Sequence[Recognised], unknown: int) -> None:
    number = Counter(each.format for each in found)
    known = [f"{FORMATS[name].title} ({output.count(n, 'file')})" for name, n in number.items()]
    left_out = f"{output.count(unknown, 'file')} of no known format left out"
    remark = f"; {left_out}; name what export wrote file by file" if unknown else ""
    output.note(f"{path}: {', '.join(known)}{remark}")


def import_foreign(options: Options, logs: Sequence[Recognised], *, skip_bad: bool) -> None:
    """Import the files; print what became of them."""
    refuse_read_only(options)
    done = LogsResult()
    bad = BadLines(skip=skip_bad, tell=output.note)
    options.kept = lambda: f"{_counts(done)} stored; run the same import again, it goes on"

    def on_bad(place: Place, problem: str) -> None:
        file, number, unit = place
        bad.meet(FormatError(Bad(file, number, problem, unit)))

    try:
        with output.progress_bar("importing") as report:
            import_logs(
                logs,
                url_of(options.db),
                result=done,
                on_bad=on_bad,
                warn=output.note,
                progress=report,
            )
    except (click.ClickException, HermesStoreError, OSError):
        _print_summary(options, done, bad, failed=True)
        raise
    _print_summary(options, done, bad)


# --- what was done --------------------------------------------------------------------------------


def _counts(done: LogsResult) -> str:
    grown = sum(not each.is_new for each in done.stored.values())
    continued = f", {output.count(grown, 'session')} continued" if grown else ""
    messages = output.count(done.messages, "message")
    parts = [f", of {name} {output.count(n, 'message')}" for name, n in done.unfinished.items()]
    return f"{output.count(done.sessions, 'new session')}{continued}, {messages}{''.join(parts)}"


def _print_summary(
    options: Options, done: LogsResult, bad: BadLines, *, failed: bool = False
) -> None:
    if options.as_json:
        skipped = [each._asdict() for each in bad.first]
        with suppress(BrokenPipeError):
            output.print_json({**asdict(done), "bad_lines": bad.number, "bad": skipped})
        return
    if failed:
        output.note(f"stored before the error: {_counts(done)}; run the same import again, or")
        output.note("leave out what cannot be imported with --skip-bad")
        return
    _print_sessions(done)
    _print_remarks(done, bad)


def _print_sessions(done: LogsResult) -> None:
    """The sessions one by one; of many sessions, those of each format together."""
    if len(done.stored) > _MOST_SESSIONS:
        _print_formats(done)
    elif done.stored:
        out, table = output.console(), output.table("ID", "TITLE", "FORMAT", *_RIGHT, right=_RIGHT)
        for session_id, each in done.stored.items():
            title = one_line(done.retitled.get(session_id, each.title) or "")
            numbers = output.count(each.messages), "yes" if each.is_new else "no"
            table.add_row(one_line(session_id), title, each.format, *numbers)
        output.print_table(out, table, widest="TITLE")


def _print_formats(done: LogsResult) -> None:
    right = ("NEW SESSIONS", "CONTINUED", "MESSAGES")
    out, table = output.console(), output.table("FORMAT", *right, right=right)
    for name in dict.fromkeys(each.format for each in done.stored.values()):
        stored = [each for each in done.stored.values() if each.format == name]
        new = sum(each.is_new for each in stored)
        numbers = new, len(stored) - new, sum(each.messages for each in stored)
        table.add_row(name, *map(output.count, numbers))
    output.print_table(out, table, widest="FORMAT")


def _print_remarks(done: LogsResult, bad: BadLines) -> None:
    output.note(f"imported {_counts(done)}")
    if bad.number:
        output.note(f"left out: {output.count(bad.number, 'bad record')}")
    if there := set(done.skipped) - done.stored.keys():
        output.note(f"there already, with nothing new: {output.count(len(there), 'session')}")
    if done.retitled:
        number = output.count(len(done.retitled), "session")
        output.note(f"another title, as theirs was in use or too long: {number}")
    if done.orphaned:
        output.note(f"without their parent, which is in neither place: {listed(done.orphaned)}")
