"""A session that continues another: the conversation goes on there, under its title."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, literal_column, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import sessions as table
from hermes_store.queries import sessions
from hermes_store.queries.lineage import locked_chains, tip_of
from hermes_store.queries.titles import hand_over

__all__ = ["create"]

_before = table.alias("before")


def _as_before(name: str) -> Any:
    """What is not set, 0 or NULL, as it is in the session before."""
    kept = select(_before.c[name]).where(_before.c.id == bindparam("before")).scalar_subquery()
    return func.coalesce(func.nullif(table.c[name], literal_column("0")), kept)


_STAY = Statement(
    update(table)
    .where(table.c.id == bindparam("session"))
    .values({name: _as_before(name) for name in ("pinned", "archived")})
)


def create(connection: OpenConnection, session: dict[str, Any]) -> None:
    """Do what `sessions.create` does; a session that is the tip now is what the tip was.

    The title goes over to it. It is pinned and archived as the tip before it.
    """
    parent, session_id = session["parent_session_id"], session["id"]
    chains = locked_chains(connection, [parent])
    sessions.create(connection, session)
    if chains and tip_of(connection, parent) == session_id != chains[parent].tip:
        hand_over(connection, chains[parent].tip, session_id)
        _STAY.run(connection, session=session_id, before=chains[parent].tip)
