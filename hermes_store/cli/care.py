"""`stats`, `doctor`, `reindex`, `optimize`: how the database is, and keeping it so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from hermes_store import migrate
from hermes_store.cli import output
from hermes_store.cli.opening import open_to_change, open_to_check, open_to_read, where
from hermes_store.cli.options import Options
from hermes_store.cli.text import one_line
from hermes_store.database.choice import backend_of

__all__ = ["doctor_command", "optimize_command", "reindex_command", "stats_command"]


@click.command("stats")
@click.option("--prometheus", is_flag=True, help="Print the figures as Prometheus reads them.")
@click.pass_obj
def stats_command(options: Options, prometheus: bool) -> None:
    """Print the database's size and schema, and by source: sessions, messages, tokens, cost.

    --json prints an object with the same.
    """
    with open_to_read(options) as repo:
        stats = {
            "database": where(options),
            "revision": migrate.current(options.db),
            **repo.get_stats(),
            "usage": repo.usage_by_source(),
        }
    if prometheus:
        from hermes_store.cli.prometheus import exposition

        click.echo(exposition(stats), nl=False)
    elif options.as_json:
        output.print_json(stats)
    else:
        _print_stats(stats)


def _print_stats(stats: dict[str, Any]) -> None:
    out = output.console()
    facts = output.table("", "")
    facts.show_header = False
    facts.columns[1].no_wrap, facts.columns[1].overflow = False, "fold"
    for name, value in _facts(stats):
        facts.add_row(name, one_line(value))
    out.print(facts)
    if not stats["usage"]:
        return
    columns = ("SOURCE", "SESSIONS", "MESSAGES", "TOKENS IN", "OUT", "COST")
    usage = output.table(*columns, right=columns[1:])
    for row in _usage_rows(stats["usage"]):
        usage.add_row(*row)
    out.print()
    out.print(usage)


def _facts(stats: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "database", stats["database"]
    yield "revision", stats["revision"]
    yield "library", f"{stats['library']} {stats['version']}"
    if stats.get("wal_reset_bug"):
        yield "", "this SQLite has the WAL-reset bug: see 'Which SQLite' in docs/durability.md"
    if "file_bytes" in stats:
        yield "size", output.size(stats["file_bytes"])
        yield "journal", f"{stats['journal_mode']}, synchronous {stats['synchronous']}"
    if stats.get("log_bytes"):
        yield "log", output.size(stats["log_bytes"])
    yield "sessions", output.count(stats["sessions"])
    yield "messages", output.count(stats["messages"])


def _usage_rows(usage: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    names = ("sessions", "message_count", "input_tokens", "output_tokens")
    total = {name: sum(row[name] for row in usage) for name in (*names, "cost_usd")}
    for row in [*usage, {"source": "total", **total}]:
        counts = (output.count(row[name]) for name in names)
        yield (one_line(row["source"]), *counts, output.dollars(row["cost_usd"]))


@click.command("doctor")
@click.pass_obj
def doctor_command(options: Options) -> int:
    """Check the file, references, counters, schema and search index, and say what to do.

    Keeps agents from writing while it compares the index with every message. Exit code 1 when
    there is a problem. --json prints an object with the lists problems and advice.
    """
    with open_to_check(options) as repo:
        problems = repo.check()
    advice = backend_of(repo.url).exposed(repo.url)
    if options.as_json:
        output.print_json({"problems": problems, "advice": advice})
    elif problems:
        for problem in problems:
            click.echo(one_line(problem))
    else:
        click.echo("no problem found")
    for each in () if options.as_json else advice:
        output.note(each)
    return 1 if problems else 0


@click.command("reindex")
@click.pass_obj
def reindex_command(options: Options) -> None:
    """Build the search index anew, in short steps between which agents write.

    After an interruption it goes on where it stopped. One process at a time does it. --json prints
    an object with messages.
    """
    options.kept = lambda: "run 'hermes-store reindex' again, it goes on where it stopped"
    with open_to_change(options) as repo:
        with output.progress_bar("indexing") as report:
            repo.reindex(progress=lambda done, total: report("", done, total))
        messages = repo.message_count()
    if options.as_json:
        output.print_json({"messages": messages})
    else:
        output.note(f"indexed {output.count(messages, 'message')}")


@click.command("optimize")
@click.pass_obj
def optimize_command(options: Options) -> None:
    """Merge the search index and give unused space back: what was deleted is in no byte any more.

    --json prints an object with bytes_before and bytes_after.
    """
    options.kept = lambda: "nothing was lost; unused space may be there still"
    with open_to_change(options) as repo:
        before = repo.get_stats().get("file_bytes")
        repo.optimize()
        after = repo.get_stats().get("file_bytes")
    if options.as_json:
        output.print_json({"bytes_before": before, "bytes_after": after})
    elif before is None:
        output.note("optimized")
    else:
        output.note(f"optimized: {output.size(after)}, before {output.size(before)}")
