"""`SessionFilter` as SQL: the one translation, for every statement that chooses sessions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Numeric,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    select,
    true,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.on_servers import bytewise, either, unindexed
from hermes_store.database.statements import Statement
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries import matching
from hermes_store.queries.sessions import ACTIVE, id_range

__all__ = [
    "COST",
    "Among",
    "Chosen",
    "Shape",
    "asked_of",
    "chosen",
    "conditions",
    "of_chosen",
]

Shape = tuple[tuple[str, int | None], ...]
"""What the SQL of a filter depends on: the fields in use, with their form. Names only, no value."""


class Chosen(NamedTuple):
    """A filter as SQL: its shape, which statements are kept by, and its parameters."""

    shape: Shape
    parameters: dict[str, Any]


class Among(NamedTuple):
    """Sessions of which only those are asked for that are among them: fewer than all.

    A statement is kept by the condition, so equal ones must be one object.
    """

    condition: ColumnElement[bool]
    parameters: dict[str, Any]


def chosen(connection: OpenConnection, which: SessionFilter, among: Among | None = None) -> Chosen:
    """Translate a filter. Words of a title are looked for in this snapshot's titles.

    They are looked for in those of sessions that meet the rest of the filter, and are `among`.
    """
    shape: list[tuple[str, int | None]] = []
    parameters: dict[str, Any] = {}
    for name, value in which.given.items():
        if name != "title":
            shape.append((name, _form(connection, name, value)))
            parameters |= _parameters(connection, name, value)
    if which.title is None:
        return Chosen(tuple(shape), parameters)
    titled = _titled(connection, which.title, Chosen(tuple(shape), parameters), among)
    shape.append(("title", 1 if len(titled) >= _MANY else None))
    return Chosen(tuple(shape), parameters | {"titled": as_parameter(titled)})


def _titled(
    connection: OpenConnection, words: str, others: Chosen, among: Among | None
) -> list[str]:
    """The ids of the sessions whose titles hold the words."""
    statement = _titles(others.shape, among.condition if among else None)
    asked = others.parameters | (among.parameters if among else {})
    rows = matching.with_words(connection, statement, words, **asked)
    return [row[0] for row in rows if row[0] is not None]


@lru_cache(maxsize=64)
def _titles(others: Shape, among: ColumnElement[bool] | None) -> Statement:
    of_them = () if among is None else (among,)
    return Statement(matching.TITLES.where(*conditions(others, walking=True), *of_them))


def _form(connection: OpenConnection, name: str, value: Any) -> int | None:
    """Whether a state is asked for or its opposite; the length of a list.

    Of a time of activity, whether every session has one: then it is a range of an index.
    """
    if name in _STATES:
        return int(value)
    if name in _KNOWN:
        return None if _ONE_UNKNOWN.run(connection).fetchone() else 1
    return len(value) if name == "exclude_sources" else None


def _parameters(connection: OpenConnection, name: str, value: Any) -> dict[str, Any]:
    if name in _STATES:
        return {}
    if name == "exclude_sources":
        return {f"excluded_{n}": source for n, source in enumerate(value)}
    if name == "id_prefix":
        return {f"id_{end}": bound for end, bound in id_range(value).items()}
    if name == "cwd_prefix":
        kept = value if connection.backend.keeps_nul else value.replace("\0", "\ufffd")
        return {f"cwd_{end}": bound for end, bound in id_range(kept).items()}
    return {f"asked_{name}": value}


# --- conditions -----------------------------------------------------------------------------------


def _number(name: str) -> ColumnElement[Any]:
    return func.coalesce(sessions.c[name], literal_column("0"))


_TOKENS = either(
    _number("input_tokens") + _number("output_tokens"),
    # PostgreSQL adds no integers beyond 2^63.
    on_servers=cast(_number("input_tokens"), Numeric) + _number("output_tokens"),
)
COST = func.coalesce(
    sessions.c.actual_cost_usd, sessions.c.estimated_cost_usd, literal_column("0.0")
)
"""What a session cost: the actual cost, else the estimated one, else 0."""
_MEASURED = {
    "messages": _number("message_count"),
    "tokens": _TOKENS,
    "cost": COST,
    "tool_calls": _number("tool_call_count"),
}
_TIMES = {"started": sessions.c.started_at, "active": ACTIVE}
_EQUAL = {
    "source": sessions.c.source,
    "model": sessions.c.model,
    "provider": sessions.c.billing_provider,
    "user_id": sessions.c.user_id,
    "key": sessions.c.key,
    "link": sessions.c.link,
}
_STATES: dict[str, tuple[ColumnElement[bool], ColumnElement[bool]]] = {
    "open": (sessions.c.ended_at.is_not(None), sessions.c.ended_at.is_(None)),
    "archived": (sessions.c.archived.is_(None), sessions.c.archived.is_not(None)),
    "pinned": (
        _number("pinned") == literal_column("0"),
        _number("pinned") != literal_column("0"),
    ),
}
"""Of each state the condition for False, and for True."""


def _asked(name: str) -> Any:
    return bindparam(f"asked_{name}")


_CONDITIONS: dict[str, ColumnElement[bool]] = {
    **{name: column == _asked(name) for name, column in _EQUAL.items()},
    **{f"{name}_since": at >= _asked(f"{name}_since") for name, at in _TIMES.items()},
    **{f"{name}_until": at < _asked(f"{name}_until") for name, at in _TIMES.items()},
    **{f"min_{name}": number >= _asked(f"min_{name}") for name, number in _MEASURED.items()},
    **{f"max_{name}": number <= _asked(f"max_{name}") for name, number in _MEASURED.items()},
    "title": is_given(sessions.c.id, "titled"),
    "id_prefix": and_(
        sessions.c.id >= bindparam("id_first"), sessions.c.id < bindparam("id_beyond")
    ),
    # A range, because SQLite's substr() ends at a NUL.
    "cwd_prefix": and_(
        sessions.c.cwd >= bytewise("cwd_first"), sessions.c.cwd < bytewise("cwd_beyond")
    ),
}
_KNOWN: dict[str, ColumnElement[bool]] = {
    "active_since": sessions.c.last_active >= _asked("active_since"),
    "active_until": sessions.c.last_active < _asked("active_until"),
}
_ONE_UNKNOWN = Statement(
    select(literal_column("1")).where(sessions.c.last_active.is_(None)).limit(literal_column("1"))
)
_MANY = 1_000
"""Of so many titles with the words a page is found sooner by walking than by sorting."""
_WALKING: dict[tuple[str, int | None], ColumnElement[bool]] = {
    ("source", None): unindexed(sessions.c.source) == _asked("source"),
    # IS TRUE, because both databases would begin with the titles, and sort what they find.
    ("title", 1): is_given(sessions.c.id, "titled").is_(true()),
}


def conditions(shape: Shape, *, walking: bool = False) -> list[ColumnElement[bool]]:
    """The conditions on `sessions` that a filter of this shape sets.

    A statement that is `walking` finds its page by the index of its order, the newest first. By
    another index SQLite would read and sort all sessions of a source, or many titles, to give the
    newest few.
    """
    asked = [_WALKING.get(field, each) for field, each in zip(shape, asked_of(shape), strict=True)]
    # The original stored sessions without an id, and SQLite keeps them. No caller can ask for them.
    return [sessions.c.id.is_not(None), *(asked if walking else asked_of(shape))]


def asked_of(shape: Shape) -> list[ColumnElement[bool]]:
    """The same, also of sessions without an id."""
    return [_condition(name, form) for name, form in shape]


def of_chosen(session_id: ColumnElement[str], shape: Shape) -> list[ColumnElement[bool]]:
    """The condition that a row of another table belongs to a chosen session."""
    if not shape:
        return []
    return [exists(literal_column("1")).where(sessions.c.id == session_id, *conditions(shape))]


def _condition(name: str, form: int | None) -> ColumnElement[bool]:
    if form is None or name == "title":
        return _CONDITIONS[name]
    if name in _STATES:
        return _STATES[name][form]
    if name in _KNOWN:
        return _KNOWN[name]
    excluded = [bindparam(f"excluded_{n}", type_=Text) for n in range(form)]
    return sessions.c.source.not_in(excluded)
