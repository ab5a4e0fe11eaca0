"""Sums over the records of usage: by time, by what a record says, or by its session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple, cast, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy import cast as as_type

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.filtering import Shape, chosen, conditions, of_chosen
from hermes_store.queries.periods import BEYOND, SECONDS_AN_HOUR, Unit, ahead_of_utc, period_of
from hermes_store.queries.tool_calls import calls_by_tool
from hermes_store.queries.usage_records import COSTS, COUNTS
from hermes_store.records import UsageBy, UsageSum

__all__ = ["ALWAYS", "Used", "checked", "report"]

_TIMES = get_args(Unit)
_GROUPS: dict[str, ColumnElement[Any]] = {
    "model": usage.c.model,
    "provider": usage.c.provider,
    "source": sessions.c.source,
    "user": func.coalesce(sessions.c.user_id, literal_column("''")),
    "task": usage.c.task,
}
_TEXTS = {by: as_type(group, Text) for by, group in _GROUPS.items()}  # others may store bytes
_OF_SESSIONS = ("source", "user")
_KEYS = ("sessions", *COUNTS, *COSTS)


def checked(by: Any) -> UsageBy:
    """What to group by. Raises `InvalidArgumentError`."""
    for known in get_args(UsageBy):
        if by == known:
            return cast("UsageBy", known)
    raise InvalidArgumentError(
        "by", f"{by!r} is not known", f"use one of {', '.join(get_args(UsageBy))}"
    )


class Used(NamedTuple):
    """When it was used, in Unix seconds; None is no bound."""

    since: float | None = None
    until: float | None = None

    def hours(self) -> dict[str, int]:
        """The bounds as parameters: hours that begin between them."""
        return {
            "start": 0 if self.since is None else ceil(self.since / SECONDS_AN_HOUR),
            "beyond": BEYOND if self.until is None else ceil(self.until / SECONDS_AN_HOUR),
        }


ALWAYS = Used()


def report(
    connection: OpenConnection,
    by: UsageBy,
    which: SessionFilter,
    zone: tzinfo | None,
    used: Used = ALWAYS,
) -> list[UsageSum]:
    """Sums of each group: times and hours in their order, else the most tokens first."""
    meant = chosen(connection, which)
    if by == "tool":
        return [_of_tool(*found) for found in calls_by_tool(connection, meant, *used)]
    given = {**meant.parameters, **used.hours()}
    if by in _TIMES:
        return list(_by_time(connection, cast("Unit", by), meant.shape, given, zone))
    if by == "hour":
        return list(_by_hour_of_day(connection, meant.shape, given, zone))
    if used == ALWAYS:
        given = meant.parameters
    rows = _by_text(by, meant.shape, used != ALWAYS).run(connection, **given)
    return [_sums(group, row) for group, *row in rows.fetchall()]


def _sums(group: str, row: Any) -> UsageSum:
    named: Any = {"group": group, **dict(zip(_KEYS, row, strict=True))}
    return cast("UsageSum", named)


def _of_tool(tool: str, sessions_of_it: int, calls: int) -> UsageSum:
    """No provider says which tool used which tokens."""
    nothing = [0] * (len(COUNTS) - 1)
    return _sums(tool, [sessions_of_it, calls, *nothing, None, None])


def _sum(name: str) -> ColumnElement[Any]:
    return as_type(func.sum(usage.c[name]), BigInteger)  # PostgreSQL's sum is a numeric


_SUMS: list[ColumnElement[Any]] = [
    func.count(usage.c.session_id.distinct()),
    *map(_sum, COUNTS),
    *(func.sum(usage.c[name]) for name in COSTS),
]


@lru_cache(maxsize=64)
def _by_text(by: UsageBy, shape: Shape, bounded: bool) -> Statement:
    group = _TEXTS[by]
    tokens = _sum("input_tokens") + _sum("output_tokens")
    sums = select(group, *_SUMS).group_by(group).order_by(tokens.desc(), group)
    if bounded:
        sums = sums.where(_START, _BEFORE_END)
    if by in _OF_SESSIONS:
        joined = sums.join_from(usage, sessions, usage.c.session_id == sessions.c.id)
        return Statement(joined.where(*conditions(shape)))
    return Statement(sums.where(*of_chosen(usage.c.session_id, shape)))


# A period is one range of an index: its sessions are told apart by the database, and only the
# program knows when a day of a time zone ends.
_START = usage.c.hour >= bindparam("start", type_=BigInteger)
_BEFORE_END = usage.c.hour < bindparam("beyond", type_=BigInteger)


@lru_cache(maxsize=64)
def _first(shape: Shape) -> Statement:
    hours = select(usage.c.hour).where(_START, _BEFORE_END, *of_chosen(usage.c.session_id, shape))
    return Statement(hours.order_by(usage.c.hour).limit(literal_column("1")))


@lru_cache(maxsize=64)
def _period(shape: Shape) -> Statement:
    meant = of_chosen(usage.c.session_id, shape)
    return Statement(select(*_SUMS).where(_START, _BEFORE_END, *meant))


def _by_time(
    connection: OpenConnection,
    unit: Unit,
    shape: Shape,
    given: dict[str, Any],
    zone: tzinfo | None,
) -> Iterator[UsageSum]:
    first_hour, sums_of = _first(shape), _period(shape)
    while (first := first_hour.run(connection, **given).fetchone()) is not None:
        period = period_of(first[0], unit, zone)
        of_it = given | {"start": first[0], "beyond": min(period.end, given["beyond"])}
        yield _sums(period.name, sums_of.run(connection, **of_it).fetchone())
        given = given | {"start": period.end}


@lru_cache(maxsize=64)
def _hours(shape: Shape) -> Statement:
    meant = of_chosen(usage.c.session_id, shape)
    return Statement(
        select(usage.c.hour).distinct().where(_START, _BEFORE_END, *meant).order_by(usage.c.hour)
    )


@lru_cache(maxsize=64)
def _of_hours(shape: Shape, changes: int) -> Statement:
    """Sums for each hour of the day, in a zone whose clocks were changed so often."""
    ahead: ColumnElement[Any] = bindparam("ahead_0", type_=BigInteger)
    if changes:
        since = [(_number(f"since_{n}"), _number(f"ahead_{n}")) for n in range(changes, 0, -1)]
        ahead = case(*((usage.c.hour >= hour, hours) for hour, hours in since), else_=ahead)
    hours_a_day: ColumnElement[Any] = literal_column("24", BigInteger)
    local = usage.c.hour + ahead
    of_day = (local - local // hours_a_day * hours_a_day).label("of_day")
    meant = of_chosen(usage.c.session_id, shape)
    sums = select(of_day, *_SUMS).where(_START, _BEFORE_END, *meant)
    return Statement(sums.group_by("of_day").order_by("of_day"))


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


def _by_hour_of_day(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], zone: tzinfo | None
) -> Iterator[UsageSum]:
    rows = _hours(shape).run(connection, **given).fetchall()
    changes = ahead_of_utc((row[0] for row in rows), zone)
    if not changes:
        return
    since = {f"since_{n}": each.since for n, each in enumerate(changes) if n}
    ahead = {f"ahead_{n}": each.hours for n, each in enumerate(changes)}
    found = _of_hours(shape, len(changes) - 1).run(connection, **given, **since, **ahead)
    for hour, *row in found.fetchall():
        yield _sums(f"{hour:02}:00", row)
