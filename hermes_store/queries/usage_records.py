"""What a model and a task of a session used, summed up by the hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, case, func, insert, literal_column, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.database.upserts import Upsert, given
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.models.stored import sessions, usage
from hermes_store.queries.as_text import as_text
from hermes_store.queries.periods import BEYOND, SECONDS_AN_HOUR
from hermes_store.records import UsageRecord
from hermes_store.search.triggers import require_all_stored

__all__ = [
    "CHECKS",
    "COSTS",
    "COUNTS",
    "TEXTS",
    "TOKENS",
    "add",
    "checked",
    "checked_hour",
    "of_session",
    "store",
    "whole_key",
]

TEXTS = ("task", "model", "provider", "base_url", "mode")
TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
COUNTS = ("calls", *TOKENS)
COSTS = ("estimated_cost_usd", "actual_cost_usd")
_MOST_BYTES = 2_400
"""Of the texts of a key: PostgreSQL's index holds no entry of more than about 2,700 bytes."""

_COLUMNS = tuple(column.name for column in usage.columns)
_LISTED = tuple(name for name in _COLUMNS if name != "session_id")
_new = given(usage)


def _known_sum(name: str) -> ColumnElement[Any]:
    """The sum of two costs; of one that is not known, the other."""
    there, more = usage.c[name], _new.c[name]
    return func.coalesce(there + more, there, more)


_CHANGES: dict[str, ColumnElement[Any]] = {
    **{name: usage.c[name] + _new.c[name] for name in COUNTS},
    **{name: _known_sum(name) for name in COSTS},
    "first_at": case((_new.c.first_at < usage.c.first_at, _new.c.first_at), else_=usage.c.first_at),
    "last_at": case((_new.c.last_at > usage.c.last_at, _new.c.last_at), else_=usage.c.last_at),
}
_OF_SESSION = usage.c.session_id == bindparam("session", type_=Text)
_ADD = Statement(Upsert(usage, _CHANGES), columns=_COLUMNS)
_KEEP_SESSION = Statement(
    select(literal_column("1"))
    .where(sessions.c.id == bindparam("session", type_=Text))
    .with_for_update(read=True, key_share=True)  # on a server nobody deletes it meanwhile
)
_GET = Statement(
    select(*(as_text(usage.c[name]) for name in _LISTED))
    .where(_OF_SESSION)
    .order_by(*(usage.c[name] for name in ("hour", *TEXTS)))
)
_NUMBER = Statement(select(func.count()).where(_OF_SESSION))
_IS_THERE = Statement(
    select(func.count()).where(*(each == bindparam(each.name) for each in usage.primary_key))
)


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Texts, counts and costs as they are stored. Raises `InvalidArgumentError`."""
    return {name: check(name, given.get(name)) for name, check in CHECKS.items()}


def _text(argument: str, value: Any) -> str:
    text = values.optional_text(argument, value) or ""
    # A server has no NUL: two records of a file must not have the same key there.
    return values.indexed(argument, text.replace("\0", "\ufffd"))


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(TEXTS, _text),
    **dict.fromkeys(COUNTS, values.count),
    **dict.fromkeys(COSTS, values.cost),
}
"""How each of them is checked, and made what is stored."""


def checked_hour(argument: str, value: Any) -> int:
    """Hours since the epoch, before the year 9955. Raises `InvalidArgumentError`."""
    hour = -1 if value is None else values.count(argument, value)
    if not 0 <= hour < BEYOND:
        problem = f"{value!r} is not an hour before the year 9955"
        raise InvalidArgumentError(argument, problem, "give hours since 1970-01-01 UTC")
    return hour


def whole_key(session_id: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that tell a record from others. Raises `InvalidArgumentError` when too long."""
    texts = tuple(row[name] for name in TEXTS)
    number = sum(len(text.encode()) for text in (session_id, *texts))
    if number > _MOST_BYTES:
        longest = max(TEXTS, key=lambda name: len(row[name].encode()))
        problem = f"is too long: {', '.join(TEXTS)} and the session's id have {number} bytes"
        raise InvalidArgumentError(longest, problem, f"use at most {_MOST_BYTES} altogether")
    return texts


def add(connection: OpenConnection, session_id: str, row: dict[str, Any]) -> None:
    """Add what `checked` gave to the record of this hour. Raises `SessionNotFoundError`."""
    if _KEEP_SESSION.run(connection, session=session_id).fetchone() is None:
        raise SessionNotFoundError(session_id)
    now = values.now()
    at = {"hour": int(now // SECONDS_AN_HOUR), "first_at": now, "last_at": now}
    whole = {"session_id": session_id, **at, **row}
    stored = _ADD.run(connection, **whole).rowcount
    require_all_stored(connection, "the usage", stored, 1, lambda: _is_there(connection, whole))


def _is_there(connection: OpenConnection, row: dict[str, Any]) -> int:
    key = {column.name: row[column.name] for column in usage.primary_key}
    found: int = _IS_THERE.run(connection, **key).fetchone()[0]
    return found


def _number(connection: OpenConnection, session_id: str) -> int:
    found: int = _NUMBER.run(connection, session=session_id).fetchone()[0]
    return found


def of_session(connection: OpenConnection, session_id: str) -> list[UsageRecord]:
    """The records of a session, in the order of their hours."""
    rows = _GET.run(connection, session=session_id).fetchall()
    found: list[Any] = [dict(zip(_LISTED, row, strict=True)) for row in rows]
    return found


def store(connection: OpenConnection, session_id: str, rows: list[dict[str, Any]]) -> None:
    """Store the records of a session that has none."""
    if rows:
        connection.core.execute(insert(usage), [{"session_id": session_id, **row} for row in rows])
        require_all_stored(
            connection,
            f"the usage of session {session_id}",
            _number(connection, session_id),
            len(rows),
            lambda: _number(connection, session_id),
        )
