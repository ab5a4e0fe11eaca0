"""A long session is stored in slices, each a transaction, so that other processes write, too.

Until the last slice is stored the session is open and its end_reason is "importing". An import
that finds such a session goes on after the messages that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import func, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages, sessions
from hermes_store.queries.rows import NewRow
from hermes_store.records import ImportResult
from hermes_store.transfer.parsing import ParsedSession, slices
from hermes_store.transfer.storing import (
    UNFINISHED,
    WHOLE,
    Imported,
    are_free,
    begin,
    ids_that_are_free,
    insert_messages,
    require_stored,
)

__all__ = ["store_in_slices"]


def store_in_slices(
    session: ParsedSession, write: Callable[..., Any], done: ImportResult
) -> Imported:
    """Store a session slice by slice with `write(function, …)`; say in `done` how far it is."""
    session_id = session.columns["id"]
    begun = {**UNFINISHED, "last_active": session.columns["started_at"]}
    imported = cast("Imported", write(begin, session, begun))
    if imported.there == WHOLE:
        return imported
    place = 0
    for some in slices(session.columns, session.given):
        there = min(max(imported.there - place, 0), len(some))
        if there and place + there == imported.there:
            write(_require_the_same, session_id, some[there - 1])
        place += there
        if missing := some[there:]:
            done.unfinished[session_id] = place
            write(_append_slice, session, missing, place)
            place += len(missing)
    write(_finish, session)
    done.unfinished.pop(session_id, None)
    return imported


def _append_slice(
    connection: OpenConnection, session: ParsedSession, rows: list[NewRow], place: int
) -> None:
    """Store the next messages of a session that has `place` messages already."""
    session_id = session.columns["id"]
    number, last = _stored(connection, session_id)
    if number != place:
        raise _others_messages(session_id)
    insert_messages(connection, rows, _own_ids(connection, session, place, len(rows), last))
    require_stored(connection, session, len(rows), behind=last)
    connection.core.execute(
        update(sessions)
        .where(sessions.c.id == session_id)
        .values(
            message_count=place + len(rows),
            tool_call_count=sessions.c.tool_call_count + sum(row.tool_calls for row in rows),
            last_active=max(row.columns["timestamp"] for row in rows),
        )
    )


def _stored(connection: OpenConnection, session_id: str) -> tuple[int, int]:
    """How many messages a session has, and the id of the last one."""
    found = select(func.count(), func.coalesce(func.max(messages.c.id), 0))
    row = connection.core.execute(found.where(messages.c.session_id == session_id)).one()
    return row[0], row[1]


def _require_the_same(connection: OpenConnection, session_id: str, last: NewRow) -> None:
    """Refuse to add messages behind those of another origin."""
    names = ("role", "content", "timestamp")
    found = select(*(messages.c[name] for name in names)).where(
        messages.c.id == _stored(connection, session_id)[1]
    )
    stored = connection.core.execute(found).one()
    if tuple(stored) != tuple(last.columns[name] for name in names):
        raise _others_messages(session_id)


def _others_messages(session_id: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"session {session_id}, messages",
        "differ from those that an interrupted import left behind",
        "wait if another import is storing it now; else delete the session and import it again",
    )


def _own_ids(
    connection: OpenConnection, session: ParsedSession, begin: int, number: int, last: int
) -> Sequence[int] | None:
    """The own ids of a slice, if earlier slices kept theirs and no message has these ids."""
    if begin == 0:
        free = ids_that_are_free(connection, session)
        return None if free is None else free[:number]
    if session.ids is None or session.ids[begin - 1] != last:
        return None
    ids = session.ids[begin : begin + number]
    return ids if are_free(connection, ids) else None


def _finish(connection: OpenConnection, session: ParsedSession) -> None:
    """Give a session the end and the sums that it came with."""
    names = ("ended_at", "end_reason", "message_count", "tool_call_count", "last_active")
    final = {name: session.columns[name] for name in names}
    connection.core.execute(
        update(sessions).where(sessions.c.id == session.columns["id"]).values(final)
    )
