"""Days, weeks and months, as people of a time zone count them."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

__all__ = ["BEYOND", "SECONDS_AN_HOUR", "Period", "Unit", "period_of"]

Unit = Literal["day", "week", "month"]
SECONDS_AN_HOUR = 3_600
_MOST_HOURS: dict[Unit, int] = {"day": 50, "week": 7 * 24 + 26, "month": 31 * 24 + 26}
"""No period is longer, even where clocks or calendars are set back a day."""
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
    Where clocks go back over midnight, a day ends when it ends for the last time.
    """
    name = _name(hour, unit, zone)
    end = hour + _MOST_HOURS[unit]
    while _name(end - 1, unit, zone) != name:
        end -= 1
    return Period(name, end)


def _name(hour: int, unit: Unit, zone: tzinfo | None) -> str:
    day = datetime.fromtimestamp(hour * SECONDS_AN_HOUR, zone).date()
    if unit == "day":
        return day.isoformat()
    if unit == "month":
        return f"{day:%Y-%m}"
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"
