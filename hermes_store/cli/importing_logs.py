"""`import` of what other programs wrote: which files are meant, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import click

from hermes_store.cli import output
from hermes_store.cli.jsonl import Bad, BadLines, FormatError
from hermes_store.cli.opening import refuse_read_only
from hermes_store.cli.options import Options
from hermes_store.cli.text import listed
from hermes_store.database.address import url_of
from hermes_store.errors import HermesStoreError
from hermes_store.transfer.importers.log_file import files_in
from hermes_store.transfer.importers.log_formats import FORMATS, format_of
from hermes_store.transfer.importers.log_reading import Place
from hermes_store.transfer.importers.logs import LogsResult, Recognised, import_logs

__all__ = ["import_foreign", "recognised"]

_SUFFIXES = frozenset({".json", ".jsonl", ".zip", ".db", ".sqlite", ".sqlite3"})
_MOST_SESSIONS = 20
"""In the table of the summary; --json lists all."""


def recognised(paths: Sequence[Path], forced: str | None) -> tuple[list[Recognised], list[Path]]:
    """The files of other programs, each with its format, and the paths that are none of these.

    Of a folder, files of no known format are left out, and counted.
    """
    logs: list[Recognised] = []
    others: list[Path] = []
    for path in paths:
        if path.is_dir():
            logs += _in_folder(path, forced)
            continue
        found = list(_in_file(path, forced))
        logs += found
        if found:
            _tell(path, found, 0)
        elif forced:
            raise click.UsageError(f"{path} holds no file that could be {FORMATS[forced].title}")
        else:
            others.append(path)
    return logs, others


def _in_file(path: Path, forced: str | None) -> Iterator[Recognised]:
    for file in files_in(path):
        if name := forced or format_of(file):
            yield Recognised(file, name)


def _in_folder(folder: Path, forced: str | None) -> list[Recognised]:
    files = sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES)
    files = [each for each in files if each.is_file()]
    found = [(path, list(_in_file(path, forced))) for path in files]
    logs = [each for _, some in found for each in some]
    if not logs:
        raise click.UsageError(
            f"{folder} holds no file of a format that import knows; its page is "
            "docs/importing-logs.md, and single files are given by their names"
        )
    _tell(folder, logs, sum(not some for _, some in found))
    return logs


def _tell(path: Path, found: Sequence[Recognised], unknown: int) -> None:
    number = Counter(each.format for each in found)
    known = [f"{FORMATS[name].title} ({output.count(n, 'file')})" for name, n in number.items()]
    left_out = f"; {output.count(unknown, 'file')} of no known format left out" if unknown else ""
    output.note(f"{path}: {', '.join(known)}{left_out}")


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
    except (click.ClickException, HermesStoreError):
        _print_summary(options, done, bad, failed=True)
        raise
    _print_summary(options, done, bad)


# --- what was done --------------------------------------------------------------------------------


def _counts(done: LogsResult) -> str:
    grown = f", {output.count(len(done.grown), 'session')} continued" if done.grown else ""
    messages = output.count(done.messages, "message")
    return f"{output.count(done.sessions, 'new session')}{grown}, {messages}"


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
    _print_formats(done)
    _print_remarks(done, bad)


def _print_formats(done: LogsResult) -> None:
    out = output.console()
    table = output.table("FORMAT", "NEW", "CONTINUED", right=("NEW", "CONTINUED"))
    for name, ids in done.formats.items():
        grown = sum(each in done.grown for each in ids)
        new, continued = output.count(len(ids) - grown), output.count(grown)
        table.add_row(FORMATS[name].title, new, continued)
    if done.formats:
        output.print_table(out, table, widest="FORMAT")


def _print_remarks(done: LogsResult, bad: BadLines) -> None:
    output.note(f"imported {_counts(done)}")
    if bad.number:
        output.note(f"left out: {output.count(bad.number, 'bad record')}")
    if done.skipped:
        output.note(
            f"there already, with nothing new: {output.count(len(done.skipped), 'session')}"
        )
    if done.retitled:
        number = output.count(len(done.retitled), "session")
        output.note(f"another title, as theirs was in use or too long: {number}")
    if done.orphaned:
        output.note(f"without their parent, which is in neither place: {listed(done.orphaned)}")
