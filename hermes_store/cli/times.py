"""Times as people write them: 7d, yesterday, 2026-03, 2026-03-01T14:30+02:00."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

__all__ = ["DAYS", "TIME", "ZONE", "parse_days", "parse_time", "parse_zone"]

_UNITS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_UNIT_NAMES = {
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "m": "min", "min": "min", "mins": "min", "minute": "min", "minutes": "min",
    "h": "h", "hour": "h", "hours": "h",
    "d": "d", "day": "d", "days": "d",
    "w": "w", "week": "w", "weeks": "w",
}  # fmt: skip
_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s+ago)?", re.IGNORECASE | re.ASCII)
_YEAR_OR_MONTH = re.compile(r"(\d{4})(?:-(\d{2}))?", re.ASCII)
_EPOCH = re.compile(r"\d{9,}(?:\.\d+)?", re.ASCII)
_LAST_SECOND = 253_402_300_799  # the last of the year 9999
_HOW = "write 7d, yesterday, 2026-03, 2026-03-01, 2026-03-01T14:30 or with a zone …T14:30+02:00"


def parse_time(text: str, now: float | None = None) -> float:
    """Return Unix seconds of what a person wrote; a date is its beginning, in local time.

    Raises `ValueError` whose text says what is wrong.
    """
    at = time.time() if now is None else now
    text = text.strip()
    readings: tuple[float | None, ...] = ()
    with suppress(OverflowError, OSError):  # a year that no clock knows
        readings = (_epoch(text), _named(text, at), _ago(text, at), _date(text))
    for found in readings:
        if found is not None and 0 <= found <= _LAST_SECOND:
            return found
    raise ValueError(f"{text!r} is not a time since 1970; {_HOW}")


def _epoch(text: str) -> float | None:
    if not _EPOCH.fullmatch(text):
        return None
    seconds = float(text)
    if seconds > _LAST_SECOND:
        raise ValueError(
            f"{text} is not a time in seconds; if it is in milliseconds, divide it by 1000"
        )
    return seconds


def _named(text: str, now: float) -> float | None:
    midnight = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ006 - local
    days = {"today": 0, "yesterday": 1}
    if text.lower() == "now":
        return now
    if text.lower() in days:
        return (midnight - timedelta(days=days[text.lower()])).timestamp()
    return None


def _ago(text: str, now: float) -> float | None:
    match = _AGO.fullmatch(text)
    unit = match and _UNIT_NAMES.get(match[2].lower())
    return now - float(match[1]) * _UNITS[unit] if match and unit else None


def _date(text: str) -> float | None:
    if match := _YEAR_OR_MONTH.fullmatch(text):
        text = f"{match[1]}-{match[2] or '01'}-01"
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def parse_days(text: str) -> float:
    """Return days: a number of them, or a length like 12h or 2w. Raises `ValueError`."""
    match = _AGO.fullmatch(text.strip())
    unit = match and _UNIT_NAMES.get(match[2].lower())
    try:
        days = float(match[1]) * _UNITS[unit] / 86_400 if match and unit else float(text)
    except (ValueError, OverflowError):
        days = -1.0
    if not 0 <= days <= _LAST_SECOND / 86_400:
        raise ValueError(f"{text!r} is not a number of days from 0 on; write 30, 12h or 2w")
    return days


def parse_zone(text: str) -> tzinfo:
    """Return a time zone by its name, as the IANA database has it. Raises `ValueError`."""
    if text.upper() == "UTC":
        return UTC  # also where the system has no database of zones
    try:
        return ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        how = "write UTC or a name of the IANA database, such as Europe/Rome"
        raise ValueError(f"{text!r} is not a time zone that this system knows; {how}") from None


class _Parsed(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A value that a function of this file reads."""

    def __init__(self, name: str, parse: Any) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value  # a default
        try:
            return self._parse(value)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)


TIME = _Parsed("time", parse_time)
DAYS = _Parsed("days", parse_days)
ZONE = _Parsed("zone", parse_zone)
