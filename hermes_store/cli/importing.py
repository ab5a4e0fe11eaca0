"""`import`: sessions of JSON lines; files of other kinds are known here, and handed on."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

import click
from click.core import ParameterSource

from hermes_store.cli import output
from hermes_store.cli.importing_lines import Lines
from hermes_store.cli.importing_logs import import_foreign, recognised
from hermes_store.cli.jsonl import BadLines
from hermes_store.cli.opening import open_to_change
from hermes_store.cli.options import Options
from hermes_store.cli.taking_over import take_over
from hermes_store.cli.text import listed
from hermes_store.cli.writing import STDIO
from hermes_store.errors import InvalidArgumentError, RefusedError
from hermes_store.records import ImportResult
from hermes_store.transfer.importers.hermes_file import is_hermes_file
from hermes_store.transfer.importers.log_formats import FORMATS

__all__ = ["import_command"]


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="PATH...",
    type=click.Path(path_type=Path, exists=True, allow_dash=True),
)
@click.option(
    "--from",
    "forced",
    type=click.Choice(list(FORMATS)),
    help="The format of other programs' files. Default: what is in them tells.",
)
@click.option(
    "--source",
    default="import",
    show_default=True,
    help="The source of logs that name no platform.",
)
@click.option("--id", "session_id", help="The session id of a log that is read from stdin.")
@click.option("--skip-bad", is_flag=True, help="Leave bad records out, say which, and go on.")
@click.pass_obj
def import_command(
    options: Options,
    files: tuple[Path, ...],
    forced: str | None,
    source: str,
    session_id: str | None,
    skip_bad: bool,
) -> None:
    """Read sessions from each PATH (- is stdin) into the database, creating it if need be.

    A file is what export wrote, a state.db of Hermes Agent of any version, a per-session log (one
    message per line with role and content; its name is the session's id), or what another program
    wrote: ChatGPT, Claude, Claude Code, Codex, llm and others; then a folder will do, too.

    Sessions that are there already stay as they are, those of other programs get what is new. So an
    import that was interrupted is simply run again. A bad record ends it, unless --skip-bad.
    --json prints an object of counts and remarks, also after an error; of a state.db, its account.
    """
    _refuse_what_is_read_once(files)
    if databases := [path for path in files if path != STDIO and is_hermes_file(path)]:
        if len(databases) != len(files):
            raise click.UsageError("give databases and files of JSON lines in calls of their own")
        _refuse_options_of_lines("skip_bad")
        return take_over(options, databases, options)
    if forced and STDIO in files:
        raise click.UsageError("--from is for files: stdin cannot be read twice")
    logs, ours = recognised([path for path in files if path != STDIO], forced)
    if logs and (ours or STDIO in files):
        raise click.UsageError(
            f"{(ours or [STDIO])[0]} is not of another program: import it by a call of its own"
        )
    if logs:
        _refuse_options_of_lines()
        return import_foreign(options, logs, skip_bad=skip_bad)
    return _import_lines(options, files, source, session_id, skip_bad=skip_bad)


def _import_lines(
    options: Options,
    files: tuple[Path, ...],
    source: str,
    session_id: str | None,
    *,
    skip_bad: bool,
) -> None:
    done = ImportResult()
    bad = BadLines(skip=skip_bad, tell=output.note)
    options.kept = lambda: f"{_counts(done)} stored; run the same import again, it goes on"
    with open_to_change(options, create=True) as repo, ExitStack() as stack:
        reading = Lines(stack, source, session_id, bad)
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


def _refuse_what_is_read_once(files: tuple[Path, ...]) -> None:
    """Refuse pipes and devices: a file is read more than once, and to open a pipe may wait."""
    for path in files:
        if path != STDIO and not path.is_file() and not path.is_dir():
            remedy = "give what comes out of it through stdin, with - as the path"
            raise click.UsageError(f"{path} is no file: {remedy}")


def _refuse_options_of_lines(*more: str) -> None:
    """Refuse what means nothing for a database, or for files of other programs."""
    context = click.get_current_context()
    names = {"source": "--source", "session_id": "--id", "skip_bad": "--skip-bad"}
    typed = [
        names[name]
        for name in ("source", "session_id", *more)
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if typed:
        why = "a database is taken over whole, and its account names what was left out"
        raise click.UsageError(
            f"{' and '.join(typed)} {'is' if len(typed) == 1 else 'are'} for JSON lines: "
            f"{why if more else 'files of other programs name their sessions themselves'}"
        )


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
    if done.unknown_states:
        states = listed(done.unknown_states)
        output.note(f"messages in states this version does not know, in no conversation: {states}")
