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
    Numeric,
    Text,
    any_,
    bindparam,
    case,
    func,
    literal_column,
    select,
)
from sqlalchemy import cast as as_type

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.on_servers import either
from hermes_store.database.sums import SumStatement, whole_sum
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.filtering import Among, Shape, chosen, conditions
from hermes_store.queries.periods import BEYOND, SECONDS_AN_HOUR, Unit, ahead_of_utc
from hermes_store.queries.tool_calls import calls_by_tool
from hermes_store.queries.usage_by_time import by_time, ends_of
from hermes_store.queries.usage_records import COUNTS
from hermes_store.queries.usage_sums import IN_RANGE, SUMS, are_few, of_sessions, sums
from hermes_store.records import UsageBy, UsageSum

__all__ = ["Used", "checked", "checked_last", "report", "since_newest"]

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


def checked(by: Any) -> UsageBy:
    """What to group by. Raises `InvalidArgumentError`."""
    return cast("UsageBy", values.one_of("by", by, get_args(UsageBy)))


def checked_last(by: UsageBy, last: Any) -> int | None:
    """How many periods are meant; None is all. Raises `InvalidArgumentError`."""
    if last is not None and by not in _TIMES:
        problem = f"of groups by {by} none is the last"
        raise InvalidArgumentError("last", problem, f"leave it out, or use {', '.join(_TIMES)}")
    return None if last is None else values.count("last", last)


class Used(NamedTuple):
    """When it was used, in Unix seconds; None is no bound."""

    since: float | None = None
    until: float | None = None
    last: int | None = None
    """How many days, weeks or months at most: the last ones."""

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
    used: Used,
) -> list[UsageSum]:
    """Sums of each group: times and hours in their order, else the most tokens first."""
    if by == "tool":
        meant = chosen(connection, which)
        return [
            _of_tool(*found) for found in calls_by_tool(connection, meant, used.since, used.until)
        ]
    meant = chosen(connection, which, _of_used(used))
    given = {**meant.parameters, **used.hours()}
    if by in _TIMES:
        meant = meant._replace(parameters=given)
        return by_time(connection, cast("Unit", by), meant, zone, used.last)
    if by == "hour":
        return list(_by_hour_of_day(connection, meant.shape, given, zone))
    if used == ALWAYS:
        given = meant.parameters
    few = used != ALWAYS and are_few(connection, meant.shape, given)
    rows = _by_text(by, meant.shape, used != ALWAYS, few).rows(connection, **given)
    return [sums(group, row) for group, *row in rows]


_IDS = select(usage.c.session_id).where(*IN_RANGE)
_HAVE_RECORDS = either(
    sessions.c.id.in_(_IDS),
    # As an array, because PostgreSQL would read all titles to compare some thousand.
    on_servers=sessions.c.id == any_(func.array(_IDS.scalar_subquery())),
)


def _of_used(used: Used) -> Among | None:
    """The sessions with records of a time that has a begin: of all times, most have some."""
    return None if used.since is None else Among(_HAVE_RECORDS, used.hours())


def since_newest(connection: OpenConnection, records: int) -> float | None:
    """When the hour begins of the oldest of the newest records; None where none is older."""
    ends = ends_of(connection, (), ALWAYS.hours(), behind=records)
    if ends is None or ends[0] == ends[1]:
        return None
    return float(ends[1] * SECONDS_AN_HOUR)


def _of_tool(tool: str, sessions_of_it: int, calls: int) -> UsageSum:
    """No provider says which tool used which tokens."""
    nothing = [0] * (len(COUNTS) - 1)
    return sums(tool, [sessions_of_it, calls, *nothing, None, None])


@lru_cache(maxsize=64)
def _by_text(by: UsageBy, shape: Shape, bounded: bool, few: bool) -> SumStatement:
    group = _TEXTS[by]
    input_, output = (whole_sum(usage.c[f"{kind}_tokens"]) for kind in ("input", "output"))
    tokens = as_type(input_, Numeric) + output  # PostgreSQL adds no integers beyond 2^63
    found = select(group, *SUMS).group_by(group).order_by(tokens.desc(), group)
    if bounded:
        found = found.where(*IN_RANGE)
    if by in _OF_SESSIONS:
        joined = found.join_from(usage, sessions, usage.c.session_id == sessions.c.id)
        return SumStatement(joined.where(*conditions(shape)))
    return SumStatement(of_sessions(found, shape, one_by_one=few))


@lru_cache(maxsize=64)
def _of_hours(shape: Shape, changes: int) -> SumStatement:
    """Sums for each hour of the day, in a zone whose clocks were changed so often."""
    ahead: ColumnElement[Any] = bindparam("ahead_0", type_=BigInteger)
    if changes:
        since = [(_number(f"since_{n}"), _number(f"ahead_{n}")) for n in range(changes, 0, -1)]
        ahead = case(*((usage.c.hour >= hour, hours) for hour, hours in since), else_=ahead)
    hours_a_day: ColumnElement[Any] = literal_column("24", BigInteger)
    local = as_type(usage.c.hour + ahead, BigInteger)  # others may store half an hour
    of_day = (local - local // hours_a_day * hours_a_day).label("of_day")
    found = select(of_day, *SUMS).where(*IN_RANGE).group_by("of_day").order_by("of_day")
    return SumStatement(of_sessions(found, shape))


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


def _by_hour_of_day(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], zone: tzinfo | None
) -> Iterator[UsageSum]:
    ends = ends_of(connection, shape, given)
    if ends is None:
        return
    changes = ahead_of_utc(*ends, zone)
    since = {f"since_{n}": each.since for n, each in enumerate(changes) if n}
    ahead = {f"ahead_{n}": each.hours for n, each in enumerate(changes)}
    found = _of_hours(shape, len(changes) - 1).rows(connection, **given, **since, **ahead)
    for hour, *row in found:
        yield sums(f"{hour:02}:00", row)
