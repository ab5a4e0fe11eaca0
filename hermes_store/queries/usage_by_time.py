"""Sums of usage by day, week and month.

A period is one range of an index: its sessions are told apart by the database, and only the
program knows when a day of a time zone ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    true,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.on_servers import unindexed
from hermes_store.database.postgresql_plans import planned_each_time
from hermes_store.database.statements import Statement
from hermes_store.database.sums import SumStatement
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.filtering import Chosen, Shape, conditions
from hermes_store.queries.periods import Period, Unit, periods_back
from hermes_store.queries.usage_sums import IN_RANGE, SUMS, are_few, of_sessions, sums
from hermes_store.records import UsageSum

__all__ = ["by_time", "ends_of"]

_AT_ONCE = 1_000
"""Periods that are asked for before the next look where the last record is: there may be gaps."""


def by_time(
    connection: OpenConnection, unit: Unit, meant: Chosen, zone: tzinfo | None, last: int | None
) -> list[UsageSum]:
    """Sums of each period that has records, in their order; at most the `last` ones."""
    at_once = min(last or _AT_ONCE, _AT_ONCE)
    return [*islice(_newest_first(connection, unit, meant, zone, at_once), last)][::-1]


def _newest_first(
    connection: OpenConnection, unit: Unit, meant: Chosen, zone: tzinfo | None, at_once: int
) -> Iterator[UsageSum]:
    shape, given = meant
    if connection.backend.is_server:
        asked = _together
    else:
        asked = _in_order if "title" in dict(shape) else _each
    while ends := ends_of(connection, shape, given):
        periods = _between(*ends, unit, zone, at_once)
        for period, row in asked(connection, shape, given, periods):
            if row[0]:
                yield sums(period.name, row)
        given = given | {"beyond": periods[-1].start}


def _between(first: int, last: int, unit: Unit, zone: tzinfo | None, most: int) -> list[Period]:
    """The periods that hold hours from the first to the last, the newest first."""
    following = takewhile(lambda period: period.end > first, periods_back(last, unit, zone))
    return [*islice(following, most)]


def ends_of(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], *, behind: int = 0
) -> tuple[int, int] | None:
    """An hour that no record is before, and that of the last record; None without records.

    The last one is `behind` so many of the newest. Of an hour and a half, as other programs may
    store, the whole hour counts.
    """
    found = _ends(shape).run(connection, **given, behind=behind).fetchone()
    return None if found is None else (max(int(found[1]), given["start"]), int(found[0]))


@lru_cache(maxsize=64)
def _ends(shape: Shape) -> Statement:
    """The last hour of the chosen records, and the first of all: neither takes a sort."""
    every = usage.alias("every")
    first = select(func.min(every.c.hour)).scalar_subquery()
    hours = of_sessions(select(usage.c.hour, first).where(*IN_RANGE), shape)
    last = hours.order_by(usage.c.hour.desc()).limit(literal_column("1"))
    return Statement(last.offset(bindparam("behind", type_=BigInteger)))


_Rows = Iterable[tuple[Period, Sequence[Any]]]


def _ends_within(period: Period, given: dict[str, Any]) -> tuple[int, int]:
    """The hours of a period that are asked for."""
    return max(period.start, given["start"]), min(period.end, given["beyond"])


@lru_cache(maxsize=64)
def _period(shape: Shape) -> SumStatement:
    return SumStatement(of_sessions(select(*SUMS).where(*IN_RANGE), shape))


def _each(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], periods: list[Period]
) -> _Rows:
    """A statement for each period: in a file that costs less than to group."""
    statement = _period(shape)
    for period in periods:
        start, beyond = _ends_within(period, given)
        [row] = statement.rows(connection, **given | {"start": start, "beyond": beyond})
        yield period, row


def _in_order(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], periods: list[Period]
) -> _Rows:
    """One statement for all periods: it reads a long list of ids once."""
    ends = [_ends_within(period, given) for period in periods]
    rows = _listed(shape).rows(connection, **given, ranges=json.dumps(ends))
    return [(periods[place], row) for place, *row in rows]


@lru_cache(maxsize=64)
def _listed(shape: Shape) -> SumStatement:
    """Reads each range by the index of hours."""
    ranges = func.json_each(bindparam("ranges", type_=Text)).table_valued("key", "value")
    start, beyond = (func.json_extract(ranges.c.value, f"$[{end}]") for end in (0, 1))
    of_it = and_(usage.c.hour >= start, usage.c.hour < beyond)
    of_record = sessions.c.id == unindexed(usage.c.session_id)
    tables = ranges.join(usage, of_it).join(sessions, of_record)
    found = select(ranges.c.key, *SUMS).select_from(tables).where(*conditions(shape))
    return SumStatement(found.group_by(ranges.c.key).order_by(ranges.c.key))


# --- on a server, where each statement is a way there and back ------------------------------------


def _together(
    connection: OpenConnection, shape: Shape, given: dict[str, Any], periods: list[Period]
) -> _Rows:
    """One statement for all periods, planned for how many there are."""
    starts, ends = zip(*(_ends_within(each, given) for each in reversed(periods)), strict=True)
    of_them = given | {"start": starts[0], "beyond": ends[-1]}
    of_them |= {"starts": [*starts], "ends": [*ends]}
    few = are_few(connection, shape, of_them)
    with planned_each_time(connection):
        rows = (_grouped(shape, few) if shape else _RANGES).run(connection, **of_them).fetchall()
    return [(periods[-place], row) for place, *row in sorted(rows, reverse=True)]


_STARTS, _ENDS = (bindparam(name, type_=ARRAY(BigInteger)) for name in ("starts", "ends"))


@lru_cache(maxsize=64)
def _grouped(shape: Shape, few: bool) -> Statement:
    """Reads all records at once, so that the chosen sessions are looked up together."""
    place = func.width_bucket(usage.c.hour, _STARTS).label("place")
    found = select(place, *SUMS).where(*IN_RANGE).group_by(place)
    return Statement(of_sessions(found, shape, one_by_one=few))


def _ranges() -> Statement:
    """Reads each period by the index, so that records need not be sorted."""
    columns = func.unnest(_STARTS, _ENDS).table_valued("start", "beyond", with_ordinality="place")
    ranges = columns.render_derived(name="ranges")
    of_it = usage.c.hour >= ranges.c.start, usage.c.hour < ranges.c.beyond
    found = select(*SUMS).where(*of_it).lateral()
    return Statement(select(ranges.c.place, *found.c).join_from(ranges, found, true()))


_RANGES = _ranges()
