"""Tables of usage, and of the sessions that lasted longest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from hermes_store.charts.series import OF_A_ZONE, group_name, zone_name
from hermes_store.cli import output
from hermes_store.cli.text import in_one_line, one_line
from hermes_store.records import SessionListing, UsageBy, UsageSum
from hermes_store.values.written import lasted

__all__ = ["COLUMNS", "OF_A_SESSION", "print_longest", "print_sums"]

COLUMNS = {
    "SESSIONS": "sessions",
    "CALLS": "calls",
    "TOKENS IN": "input_tokens",
    "OUT": "output_tokens",
    "CACHE READ": "cache_read_tokens",
    "WRITTEN": "cache_write_tokens",
    "REASONING": "reasoning_tokens",
    "ESTIMATED": "estimated_cost_usd",
    "ACTUAL": "actual_cost_usd",
}
_OF_TOOLS = ("SESSIONS", "CALLS")
_IN_WIDE_TERMINALS = ("CACHE READ", "WRITTEN", "REASONING")
_ROOM_FOR_ALL = 110
"""Columns of a terminal."""
OF_A_SESSION = (
    "id", "title", "source", "model", "started_at", "last_active", "message_count",
    "input_tokens", "output_tokens", "estimated_cost_usd", "actual_cost_usd",
)  # fmt: skip


def print_sums(by: UsageBy, rows: Sequence[UsageSum], zone: tzinfo | None) -> None:
    """Print a table of sums, as wide as the terminal allows; `zone` is whose days they are."""
    out = output.console()
    names = [*COLUMNS] if by != "tool" else [*_OF_TOOLS]
    if out.width < _ROOM_FOR_ALL:
        names = [name for name in names if name not in _IN_WIDE_TERMINALS]
    title = by.upper() if by not in OF_A_ZONE else f"{by.upper()} ({zone_name(zone)})"
    table = output.table(title, *names, right=tuple(names))
    for row in rows:
        table.add_row(group_name(by, row["group"]), *_cells(row, names))
    output.print_table(out, table, widest=title)


def _cells(row: UsageSum, names: Sequence[str]) -> Iterator[str]:
    found = dict(row)
    for name in names:
        value: object = found[COLUMNS[name]]
        is_cost = COLUMNS[name].endswith("_usd")
        yield output.dollars(value) if is_cost else output.count(value)  # type: ignore[arg-type]  # COLUMNS names numbers only


def print_longest(rows: Sequence[SessionListing]) -> None:
    """Print a table of sessions with the sums that they have themselves."""
    columns = ("STARTED", "LASTED", "MSGS", "TOKENS", "ESTIMATED", "ACTUAL")
    table = output.table("ID", "TITLE", *columns, right=columns[2:])
    for row in rows:
        table.add_row(
            one_line(row["id"]),
            in_one_line(row["title"] or row["preview"]),
            output.when(row["started_at"]),
            lasted(row["started_at"], row["last_active"]),
            output.count(row["message_count"]),
            output.count(row["input_tokens"] + row["output_tokens"]),
            output.dollars(row["estimated_cost_usd"]),
            output.dollars(row["actual_cost_usd"]),
        )
    output.print_table(output.console(), table, widest="TITLE")
