"""Tokens and costs of a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.database.sums import SumStatement, whole_sum
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries.filtering import COST, Shape, chosen, conditions
from hermes_store.queries.sessions import require_changed
from hermes_store.queries.usage_records import COSTS, TOKENS
from hermes_store.records import SourceUsage

__all__ = ["by_source", "checked", "record"]

_LATEST = ("cost_status", "cost_source", "pricing_version")
"""Facts of which the last one known counts."""
_FIRST = ("model", "billing_provider", "billing_base_url", "billing_mode")
"""Facts of which the first one known counts."""


def checked(**given: Any) -> dict[str, Any]:
    """The numbers and facts of `record`, as they are stored. Raises `InvalidArgumentError`."""
    check: dict[str, Callable[[str, Any], Any]] = {
        **dict.fromkeys(TOKENS, values.count),
        **dict.fromkeys(COSTS, values.cost),
        **dict.fromkeys(_LATEST + _FIRST, values.optional_text),
    }
    return {name: check[name](name, value) for name, value in given.items()}


def _statement(*, absolute: bool) -> Statement:
    """Set or add the tokens and costs; a cost that is not known leaves the stored one."""
    new: dict[str, Any] = {}
    for name in TOKENS:
        given, stored = _bind(name), sessions.c[name]
        new[name] = given if absolute else func.coalesce(stored, literal_column("0")) + given
    for name in COSTS:
        given, stored = _bind(name), sessions.c[name]
        sum_or_null = given if absolute else func.coalesce(stored, literal_column("0")) + given
        new[name] = func.coalesce(sum_or_null, stored)
    for name in _LATEST:
        new[name] = func.coalesce(_bind(name), sessions.c[name])
    for name in _FIRST:
        new[name] = func.coalesce(sessions.c[name], _bind(name))
    return Statement(update(sessions).where(sessions.c.id == bindparam("session")).values(new))


def _bind(name: str) -> ColumnElement[Any]:
    return bindparam(f"new_{name}", type_=sessions.c[name].type)


_SET = _statement(absolute=True)
_ADD = _statement(absolute=False)


def record(
    connection: OpenConnection, session_id: str, usage: dict[str, Any], *, absolute: bool
) -> None:
    """Add what `checked` gave to a session's figures, or put it in their place."""
    given = {f"new_{name}": value for name, value in usage.items()}
    statement = _SET if absolute else _ADD
    require_changed(statement.run(connection, session=session_id, **given), session_id)


_SUMMED = ("message_count", *TOKENS)


def _sum(name: str) -> ColumnElement[int]:
    return whole_sum(func.coalesce(sessions.c[name], literal_column("0")))


@lru_cache(maxsize=32)
def _by_source(shape: Shape) -> SumStatement:
    source = cast(sessions.c.source, Text)  # another program may have stored bytes
    return SumStatement(
        select(source, func.count(), *map(_sum, _SUMMED), func.sum(COST))
        .where(*conditions(shape))
        .group_by(source)
        .order_by(_sum("message_count").desc(), source)
    )


def by_source(connection: OpenConnection, which: SessionFilter) -> list[SourceUsage]:
    """Sums over the sessions of each source, the one with the most messages first."""
    chosen_ = chosen(connection, which)
    rows = _by_source(chosen_.shape).rows(connection, **chosen_.parameters)
    keys = ("source", "sessions", *_SUMMED, "cost_usd")
    found: list[Any] = [dict(zip(keys, row, strict=True)) for row in rows]
    return found
