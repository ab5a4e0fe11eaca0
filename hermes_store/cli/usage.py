"""`usage`: what models used, by day, model, user and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click

from hermes_store import SessionFilter, SessionRepository
from hermes_store.charts.csv_text import csv_text
from hermes_store.charts.series import MEASURES, Chart, Measure, chart_of
from hermes_store.cli import output
from hermes_store.cli.choosing import check_sources, choosing_sessions
from hermes_store.cli.extras import needing
from hermes_store.cli.opening import open_to_read
from hermes_store.cli.options import Options
from hermes_store.cli.times import TIME, ZONE
from hermes_store.cli.usage_tables import COLUMNS, OF_A_SESSION, print_longest, print_sums
from hermes_store.cli.writing import STDIO, refuse_the_database, written_whole
from hermes_store.records import UsageBy, UsageSum

__all__ = ["usage_command"]


@click.command("usage")
@click.option(
    "--by",
    type=click.Choice(get_args(UsageBy)),
    help="What to sum up; hour is the hour of the day. Default: day.",
)
@click.option(
    "--tz",
    "zone",
    type=ZONE,
    metavar="ZONE",
    help="Whose days and hours: UTC, Europe/Rome, … Default: local time.",
)
@click.option("--used-since", type=TIME, help="Used at this time or later: 7d, 2026-03-01.")
@click.option("--used-until", type=TIME, help="Used before this time.")
@click.option(
    "--longest",
    type=click.IntRange(1, 2**53),
    metavar="N",
    help="In place of sums: the N sessions that lasted longest.",
)
@click.option("--plot", is_flag=True, help="Draw bars.")
@click.option(
    "--svg",
    "drawing",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw bars into FILE, written whole or not at all; - is stdout.",
)
@click.option(
    "--of",
    "measure",
    type=click.Choice([*MEASURES]),
    help="What the bars show. Default: tokens; of tools: calls.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@choosing_sessions(archived=None)
@click.pass_obj
def usage_command(options: Options, /, which: SessionFilter, **asked: Any) -> None:
    """Print what was recorded of models' usage, summed up by day or by something else.

    The options say of which sessions. Days, weeks, months and hours are those of local time, or of
    --tz. By tool, calls are counted from the messages. Estimated and actual costs are two accounts.

    --json prints a list of objects; with --svg an object: file, groups.
    """
    _refuse_contradictions(options, asked)
    with open_to_read(options) as repo:
        check_sources(repo, which)
        if asked["longest"]:
            _print_longest(options, repo, which, asked)
            return
        by: UsageBy = asked["by"] or "day"
        rows = repo.usage_report(
            by,
            which,
            timezone=asked["zone"],
            since=asked["used_since"],
            until=asked["used_until"],
        )
    _print(options, by, rows, asked)


_OF_SUMS = ("by", "zone", "used_since", "used_until")


def _refuse_contradictions(options: Options, asked: Mapping[str, Any]) -> None:
    forms = {"--plot": asked["plot"], "--svg": asked["drawing"], "--csv": asked["as_csv"]}
    given = [option for option, value in forms.items() if value]
    if options.as_json and given != ["--svg"]:
        given.append("--json")
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} contradict each other: give one of them")
    draws = given in (["--plot"], ["--svg"])
    if asked["measure"] and not draws:
        raise click.UsageError("--of says what bars show: it needs --plot or --svg")
    if asked["measure"] not in {None, "calls", "sessions"} and asked["by"] == "tool":
        raise click.UsageError("tools have calls and sessions only: no provider tells their tokens")
    if asked["longest"] and (draws or any(asked[name] is not None for name in _OF_SUMS)):
        raise click.UsageError("--longest lists sessions: only --csv and --json go with it")
    if asked["drawing"] == STDIO and options.as_json:
        raise click.UsageError("--json says which file --svg wrote: name one")
    if asked["drawing"]:
        refuse_the_database(options, asked["drawing"], "--svg")


def _print(options: Options, by: UsageBy, rows: list[UsageSum], asked: Mapping[str, Any]) -> None:
    if asked["drawing"]:
        _draw(options, _chart(by, rows, asked), asked["drawing"])
    elif asked["as_csv"]:
        click.echo(csv_text(rows, ("group", *COLUMNS.values())), nl=False)
    elif options.as_json:
        output.print_json(rows)
    elif not rows:
        output.note(_NO_TOOL if by == "tool" else _NOTHING)
    elif asked["plot"]:
        from hermes_store.cli.plots import print_chart

        print_chart(_chart(by, rows, asked))
    else:
        print_sums(by, rows, asked["zone"])


_NO_TOOL = "no tool was called"
_NOTHING = "no usage was recorded; 'hermes-store stats' prints the sums that sessions have"


def _print_longest(
    options: Options, repo: SessionRepository, which: SessionFilter, asked: Mapping[str, Any]
) -> None:
    rows = repo.longest_sessions(asked["longest"], filter=which)
    if options.as_json:
        output.print_json(rows)
    elif asked["as_csv"]:
        click.echo(csv_text(rows, OF_A_SESSION), nl=False)
    elif not rows:
        output.note("no sessions")
    else:
        print_longest(rows)


# --- charts ---------------------------------------------------------------------------------------


def _chart(by: UsageBy, rows: Sequence[UsageSum], asked: Mapping[str, Any]) -> Chart:
    measure: Measure = asked["measure"] or ("calls" if by == "tool" else "tokens")
    chart = chart_of(rows, by, measure, asked["zone"])
    if chart.left_out:
        output.note(f"{output.count(chart.left_out, 'group')} left out; --csv has all")
    return chart


def _draw(options: Options, chart: Chart, target: Path) -> None:
    with needing("plots", "pygal"):
        from hermes_store.charts.svg import svg
    options.kept = lambda: f"{target} is as it was"
    drawn = svg(chart)
    with written_whole(target) as stream:
        stream.write(drawn)
    if options.as_json:
        output.print_json({"file": str(target), "groups": len(chart.groups)})
    elif target != STDIO:
        output.note(f"{target}: {chart.title}, {output.count(len(chart.groups), 'group')}")
