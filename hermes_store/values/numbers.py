"""Checks of counts, times and amounts."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from typing import Any

from hermes_store.errors import InvalidArgumentError
from hermes_store.values.texts import shown

__all__ = [
    "ALL",
    "GREATEST_COUNT",
    "GREATEST_SUM",
    "MOST_DOLLARS",
    "YEAR_10000",
    "cost",
    "count",
    "days_before",
    "length",
    "limit",
    "message_id",
    "now",
    "number",
    "page",
    "seconds",
]

ALL = 2**62
"""The limit that means no limit."""

GREATEST_COUNT = 2**53
"""The greatest count: every reader, JavaScript included, reads integers up to it exactly."""
GREATEST_SUM = 2**63 - 1
"""The greatest whole number that a column holds."""
MOST_DOLLARS = 1e12
"""Sums of such amounts stay finite."""
YEAR_10000 = 253_402_300_800.0
"""No message has this time, or a later one."""
_DAY = 86_400


def message_id(argument: str, value: Any) -> int:
    """The id of a message."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= GREATEST_COUNT:
        return value
    raise InvalidArgumentError(
        argument, f"{shown(value)} is not the id of a message", "give one that the store returned"
    )


def limit(value: Any) -> int:
    """The greatest number of rows; None means no limit."""
    return ALL if value is None else _whole("limit", value)


def page(most: Any, offset: Any) -> dict[str, int]:
    """The two parameters of a page: its greatest number of rows, and the rows before it."""
    return {"limit": limit(most), "offset": _whole("offset", offset)}


def count(argument: str, value: Any) -> int:
    """A number of tokens; None is 0."""
    return 0 if value is None else _whole(argument, value)


def number(argument: str, value: Any) -> float:
    """A finite number."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (OverflowError, ValueError):
            number = math.inf
        if math.isfinite(number):
            return number
    raise InvalidArgumentError(argument, f"{shown(value)} cannot be used", "give a finite number")


def cost(argument: str, value: Any) -> float | None:
    """An amount of US dollars; None is an unknown one."""
    if value is None:
        return None
    dollars = number(argument, value)
    if not 0 <= dollars <= MOST_DOLLARS:
        problem = f"{value!r} is negative" if dollars < 0 else f"{value!r} is too much"
        raise InvalidArgumentError(argument, problem, "give US dollars from 0 to 1e12")
    return dollars


def now() -> float:
    """The time, in Unix epoch seconds."""
    return time.time()


def days_before(argument: str, days: float, moment: float) -> float:
    """A time so many days before one of the clock's; what would be before 1970 is 1970."""
    before = max(moment - days * _DAY, 0.0)
    if before >= YEAR_10000:
        problem = f"{days:g} days ago is beyond the year 9999 by the clock of this machine"
        raise InvalidArgumentError(argument, problem, "set the clock right")
    return before


def seconds(argument: str, value: Any) -> float:
    """A time in Unix epoch seconds; None is now."""
    if value is None:
        return time.time()
    moment = number(argument, value)
    if not 0 <= moment < YEAR_10000:
        raise InvalidArgumentError(
            argument,
            f"{value!r} is not a time between 1970 and the year 9999",
            "give seconds, not milliseconds, since 1970-01-01 UTC",
        )
    return moment


def length(argument: str, value: Any) -> float:
    """How long something lasts, in seconds: more than none, and at most a day."""
    lasts = number(argument, value)
    if not 0 < lasts <= _DAY:
        problem = f"{value!r} is not a length of time that can be used"
        remedy = f"give seconds, more than 0 and at most {_DAY}"
        raise InvalidArgumentError(argument, problem, remedy)
    return lasts


def _whole(argument: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= GREATEST_COUNT:
        return value
    raise InvalidArgumentError(
        argument, f"{shown(value)} cannot be used", "give a whole number from 0 to 2**53"
    )
