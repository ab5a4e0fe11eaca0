"""Store one session that was parsed, whole: in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.pieces import pieces
from hermes_store.models.stored import messages, sessions
from hermes_store.queries import titles, usage_records
from hermes_store.queries.rows import NewRow, alike
from hermes_store.queries.sessions import IMPORTING, exists, get
from hermes_store.records import SessionRecord
from hermes_store.search.triggers import require_all_stored
from hermes_store.transfer.parsing import ParsedSession

__all__ = [
    "UNFINISHED",
    "WHOLE",
    "Imported",
    "are_free",
    "begin",
    "ids_that_are_free",
    "import_session",
    "insert_messages",
    "number_stored",
    "require_stored",
]

UNFINISHED = {"ended_at": None, "end_reason": IMPORTING, "message_count": 0, "tool_call_count": 0}
WHOLE = -1
"""In place of a number of messages: the session is finished, and left as it is."""


class Imported(NamedTuple):
    """What became of one session."""

    there: int
    """How many of its messages were there already; `WHOLE`: it was there and is left as it is."""
    title: str | None
    """The title it got."""
    parent_to_link: str | None
    """Its parent, when it was not there, or when a session without it was."""


def import_session(connection: OpenConnection, session: ParsedSession) -> Imported:
    """Store a session with its messages, unless there is one with its id."""
    imported = begin(connection, session, {})
    if imported.there == 0:
        insert_messages(connection, session.first, ids_that_are_free(connection, session))
        require_stored(connection, session, len(session.first), behind=0)
    return imported


def require_stored(
    connection: OpenConnection, session: ParsedSession, wanted: int, *, behind: int
) -> None:
    """Refuse to say that messages are stored which a trigger of another program put away."""
    session_id = session.columns["id"]
    added = select(func.count()).where(messages.c.session_id == session_id, messages.c.id > behind)
    stored = connection.core.execute(added).scalar_one()
    require_all_stored(connection, f"session {session_id}", stored, wanted, lambda: stored)


def begin(
    connection: OpenConnection, session: ParsedSession, unfinished: dict[str, Any]
) -> Imported:
    """Store a session without its messages, unless there is one with its id."""
    imported = _begin(connection, session, unfinished)
    session.found[:] = [imported.there]
    return imported


def _begin(
    connection: OpenConnection, session: ParsedSession, unfinished: dict[str, Any]
) -> Imported:
    columns = {**session.columns, **unfinished}
    title, parent = columns["title"], columns["parent_session_id"]
    there = get(connection, columns["id"])
    if there is not None:
        return Imported(number_stored(connection, there), there["title"], parent)
    if title is not None and titles.holder(connection, title) is not None:
        columns["title"] = titles.next_in_lineage(connection, title)
    if parent is not None and exists(connection, parent):
        parent = None
    else:
        columns |= {"parent_session_id": None, "link": None}
    connection.core.execute(insert(sessions), columns)
    usage_records.store(connection, columns["id"], session.usage)
    return Imported(0, columns["title"], parent)


def insert_messages(
    connection: OpenConnection, rows: list[NewRow], ids: Sequence[int] | None
) -> None:
    """Store messages in their order, with ids of their own or with new ones."""
    columns = alike(rows)
    if ids:
        columns = [{**row, "id": own} for row, own in zip(columns, ids, strict=True)]
    if columns:
        connection.core.execute(insert(messages), columns)


def ids_that_are_free(connection: OpenConnection, session: ParsedSession) -> Sequence[int] | None:
    """The messages' own ids, which are then reserved; None when one of them is taken."""
    if not session.ids or not are_free(connection, session.ids):
        return None
    connection.backend.reserve_ids(connection.core, messages.name, max(session.ids))
    return session.ids


def are_free(connection: OpenConnection, ids: Sequence[int]) -> bool:
    """Whether no message has one of `ids`."""
    for some in pieces(ids):
        taken = select(messages.c.id).where(messages.c.id.in_(some)).limit(1)
        if connection.core.execute(taken).first():
            return False
    return True


def number_stored(connection: OpenConnection, session: SessionRecord) -> int:
    """How many messages an unfinished session has; `WHOLE` for any other session."""
    if session["ended_at"] is None and session["end_reason"] == IMPORTING:
        all_of_it = select(func.count()).where(messages.c.session_id == session["id"])
        return connection.core.execute(all_of_it).scalar_one()
    return WHOLE
