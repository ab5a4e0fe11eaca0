"""What a report of usage sums up: the columns of each group, and the hours that are meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func
from sqlalchemy import cast as as_type

from hermes_store.database.unindexed import unindexed
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.filtering import Shape, conditions
from hermes_store.queries.usage_records import COSTS, COUNTS
from hermes_store.records import UsageSum

__all__ = ["IN_RANGE", "SUMS", "of_sessions", "sum_of", "sums"]

_KEYS = ("sessions", *COUNTS, *COSTS)


def sum_of(name: str) -> ColumnElement[Any]:
    """The sum of a count."""
    return as_type(func.sum(usage.c[name]), BigInteger)  # PostgreSQL's sum is a numeric


SUMS: list[ColumnElement[Any]] = [
    func.count(usage.c.session_id.distinct()),
    *map(sum_of, COUNTS),
    *(func.sum(usage.c[name]) for name in COSTS),
]

IN_RANGE: tuple[ColumnElement[bool], ...] = (
    usage.c.hour >= bindparam("start", type_=BigInteger),
    usage.c.hour < bindparam("beyond", type_=BigInteger),
)
"""A range of the index of hours."""


def of_sessions(found: Select[Any], shape: Shape) -> Select[Any]:
    """Of the records that `found` reads, those of chosen sessions.

    A join takes SQLite two thirds of the time of EXISTS. The records come first: by an index of
    sessions it would read all of a source for each day.
    """
    if not shape:
        return found
    of_record = sessions.c.id == unindexed(usage.c.session_id)
    return found.join_from(usage, sessions, of_record).where(*conditions(shape))


def sums(group: str, row: Iterable[Any]) -> UsageSum:
    """A group, of the values of `SUMS`."""
    named: Any = {"group": group, **dict(zip(_KEYS, row, strict=True))}
    return cast("UsageSum", named)
