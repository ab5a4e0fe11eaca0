"""Values that the column of another database takes: texts, numbers and JSON of any SQLite file."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Float, Integer, Table, Text

from hermes_store import values
from hermes_store.errors import CopyError
from hermes_store.models.stored import names, usage
from hermes_store.queries.periods import BEYOND
from hermes_store.queries.usage_records import COSTS

__all__ = ["NumberColumn", "fitting", "numbers_in_json"]

_GREATEST_WHOLE = 2**63
_TIMES = frozenset(
    {"archived", "ended_at", "first_at", "last_active", "last_at", "started_at", "timestamp"}
)


class NumberColumn(NamedTuple):
    """A column of numbers, and how an export has what it holds: as an import takes it."""

    name: str
    kind: type[float]
    may_be_null: bool | None
    least: float
    beyond: float
    number: Callable[[Any], Any]
    """What gives the number that another value is taken for."""


def fitting(column: Column[Any], keeps_nul: bool) -> Callable[[Any], Any]:
    """Return what gives a value itself, or what of it fits into the column.

    Raises `CopyError` for a type that is not known.
    """
    convert: Callable[[Any], Any]
    least: Any
    if isinstance(column.type, Text):
        convert, least = _text if keeps_nul else _text_without_nul, "unknown"
    elif isinstance(column.type, Integer):
        convert, least = _whole, 0
    elif isinstance(column.type, Float):
        convert, least = _number, 0.0
    elif isinstance(column.type, JSON):
        return _unchanged  # both sides give and take what the text says
    else:
        raise CopyError(
            f"{column.table.name}.{column.name} is of the type {column.type!r}, which copy does "
            "not know",
            "teach hermes_store.transfer.fitting_values how a value of it is written",
        )
    otherwise = None if column.nullable else least
    kept = _KEPT.get(convert)

    def fit(value: Any) -> Any:
        if type(value) is kept:
            return value
        fitting = None if value is None else convert(value)
        return otherwise if fitting is None else fitting

    return fit


def numbers_in_json(table: Table) -> list[NumberColumn]:
    """The columns of numbers of a table."""
    read = {*names(table, "whole"), *names(table, "number")} - {"id"}
    return [_in_json(each) for each in table.columns if each.name in read]


def _in_json(column: Column[Any]) -> NumberColumn:
    least, beyond = _bounds(column)
    fit = fitting(column, keeps_nul=True)

    def number(value: Any) -> Any:
        fitted = fit(value)
        return fitted if fitted is None or least <= fitted < beyond else fit(math.nan)

    kind, may_be_null = column.type.python_type, column.nullable
    return NumberColumn(column.name, kind, may_be_null, least, beyond, number)


def _bounds(column: Column[Any]) -> tuple[float, float]:
    """The least number that an import takes, and what all are less than."""
    is_usage = column.table is usage
    if column.name == "hour":
        return 0, BEYOND
    if isinstance(column.type, Integer):
        return (0 if is_usage else -values.GREATEST_SUM), _GREATEST_WHOLE
    if column.name in _TIMES:
        return 0.0, values.YEAR_10000
    if is_usage and column.name in COSTS:
        return 0.0, math.nextafter(values.MOST_DOLLARS, math.inf)
    return _FINITE  # a column that a program added may hold any number


def _unchanged(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    text = values.read_text(value)
    return text if isinstance(text, str) else str(text)


def _text_without_nul(value: Any) -> str:
    return (value if type(value) is str else _text(value)).replace("\0", "\ufffd")


def _whole(value: Any) -> int | None:
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return whole if -_GREATEST_WHOLE <= whole < _GREATEST_WHOLE else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


_FINITE = (-sys.float_info.max, math.inf)
_KEPT: dict[Callable[[Any], Any], type] = {_text: str, _whole: int}
"""The type of which a column takes every value that a database holds: most are settled by it."""
