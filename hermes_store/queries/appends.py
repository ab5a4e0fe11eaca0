"""Append messages: one, a list, or those of several callers by one statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, cast

from sqlalchemy import bindparam, select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import messages
from hermes_store.models.visibility import visible
from hermes_store.queries.rows import NewRow
from hermes_store.queries.session_changes import count_in
from hermes_store.queries.sessions import require
from hermes_store.queries.there import require_there
from hermes_store.search.triggers import may_hinder

__all__ = ["append", "append_many", "append_once", "append_together", "known"]


def append(connection: OpenConnection, row: NewRow) -> int:
    """Store a message, count it in its session; return its id."""
    columns = row.columns
    count_in(connection, columns["session_id"], 1, row.tool_calls, columns["timestamp"])
    stored: Any = _rows(connection.backend.is_server).insert_one(connection, columns)
    if stored is None or may_hinder(connection):
        require_there(connection, [] if stored is None else [stored], 1)
    id_: int = stored
    return id_


def append_many(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    """Store messages in their order, count them once; return their ids.

    One whose `external_id` the session has, or an earlier one of `rows` has, is not stored again.
    """
    if not any("external_id" in row.columns for row in rows):
        return _insert_many(connection, session_id, rows)
    keys = [row.columns.get("external_id", place) for place, row in enumerate(rows)]
    ids: dict[str | int, int] = {}
    new: dict[str | int, NewRow] = {}
    for key, row in zip(keys, rows, strict=True):
        there = None if key in new else _known(connection, row)
        if there is not None:
            ids[key] = there
        else:
            new.setdefault(key, row)
    ids.update(zip(new, _insert_many(connection, session_id, list(new.values())), strict=True))
    return [ids[key] for key in keys]


def _insert_many(connection: OpenConnection, session_id: str, rows: list[NewRow]) -> list[int]:
    if not rows:
        require(connection, session_id)
        return []
    return append_together(connection, rows)


def append_together(connection: OpenConnection, rows: Sequence[NewRow]) -> list[int]:
    """Store messages, of several callers maybe, and count them; return their ids, in order."""
    return _rows(connection.backend.is_server).append_together(connection, rows)


append.together = append_together  # type: ignore[attr-defined]  # what a group runs instead


class _Rows(Protocol):
    """What the modules `appends_in_files` and `appends_on_servers` offer."""

    def insert_one(self, connection: OpenConnection, columns: dict[str, Any], /) -> int | None:
        """Store one row; return its id, or None when a foreign trigger kept it out."""

    def append_together(self, connection: OpenConnection, rows: Sequence[NewRow], /) -> list[int]:
        """Store messages, count them in their sessions; return their ids, in order."""


@cache
def _rows(is_server: bool) -> _Rows:
    """How a database stores rows of messages. A process imports only what it uses."""
    if is_server:
        from hermes_store.queries import appends_on_servers  # noqa: PLC0415 - only what is used

        return appends_on_servers
    from hermes_store.queries import appends_in_files  # noqa: PLC0415 - only what is used

    return appends_in_files


# --- messages that another system has given an id -------------------------------------------------

_KNOWN = Statement(
    select(messages.c.id).where(
        messages.c.session_id == bindparam("session"),
        messages.c.external_id == bindparam("given"),
        visible("live"),
    )
)


def append_once(connection: OpenConnection, row: NewRow) -> int:
    """Store a message unless its session has one with its `external_id`; return that one's id."""
    there = _known(connection, row)
    return append(connection, row) if there is None else there


def _known(connection: OpenConnection, row: NewRow) -> int | None:
    return known(connection, row.session_id, row.columns.get("external_id"))


def known(connection: OpenConnection, session_id: str, given: str | None) -> int | None:
    """The id of the live message of a session that has an `external_id`; None when none has it."""
    if given is None:
        return None
    found = _KNOWN.run(connection, session=session_id, given=given).fetchone()
    return None if found is None else cast("int", found[0])
