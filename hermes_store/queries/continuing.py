"""A session that continues another: the conversation goes on there, under its title."""

from __future__ import annotations

from typing import Any

from hermes_store.database.connection import OpenConnection
from hermes_store.queries import sessions
from hermes_store.queries.lineage import tip_of
from hermes_store.queries.titles import hand_over

__all__ = ["create"]


def create(connection: OpenConnection, session: dict[str, Any]) -> None:
    """Do what `sessions.create` does; the title goes over to the session that is the tip now."""
    parent, session_id = session["parent_session_id"], session["id"]
    before = tip_of(connection, parent)
    sessions.create(connection, session)
    if tip_of(connection, parent) == session_id:
        hand_over(connection, before, session_id)
