"""Days, weeks, months and hours of the day, as people of a time zone count them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

__all__ = ["BEYOND", "SECONDS_AN_HOUR", "Ahead", "Period", "Unit", "ahead_of_utc", "periods_back"]

Unit = Literal["day", "week", "month"]
SECONDS_AN_HOUR = 3_600
_LONGEST: dict[Unit, timedelta] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}
_HOURS_A_DAY = 24
_MOST_AHEAD = 26
"""Hours: no clock is so far from UTC."""
_ONE_CHANGE = 6 * _HOURS_A_DAY
"""Hours in which a zone changes its clocks once at most: since 1970 a week has been the least."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - compared with local times
BEYOND = 70_000_000
"""Hours since the Unix epoch: a record's hour is less, so that every zone has a date for it."""


class Period(NamedTuple):
    """A day, a week or a month, as hours since the Unix epoch."""

    name: str
    """2026-03-01, 2026-W09 or 2026-03."""
    start: int
    """The first hour that begins in it."""
    end: int
    """The first hour that begins in the next period."""


def periods_back(hour: int, unit: Unit, zone: tzinfo | None) -> Iterator[Period]:
    """The period in which an hour begins, then those before it, without end.

    Without a zone, by the local time of the machine. An hour that lies in two days, in a zone of
    half hours, belongs to the one in which it begins. Where clocks go back over midnight, a day
    ends when it ends for the last time. A day that a zone has skipped is left out.
    """
    first_day = _first_day(_local(hour, zone).date(), unit)
    end = _first_hour(_first_day(first_day + _LONGEST[unit], unit), zone)
    while True:
        start = _first_hour(first_day, zone)
        if start <= hour and start < end:
            yield Period(_name(first_day, unit), start, end)
        first_day, end = _first_day(first_day - timedelta(days=1), unit), start


def _first_hour(day: date, zone: tzinfo | None) -> int:
    """The hour after the last one that begins before a day."""
    midnight = (day - _EPOCH.date()).days * _HOURS_A_DAY
    earliest, latest = max(midnight - _MOST_AHEAD, 0), max(midnight + _MOST_AHEAD, 0)
    ahead = _ahead(earliest, zone)
    if ahead == _ahead(latest, zone):  # one change at most would lie between
        return -((ahead - timedelta(hours=midnight)) // timedelta(hours=1))
    return next(
        (hour for hour in range(latest, earliest, -1) if _local(hour - 1, zone).date() < day),
        earliest,
    )


def _local(hour: int, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(hour * SECONDS_AN_HOUR, zone).replace(tzinfo=None)


def _ahead(hour: int, zone: tzinfo | None) -> timedelta:
    return _local(hour, zone) - _EPOCH - timedelta(hours=hour)


def _first_day(day: date, unit: Unit) -> date:
    if unit == "day":
        return day
    return day.replace(day=1) if unit == "month" else day - timedelta(days=day.weekday())


def _name(first_day: date, unit: Unit) -> str:
    if unit == "day":
        return first_day.isoformat()
    if unit == "month":
        return f"{first_day:%Y-%m}"
    year, week, _ = first_day.isocalendar()
    return f"{year:04}-W{week:02}"


class Ahead(NamedTuple):
    """How far the clocks of a time zone are ahead of UTC, from an hour on."""

    since: int
    """The hour since the Unix epoch."""
    hours: int
    """Whole hours, rounded down: an hour belongs to the one in which it begins."""


def ahead_of_utc(first: int, last: int, zone: tzinfo | None) -> list[Ahead]:
    """How far a zone is ahead from the first hour on, and from each change until the last one.

    Without a zone, by the local time of the machine.
    """

    def whole_hours(hour: int) -> int:
        return _ahead(hour, zone) // timedelta(hours=1)

    found = [Ahead(first, whole_hours(first))]
    for start in range(first, last, _ONE_CHANGE):
        some = range(start + 1, min(start + _ONE_CHANGE, last) + 1)
        before = found[-1].hours
        if whole_hours(some[-1]) != before:
            since = some[bisect_left(some, True, key=lambda hour: whole_hours(hour) != before)]
            found.append(Ahead(since, whole_hours(since)))
    return found
