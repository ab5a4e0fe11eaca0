"""The command's frame: which commands there are, the options all share, errors and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from hermes_store.cli.errors import EXIT_BROKEN_PIPE, EXIT_USAGE, report, report_interruption
from hermes_store.cli.options import Options
from hermes_store.cli.text import like
from hermes_store.cli.version import WRITTEN
from hermes_store.errors import HermesStoreError

__all__ = ["app", "run", "shared_options"]

# What --help prints, by section: command -> (module of hermes_store.cli, what it does).
# A module is imported when its command is used.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Read": {
        "list": ("sessions", "List sessions, last used first."),
        "show": ("show", "Print one session's messages."),
        "search": ("search", "Find messages by what was said."),
        "browse": ("browse", "Pick a conversation in the terminal, read it, export it."),
        "usage": ("usage", "Print what models used, by day, model, user and so on."),
        "lineage": ("lineage", "Print what a session came from, and where it went on."),
        "stats": ("care", "Print size, counts, usage and settings in force."),
        "serve": ("serve", "Show the conversations in a browser."),
        "mcp": ("mcp", "Let agents search and read, by the Model Context Protocol."),
    },
    "Change": {
        "title": ("changing", "Print, set or clear a session's title."),
        "model": ("changing", "Print or set a session's model."),
        "pin": ("changing", "Pin a conversation, or take the pin away."),
        "end": ("putting_away", "Mark a session as ended, or all without activity."),
        "reopen": ("changing", "Take back the end of a session."),
        "rewind": ("states", "Take back the user's last message and all behind it."),
        "compact": ("states", "Let a session go on with a summary of its messages."),
        "archive": ("putting_away", "Put conversations away: list leaves them out."),
        "clear": ("deleting", "Delete the messages of a session."),
        "delete": ("deleting", "Delete sessions, or single messages."),
        "prune": ("deleting", "Delete sessions that ended long ago."),
    },
    "Move": {
        "export": ("exporting", "Write sessions as JSON lines, Markdown, HTML or training data."),
        "import": ("importing", "Read what export or other programs wrote."),
        "backup": ("backing_up", "Write the whole store into one checked file."),
        "restore": ("backing_up", "Put a backup in the place of the store."),
        "copy": ("copying", "Copy the store into another database, and compare."),
    },
    "Schema": {
        "init": ("schema", "Create the database, also on a server, and its schema."),
        "upgrade": ("schema", "Bring the schema to the newest revision."),
        "current": ("schema", "Print the schema's revision; changes nothing."),
    },
    "Care": {
        "doctor": ("care", "Check the file, the schema, the counters and the search index."),
        "reindex": ("care", "Build the search index anew."),
        "leases": ("leases", "List the leases that are held, or free one."),
        "meta": ("meta", "Print, set and delete what programs keep under keys."),
        "retention": ("retention", "End, archive and delete by rules."),
        "optimize": ("care", "Merge the search index and give unused space back."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """The commands of `COMMANDS`; each also takes the shared options after its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"hermes_store.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        if not any(option.name == "db" for option in command.params):
            command.params += shared_options()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named; refuse another name with the one that is like it."""
        name = args[0]
        if name not in COMMANDS and name[:1] != "-" and not ctx.resilient_parsing:
            raise click.UsageError(f"there is no command {name!r}{like(name, COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader of its output who has left ends it quietly."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _let_go_of_output()
            raise click.exceptions.Exit(EXIT_BROKEN_PIPE) from None
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, entry[1]) for name, entry in commands.items()])


def shared_options() -> list[click.Parameter]:
    """The options that stand before or after a command's name."""

    def keep(ctx: click.Context, option: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(ctx.ensure_object(Options), str(option.name), value)

    return [
        click.Option(
            ["--db"],
            metavar="PATH_OR_URL",
            expose_value=False,
            callback=keep,
            help="The database. Default: $HERMES_STORE_URL, else $HERMES_HOME/state.db, "
            "else ~/.hermes/state.db.",
        ),
        click.Option(
            ["--read-only"],
            is_flag=True,
            expose_value=False,
            callback=keep,
            help="Change nothing: commands that would are refused.",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            is_eager=True,  # the error about another option is printed as JSON, too
            expose_value=False,
            callback=keep,
            help="Print JSON for machines.",
        ),
    ]


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    click.echo(WRITTEN)
    ctx.exit()


@click.group(
    cls=Commands,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 3 not found, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version and exit.",
)
@click.pass_context
def app(ctx: click.Context) -> None:
    """Read, search, move and look after a store of AI-agent conversations."""
    options = ctx.ensure_object(Options)
    if ctx.invoked_subcommand is not None:
        return
    if options.as_json:
        raise click.UsageError("give a command", ctx)
    click.echo(ctx.get_help(), err=True)
    ctx.exit(EXIT_USAGE)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = Options(db=os.environ.get("HERMES_STORE_URL") or None)
    _prepare_streams()
    try:
        code = app.main(
            args=None if arguments is None else list(arguments),
            prog_name="hermes-store",
            standalone_mode=False,
            obj=options,
        )
    except click.exceptions.Abort:
        return report_interruption(options.kept(), as_json=options.as_json)
    except (click.ClickException, HermesStoreError, OSError) as exc:
        code = report(exc, as_json=options.as_json)
        _let_go_of_output()
    return code if isinstance(code, int) else 0


def _let_go_of_output() -> None:
    """Send what stdout does not take to /dev/null: a flush at exit must not raise again."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare_streams() -> None:
    """A stream that was closed is /dev/null; a terminal that lacks a character shows "?"."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115 - open until the process ends
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
