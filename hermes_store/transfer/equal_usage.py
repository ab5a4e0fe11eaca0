"""Records of usage whose texts became equal when they were made to fit: they are added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from hermes_store.models.stored import usage
from hermes_store.values import GREATEST_SUM

__all__ = ["add", "added_up"]

Row = dict[str, Any]
_KEY = [column.name for column in usage.primary_key.columns]
_TIMES = {"first_at", "last_at"}
_SUMS = [column.name for column in usage.columns if column.name not in {*_KEY, *_TIMES}]


def added_up(rows: Iterable[Row], told: Counter[str]) -> Iterator[Row]:
    """Rows in the order of session and hour, one for each key; `told` counts those that went in."""
    for _, of_an_hour in groupby(rows, lambda row: (row["session_id"], row["hour"])):
        found: dict[tuple[Any, ...], Row] = {}
        for row in of_an_hour:
            first = found.setdefault(tuple(row[name] for name in _KEY), row)
            if first is not row:
                add(first, row)
                told["records of usage whose texts became equal, added up"] += 1
        yield from found.values()


def add(first: Row, row: Row) -> None:
    """Add a record to another; a cost that is not known adds nothing."""
    for name in _SUMS:
        known = [each[name] for each in (first, row) if each[name] is not None]
        first[name] = min(sum(known), GREATEST_SUM) if known else None
    first["first_at"] = min(first["first_at"], row["first_at"])
    first["last_at"] = max(first["last_at"], row["last_at"])
