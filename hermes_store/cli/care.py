"""`stats`, `doctor`, `reindex`, `optimize`: how the database is, and keeping it so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.cli import output
from hermes_store.cli.opening import open_store, where
from hermes_store.cli.options import Options
from hermes_store.engine import sqlite_driver

__all__ = ["doctor_command", "optimize_command", "reindex_command", "stats_command"]

_COUNTERS = (
    "message_count",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)


@click.command("stats")
@click.pass_obj
def stats_command(options: Options) -> None:
    """Print the database's size and schema, and by source: sessions, messages, tokens, cost.

    --json prints an object with the same.
    """
    with open_store(options) as repo:
        stats = {
            "database": where(options),
            "revision": migrate.current(options.db),
            **_library(repo.url),
            "bytes": size_of(repo.url),
            **repo.get_stats(),
            "usage": _usage(repo),
        }
    if options.as_json:
        output.print_json(stats)
    else:
        _print_stats(stats)


def _library(url: URL) -> dict[str, str]:
    if url.get_backend_name() != "sqlite":
        return {"library": url.get_backend_name()}
    driver = sqlite_driver()
    return {"library": f"SQLite {driver.sqlite_version} ({driver.__name__.partition('.')[0]})"}


def size_of(url: URL) -> int | None:
    """Bytes of a SQLite file and its write-ahead log; None for a server's database."""
    if url.get_backend_name() != "sqlite":
        return None
    files = (Path(f"{url.database}{suffix}") for suffix in ("", "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())


def _usage(repo: SessionRepository) -> list[dict[str, Any]]:
    """Sums by source, the busiest first."""
    by_source: dict[str, dict[str, Any]] = {}
    for session in repo.list_sessions_rich(limit=None):
        empty = {"source": session["source"], "sessions": 0, **dict.fromkeys(_COUNTERS, 0)}
        sums = by_source.setdefault(session["source"], {**empty, "cost_usd": 0.0})
        sums["sessions"] += 1
        for name in _COUNTERS:
            sums[name] += session[name]  # type: ignore[literal-required]
        actual, estimated = session["actual_cost_usd"], session["estimated_cost_usd"]
        sums["cost_usd"] += (estimated if actual is None else actual) or 0.0
    return sorted(by_source.values(), key=lambda sums: -sums["message_count"])


def _print_stats(stats: dict[str, Any]) -> None:
    out = output.console()
    facts = output.table("", "")
    facts.show_header = False
    for name in ("database", "revision", "library"):
        facts.add_row(name, output.plain(str(stats[name])))
    if stats["bytes"] is not None:
        facts.add_row("size", output.size(stats["bytes"]))
    facts.add_row("sessions", output.count(stats["sessions"]))
    facts.add_row("messages", output.count(stats["messages"]))
    out.print(facts)
    if not stats["usage"]:
        return
    columns = ("SOURCE", "SESSIONS", "MESSAGES", "TOKENS IN", "OUT", "COST")
    usage = output.table(*columns, right=columns[1:])
    for row in _usage_rows(stats["usage"]):
        usage.add_row(*row)
    out.print()
    out.print(usage)


def _usage_rows(usage: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    names = ("sessions", "message_count", "input_tokens", "output_tokens")
    total = {name: sum(row[name] for row in usage) for name in (*names, "cost_usd")}
    for row in [*usage, {"source": "total", **total}]:
        counts = (output.count(row[name]) for name in names)
        yield (output.plain(row["source"]), *counts, output.dollars(row["cost_usd"]))
