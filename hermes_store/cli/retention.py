"""`retention`: rules for what nobody has used for long, and to apply them."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli import output
from hermes_store.cli.app import shared_options
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.errors import NotFoundError
from hermes_store.cli.opening import open_to_change, open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.session_table import print_sessions
from hermes_store.cli.text import one_line
from hermes_store.cli.times import DAYS
from hermes_store.filters import EVERYTHING
from hermes_store.queries.retention_rules import ACTIONS, RetentionDue, RetentionRule

__all__ = ["retention_command"]

_NONE = "no rules; 'hermes-store retention add' stores one"
_DID = {"end": "ended", "archive": "archived", "delete": "deleted"}


@click.group("retention", no_args_is_help=False)
def retention_command() -> None:
    """End, archive and delete by rules what nobody has used for long.

    The rules stand in the store. A pinned conversation is never touched. Each of the commands takes
    the shared options, too.
    """


@retention_command.command("add", params=shared_options())
@click.argument("name")
@click.argument("action", type=click.Choice(ACTIONS))
@click.option(
    "--after",
    type=DAYS,
    required=True,
    metavar="DAYS",
    help="How long the last activity has to be over: days, or 12h, 2w.",
)
@choosing_sessions(archived=None)
@click.pass_obj
def add_command(
    options: Options, name: str, action: str, after: float, which: SessionFilter
) -> None:
    """Store the rule NAME, in place of the one of this name; the options say which sessions.

    end marks sessions as ended; archive puts conversations away; delete deletes those that have
    ended. --json prints the rule.
    """
    with open_to_change(options) as repo:
        check_sources(repo, which, may_be_none=True)
        repo.retention.add(name, action, after, which)  # type: ignore[arg-type]  # one of them
        [rule] = [each for each in repo.retention.rules() if each.name == name]
    if options.as_json:
        output.print_json(_as_object(rule))
    else:
        output.note(f"{name}: {_said(rule)}")


def _said(rule: RetentionRule) -> str:
    which = _which(rule)
    return f"{rule.action} after {rule.days:g} days{which and ': '}{which}"


def _which(rule: RetentionRule) -> str:
    return ", ".join(f"{name} {value}" for name, value in _fields(rule).items())


def _fields(rule: RetentionRule) -> dict[str, Any]:
    """What the filter asks for."""
    given = dataclasses.asdict(rule.filter)
    return {key: value for key, value in given.items() if value != getattr(EVERYTHING, key)}


def _as_object(rule: RetentionRule) -> dict[str, Any]:
    return {**rule._asdict(), "filter": _fields(rule)}


@retention_command.command("list", params=shared_options())
@click.pass_obj
def list_command(options: Options) -> None:
    """Print the rules, in the order in which they are applied. --json prints a list of objects."""
    with open_to_read(options) as repo:
        rules = repo.retention.rules()
    if options.as_json:
        output.print_json([_as_object(rule) for rule in rules])
    elif rules:
        table = output.table("NAME", "ACTION", "AFTER DAYS", "WHICH", right=("AFTER DAYS",))
        for rule in rules:
            days, which = f"{rule.days:g}", one_line(_which(rule))
            table.add_row(one_line(rule.name), rule.action, days, which)
        output.print_table(output.console(), table, widest="WHICH")
    else:
        output.note(_NONE)


@retention_command.command("remove", params=shared_options())
@click.argument("name")
@click.pass_obj
def remove_command(options: Options, name: str) -> None:
    """Remove the rule NAME. --json prints an object with the name."""
    with open_to_change(options) as repo:
        if not repo.retention.remove(name):
            problem = f"there is no rule {name!r}; 'hermes-store retention list' prints all"
            raise NotFoundError(problem)
    if options.as_json:
        output.print_json({"name": name})
    else:
        output.note(f"the rule {one_line(name)} was removed")


@retention_command.command("run", params=shared_options())
@click.option("--dry-run", is_flag=True, help="Print what the rules mean now; change nothing.")
@click.pass_obj
def run_command(options: Options, dry_run: bool) -> None:
    """Apply the rules: for cron. Works in short steps, between which agents write.

    --json prints a list of objects: name, action, and number; with --dry-run sessions.
    """
    if dry_run:
        with open_to_read(options) as repo:
            return _print_due(options, repo.retention.due())
    options.kept = lambda: "each conversation is done whole; run the command again to go on"
    with open_to_change(options) as repo:
        _run(options, repo)
    return None


def _run(options: Options, repo: SessionRepository) -> None:
    done = repo.retention.run()
    if options.as_json:
        output.print_json([{**_named(rule), "number": number} for rule, number in done])
        return
    if not done:
        output.note(_NONE)
    for rule, number in done:
        output.note(f"{rule.name}: {_DID[rule.action]} {output.count(number)}")


def _named(rule: RetentionRule) -> dict[str, str]:
    return {"name": rule.name, "action": rule.action}


def _print_due(options: Options, due: list[RetentionDue]) -> None:
    if options.as_json:
        output.print_json([{**_named(rule), "sessions": sessions} for rule, sessions in due])
        return
    if not due:
        output.note(_NONE)
    for rule, sessions in due:
        output.note(f"{rule.name} would {rule.action} {output.count(len(sessions))}")
        if sessions:
            print_sessions(sessions)
