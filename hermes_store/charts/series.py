"""What a chart of usage shows: which groups, in which order, and of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta, tzinfo
from itertools import islice
from typing import Any, Literal, NamedTuple

from hermes_store.records import UsageBy, UsageSum
from hermes_store.values.pictures import one_line

__all__ = [
    "IN_TIME",
    "MEASURES",
    "OF_A_ZONE",
    "Chart",
    "Measure",
    "chart_of",
    "group_name",
    "zone_name",
]

Measure = Literal["tokens", "cost", "calls", "sessions"]
MEASURES: dict[Measure, dict[str, str]] = {
    "tokens": {"input": "input_tokens", "output": "output_tokens"},
    "cost": {"estimated": "estimated_cost_usd", "actual": "actual_cost_usd"},
    "calls": {"calls": "calls"},
    "sessions": {"sessions": "sessions"},
}
"""Of each measure its series, and the keys of `UsageSum` that they show."""

_MOST_PERIODS, _MOST_GROUPS = 120, 40


IN_TIME = ("day", "week", "month")
"""Periods that follow each other."""
OF_A_ZONE = (*IN_TIME, "hour")
"""What depends on a time zone, and has an order of its own."""
_WITHOUT_A_NAME = {"task": "(conversation)"}


def group_name(by: UsageBy, group: str | bytes) -> str:
    """A group of a report as a person reads it, in one line."""
    return one_line(group) or _WITHOUT_A_NAME.get(by, "(unknown)")


def zone_name(zone: tzinfo | None) -> str:
    """How a time zone is called; None is the local time of the machine."""
    return "local time" if zone is None else str(zone)


class Chart(NamedTuple):
    """Bars to draw: a group has a value in each series."""

    title: str
    groups: list[str]
    series: dict[str, list[float | None]]
    """None is not known, as a cost may be."""
    is_money: bool
    """Whether the values are US dollars. Those of two accounts are not added up."""
    is_ordered: bool
    """Whether the groups are times in their order."""
    left_out: int
    """How many groups there are besides: earlier ones, or smaller ones."""


def chart_of(rows: Sequence[UsageSum], by: UsageBy, measure: Measure, zone: tzinfo | None) -> Chart:
    """Return the chart of a report: the last 120 periods, or the 40 greatest groups.

    Between two periods that have records, those without records are shown as 0. `zone` is whose
    days they are.
    """
    columns = MEASURES[measure]
    is_ordered = by in OF_A_ZONE
    found = [*_in_time(by, rows)] if is_ordered else _greatest(rows, [*columns.values()])
    shown = {row["group"] for row in found}
    return Chart(
        title=f"{measure.capitalize()} by {by}{f', {zone_name(zone)}' if is_ordered else ''}",
        groups=[group_name(by, row["group"]) for row in found],
        series={name: [row[key] for row in found] for name, key in columns.items()},
        is_money=measure == "cost",
        is_ordered=is_ordered,
        left_out=sum(row["group"] not in shown for row in rows),
    )


def _greatest(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[Mapping[str, Any]]:
    def size(row: Mapping[str, Any]) -> float:
        return sum(row[key] or 0 for key in keys)

    return sorted(rows, key=size, reverse=True)[:_MOST_GROUPS]


# --- times without gaps ---------------------------------------------------------------------------


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def _week_before(week: str) -> str:
    year, number = map(int, week.split("-W"))
    before = date.fromisocalendar(year, number, 1) - timedelta(days=7)
    return "{:04}-W{:02}".format(*before.isocalendar())


def _month_before(month: str) -> str:
    return _day_before(f"{month}-01")[: len("2026-03")]


_PERIODS: dict[str, Callable[[str], str]] = {
    "day": _day_before,
    "week": _week_before,
    "month": _month_before,
}


def _in_time(by: UsageBy, rows: Sequence[UsageSum]) -> Iterator[Mapping[str, Any]]:
    """All periods from the first to the last, or the 24 hours of a day."""
    known = {row["group"]: row for row in rows}
    if not rows:
        return
    names = [f"{hour:02}:00" for hour in range(24)] if by == "hour" else _backwards(by, rows)[::-1]
    nothing = dict.fromkeys(rows[0], 0) | {"estimated_cost_usd": None, "actual_cost_usd": None}
    for name in names:
        yield known.get(name) or {**nothing, "group": name}


def _backwards(by: UsageBy, rows: Sequence[UsageSum]) -> list[str]:
    def all_of_them() -> Iterator[str]:
        first, name = rows[0]["group"], rows[-1]["group"]
        while name != first:
            yield name
            name = _PERIODS[by](name)
        yield first

    return [*islice(all_of_them(), _MOST_PERIODS)]
