"""Days, weeks, months and hours of the day, as people of a time zone count them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple, cast

__all__ = ["BEYOND", "SECONDS_AN_HOUR", "Ahead", "Period", "Unit", "ahead_of_utc", "period_of"]

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


class Ahead(NamedTuple):
    """How far the clocks of a time zone are ahead of UTC, from an hour on."""

    since: int
    """The hour since the Unix epoch."""
    hours: int
    """Whole hours, rounded down: an hour belongs to the one in which it begins."""


def ahead_of_utc(hours: Iterable[int], zone: tzinfo | None) -> list[Ahead]:
    """How far a zone was ahead at each of `hours`, which are in order; one for all until a change.

    Without a zone, by the local time of the machine.
    """
    found: list[Ahead] = []
    for hour in hours:
        moment = datetime.fromtimestamp(hour * SECONDS_AN_HOUR, UTC).astimezone(zone)
        whole = cast("timedelta", moment.utcoffset()) // timedelta(hours=1)
        if not found or found[-1].hours != whole:
            found.append(Ahead(hour, whole))
    return found
