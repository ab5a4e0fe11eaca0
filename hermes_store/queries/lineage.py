"""Which sessions belong together: the chain of a conversation, what came before, what goes with it.

A chain is what `link = 'compression'` joins. Other tools write that column, too: two sessions may
continue the same one, and parents may form a circle: `chains.py` says which is followed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    JSON,
    ColumnElement,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.on_servers import either
from hermes_store.database.statements import Statement
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.links import COMPRESSION, DELEGATE
from hermes_store.models.stored import sessions
from hermes_store.queries.chains import Chain, Parts, walk

__all__ = [
    "IS_PART",
    "ancestors",
    "chain_of",
    "chains_of",
    "family",
    "line_of",
    "root_of",
    "tip_of",
    "whole_conversation",
]

IS_PART = sessions.c.link == literal_column(f"'{COMPRESSION}'")
"""Whether a session continues its parent."""
_PART_BEFORE = case((IS_PART, sessions.c.parent_session_id)).label("before")

# --- a conversation -------------------------------------------------------------------------------


def chain_of(connection: OpenConnection, session_id: str) -> Chain:
    """The chain of a session. Raises `SessionNotFoundError`."""
    try:
        return chains_of(connection, [session_id])[session_id]
    except KeyError:
        raise SessionNotFoundError(session_id) from None


def chains_of(
    connection: OpenConnection, ids: Sequence[str], *, without: Collection[str] = ()
) -> dict[str, Chain]:
    """The chains of some sessions, by id; an unknown session has none.

    `without` are sessions that do not count, as before they were stored.
    """
    rows = _PARTS.run(connection, ids=as_parameter(ids)).fetchall()
    parts = Parts(row for row in rows if row[0] not in without)
    return {each: parts.chain(each) for each in ids if each in parts.before}


def tip_of(connection: OpenConnection, session_id: str) -> str:
    """The tip of a session's conversation; of an unknown session itself."""
    found = chains_of(connection, [session_id])
    return found[session_id].tip if found else session_id


def root_of(connection: OpenConnection, session_id: str) -> str:
    """The root of a session's conversation; of an unknown session itself."""
    found = chains_of(connection, [session_id])
    return found[session_id].root if found else session_id


def _select_parts(*, looked_up: bool) -> Select[Any]:
    """Up to the roots, and down from there. UNION ends at a circle."""
    part = (sessions.c.id, _PART_BEFORE)
    of_given = select(*part).where(is_given(sessions.c.id, "ids"))
    if looked_up:
        of_given = _joined(part, _GIVEN, sessions.c.id == _GIVEN.c.value, looked_up)
    up = of_given.cte("up", recursive=True)
    up = up.union(_joined(part, up, sessions.c.id == up.c.before, looked_up))
    chain = select(up.c.id).cte("chain", recursive=True)
    follows = and_(IS_PART, sessions.c.parent_session_id == chain.c.id)
    chain = chain.union(_joined(part[:1], chain, follows, looked_up))
    found = _joined((*part, sessions.c.started_at), chain, sessions.c.id == chain.c.id, looked_up)
    rows = found.subquery()
    return select(rows.c.id, rows.c.before).order_by(rows.c.started_at, rows.c.id)


_GIVEN = func.json_array_elements_text(cast(bindparam("ids", type_=Text), JSON)).table_valued(
    column("value", Text), name="given"
)
"""On PostgreSQL the ids that `as_parameter` made a parameter of."""


def _joined(
    columns: Sequence[Any], to: FromClause, condition: ColumnElement[bool], looked_up: bool
) -> Select[Any]:
    """The sessions that belong to the rows of `to`.

    PostgreSQL expects thousands of them and would read the whole table, each time. It looks them
    up in the index, as SQLite does, when each row has a subquery that cannot be merged.
    """
    if not looked_up:
        return select(*columns).join(to, condition)
    rows = select(*columns).where(condition).offset(literal_column("0")).lateral()
    return select(*rows.c).select_from(to).join(rows, true())


def _statement(make: Callable[..., Select[Any]]) -> Statement:
    """One of sessions that a server looks up."""
    return Statement(either(make(looked_up=False), on_servers=make(looked_up=True)))


_PARTS = _statement(_select_parts)


# --- what came before, and what goes along --------------------------------------------------------


def line_of(parameter: str, *, looked_up: bool = False) -> CTE:
    """A session and its ancestors, each with its parent. UNION ends at a circle."""
    names = (sessions.c.id, sessions.c.parent_session_id)
    first = select(*names).where(sessions.c.id == bindparam(parameter, type_=Text))
    line = first.cte("line", recursive=True)
    is_parent = sessions.c.id == line.c.parent_session_id
    return line.union(_joined(names, line, is_parent, looked_up))


def _select_ancestors(*, looked_up: bool) -> Select[Any]:
    return select(line_of("session", looked_up=looked_up))


_ANCESTORS = _statement(_select_ancestors)


def ancestors(connection: OpenConnection, session_id: str) -> list[str]:
    """The sessions that a session comes from, by whatever link, the first one first."""
    parents = dict(_ANCESTORS.run(connection, session=session_id).fetchall())
    if session_id not in parents:
        raise SessionNotFoundError(session_id)
    return [each for each in walk(session_id, parents.get)[:0:-1] if each in parents]


def _select_whole(*, looked_up: bool) -> Select[Any]:
    root = select(sessions.c.id).where(sessions.c.id == bindparam("root", type_=Text))
    whole = root.cte("whole", recursive=True)
    goes_along = or_(IS_PART, sessions.c.link == literal_column(f"'{DELEGATE}'"))
    below = and_(sessions.c.parent_session_id == whole.c.id, goes_along)
    whole = whole.union(_joined([sessions.c.id], whole, below, looked_up))
    columns = (sessions.c.id, sessions.c.started_at)
    rows = _joined(columns, whole, sessions.c.id == whole.c.id, looked_up).subquery()
    return select(rows.c.id).order_by(rows.c.started_at, rows.c.id)


_WHOLE = _statement(_select_whole)


def _select_family(*, looked_up: bool) -> Select[Any]:
    line = line_of("session", looked_up=looked_up)
    family = select(line.c.id).cte("family", recursive=True)
    below = sessions.c.parent_session_id == family.c.id
    family = family.union(_joined([sessions.c.id], family, below, looked_up))
    return select(family.c.id)


_FAMILY = _statement(_select_family)


def family(connection: OpenConnection, session_id: str) -> list[str]:
    """The ids of all sessions that parents join to a session, in no order.

    Raises `SessionNotFoundError`.
    """
    rows = _FAMILY.run(connection, session=session_id).fetchall()
    if not rows:
        raise SessionNotFoundError(session_id)
    return [row[0] for row in rows]


def whole_conversation(connection: OpenConnection, session_id: str) -> list[str]:
    """The ids of a conversation and of all its delegates: what is deleted and exported together.

    In the order of their begin. Raises `SessionNotFoundError`.
    """
    root = chain_of(connection, session_id).root
    return [row[0] for row in _WHOLE.run(connection, root=root).fetchall()]
