"""What a report of usage sums up: the columns of each group, and the hours that are meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal_column, select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.on_servers import unindexed
from hermes_store.database.statements import Statement
from hermes_store.database.sums import whole_sum
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.filtering import Shape, conditions
from hermes_store.queries.usage_records import COSTS, COUNTS
from hermes_store.records import UsageSum

__all__ = ["IN_RANGE", "SUMS", "are_few", "of_sessions", "sums"]

_KEYS = ("sessions", *COUNTS, *COSTS)


SUMS: list[ColumnElement[Any]] = [
    func.count(usage.c.session_id.distinct()),
    *(whole_sum(usage.c[name]) for name in COUNTS),
    *(func.sum(usage.c[name]) for name in COSTS),
]

IN_RANGE: tuple[ColumnElement[bool], ...] = (
    usage.c.hour >= bindparam("start", type_=BigInteger),
    usage.c.hour < bindparam("beyond", type_=BigInteger),
)
"""A range of the index of hours."""


def of_sessions(found: Select[Any], shape: Shape, *, one_by_one: bool = False) -> Select[Any]:
    """Of the records that `found` reads, those of chosen sessions.

    A join takes SQLite two thirds of the time of EXISTS. The records come first: by an index of
    sessions it would read all of a source for each day. PostgreSQL would read all sessions for a
    join with more than some 2,000 records: `one_by_one` it looks each up.
    """
    if not shape:
        return found
    if one_by_one:
        its: Select[Any] = select(literal_column("1")).where(sessions.c.id == usage.c.session_id)
        one = its.where(*conditions(shape)).limit(literal_column("1")).correlate(usage)
        return found.where(one.scalar_subquery().is_not(None))
    of_record = sessions.c.id == unindexed(usage.c.session_id)
    return found.join_from(usage, sessions, of_record).where(*conditions(shape))


_FEW = 12_000
_FIRST: Select[Any] = (
    select(literal_column("1")).where(*IN_RANGE).limit(literal_column(str(_FEW + 1)))
)
_NUMBER = Statement(select(func.count()).select_from(_FIRST.subquery("few")))


def are_few(connection: OpenConnection, shape: Shape, given: Mapping[str, Any]) -> bool:
    """Whether the sessions of the records are to be looked up one by one.

    Not where they are chosen by words of titles: then there is a list of them.
    """
    if not (connection.backend.weighs_joins and shape) or "title" in dict(shape):
        return False
    hours = {name: given[name] for name in ("start", "beyond")}
    number: int = _NUMBER.run(connection, **hours).fetchone()[0]
    return number <= _FEW


def sums(group: str, row: Iterable[Any]) -> UsageSum:
    """A group, of the values of `SUMS`."""
    named: Any = {"group": group, **dict(zip(_KEYS, row, strict=True))}
    return cast("UsageSum", named)
