"""Add to a session of another program's logs what came since the last import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.models.stored import messages, sessions, usage
from hermes_store.queries import usage_records
from hermes_store.queries.appends import append_many
from hermes_store.queries.recount import lock
from hermes_store.queries.rows import NewRow
from hermes_store.queries.sessions import get, id_range
from hermes_store.queries.usage_records import TOKENS
from hermes_store.transfer.parsing import ParsedSession, slices

__all__ = ["grow", "sessions_of_messages"]

_SUMS = (*TOKENS, "api_call_count")


def grow(session: ParsedSession, write: Callable[..., Any]) -> int:
    """Store the messages that a session lacks, by their external ids; return how many.

    A session of another source with the same id stays as it is.
    """
    if not write(_is_the_same, session):
        return 0
    added = 0
    for some in slices(session.columns, session.given):
        added += write(_add, session, some)
    return added


def _is_the_same(connection: OpenConnection, session: ParsedSession) -> bool:
    there = get(connection, session.columns["id"])
    return there is not None and there["source"] == session.columns["source"]


def _add(connection: OpenConnection, session: ParsedSession, rows: list[NewRow]) -> int:
    """Compacted and rewound messages count as there: their ids are asked for in every state."""
    session_id = session.columns["id"]
    lock(connection, session_id)  # another import may add the same ones
    given = [row.columns["external_id"] for row in rows]
    held = select(messages.c.external_id).where(
        messages.c.session_id == session_id, is_given(messages.c.external_id, "ids")
    )
    known = set(connection.core.execute(held, {"ids": as_parameter(given)}).scalars())
    new = [row for row in rows if row.columns["external_id"] not in known]
    if new:
        append_many(connection, session_id, new)
        _sum_up(connection, session)  # here: an import that is killed now finds nothing new later
    return len(new)


def _sum_up(connection: OpenConnection, session: ParsedSession) -> None:
    """Give a session its later end, and what all its calls used, unless more was used here."""
    columns, session_id = session.columns, session.columns["id"]
    ended = update(sessions).where(
        sessions.c.id == session_id, sessions.c.ended_at < columns["ended_at"]
    )
    connection.core.execute(ended.values(ended_at=columns["ended_at"]))
    if not session.usage:
        return
    sums = {name: columns[name] for name in _SUMS}
    no_more = [func.coalesce(sessions.c[name], 0) <= most for name, most in sums.items()]
    calls = select(func.coalesce(func.sum(usage.c.calls), 0)).where(
        usage.c.session_id == session_id
    )
    no_more.append(calls.scalar_subquery() <= sums["api_call_count"])
    used = update(sessions).where(sessions.c.id == session_id, *no_more).values(sums)
    if connection.core.execute(used).rowcount:
        connection.core.execute(delete(usage).where(usage.c.session_id == session_id))
        usage_records.store(connection, session_id, session.usage)


_OF_TREE = (
    select(messages.c.external_id, messages.c.session_id, sessions.c.source)
    .join(sessions, sessions.c.id == messages.c.session_id)
    .where(
        # A range of the primary key; of a source there may be thousands of sessions.
        sessions.c.id >= bindparam("tree"),
        sessions.c.id < bindparam("beyond"),
        or_(sessions.c.id == bindparam("tree"), sessions.c.id >= bindparam("first")),
        messages.c.external_id.is_not(None),
    )
    .order_by(func.length(sessions.c.id).desc())
)


def sessions_of_messages(connection: OpenConnection, source: str, tree: str) -> dict[str, str]:
    """The session of each stored message of a conversation with branches, by external id."""
    rows = connection.core.execute(_OF_TREE, {"tree": tree, **id_range(f"{tree}/")})
    return {own: session_id for own, session_id, of in rows if of == source}
