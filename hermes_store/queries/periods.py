"""Days, weeks and months, as people of a time zone count them."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal, NamedTuple

__all__ = ["BEYOND", "SECONDS_AN_HOUR", "Period", "Unit", "period_of"]

Unit = Literal["day", "week", "month"]
SECONDS_AN_HOUR = 3_600
BEYOND = 70_000_000
"""Hours since the Unix epoch: a record's hour is less, so that every zone has a date for it."""


class Period(NamedTuple):
    """A day, a week or a month."""

    name: str
    """2026-03-01, 2026-W09 or 2026-03."""
    end: int
    """The first hour since the Unix epoch that begins in the next period."""


def period_of(hour: int, unit: Unit, zone: tzinfo | None) -> Period:
    """The period in which an hour begins; without a zone, by the local time of the machine.

    An hour that lies in two days, in a zone of half hours, belongs to the one in which it begins.
    """
    day = datetime.fromtimestamp(hour * SECONDS_AN_HOUR, zone).date()
    name, following = _named(day, unit)
    midnight = datetime.combine(following, time(), zone)
    return Period(name, math.ceil(midnight.timestamp() / SECONDS_AN_HOUR))


def _named(day: date, unit: Unit) -> tuple[str, date]:
    """The name of the period of a day, and the first day of the next period."""
    if unit == "day":
        return day.isoformat(), day + timedelta(days=1)
    if unit == "month":
        return f"{day:%Y-%m}", (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    year, week, weekday = day.isocalendar()
    return f"{year:04}-W{week:02}", day + timedelta(days=8 - weekday)
