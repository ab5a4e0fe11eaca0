"""A session that continues another: the conversation goes on there, under its title."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select, update

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.models.stored import sessions as table
from hermes_store.queries import session_changes
from hermes_store.queries.chains import Chain
from hermes_store.queries.lineage import IS_PART, chains_of, tip_of
from hermes_store.queries.locking import locked_chains
from hermes_store.queries.titles import hand_over

__all__ = ["create", "take_over"]

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
# What continues one of two sessions: the first two are enough to know whether there is but one.
_BEHIND = Statement(
    select(table.c.id)
    .where(IS_PART, table.c.parent_session_id.in_([bindparam("before"), bindparam("session")]))
    .limit(literal_column("2"))
)


def create(connection: OpenConnection, session: dict[str, Any]) -> None:
    """Do what `session_changes.create` does; a session that is the tip now is what the tip was.

    The title goes over to it. It is pinned and archived as the tip before it.
    """
    parent, session_id = session["parent_session_id"], session["id"]
    chains = locked_chains(connection, [parent])
    session_changes.create(connection, session)
    if chains and _is_new_tip(connection, chains[parent], parent, session_id):
        _succeed(connection, chains[parent].tip, session_id)


def _is_new_tip(connection: OpenConnection, before: Chain, parent: str, session_id: str) -> bool:
    """Whether a session that continues `parent` now is the tip, and was not."""
    if before.tip == parent:
        behind = _BEHIND.run(connection, before=parent, session=session_id).fetchall()
        if [row[0] for row in behind] == [session_id]:
            return True  # without a second look at the whole chain
    return before.tip != session_id == tip_of(connection, parent)


def _succeed(connection: OpenConnection, before: str, session_id: str) -> None:
    hand_over(connection, before, session_id)
    _STAY.run(connection, session=session_id, before=before)


def take_over(connection: OpenConnection, stored: Collection[str]) -> set[str]:
    """Do the same for sessions that were stored as continuations a moment ago.

    In the order of their begin, as if each had been stored alone. Return the ids of the sessions
    that may have changed.
    """
    chains = {chain.root: chain for chain in locked_chains(connection, [*stored]).values()}
    changed: set[str] = set()
    for chain in chains.values():
        new = [each for each in chain.ids if each in stored] if len(chain.ids) > 1 else []
        for place, session_id in enumerate(new):
            before = _tip_without(connection, chain.root, new[place:])
            if before and _tip_without(connection, chain.root, new[place + 1 :]) == session_id:
                _succeed(connection, before, session_id)
                changed |= {before, session_id}
    return changed


def _tip_without(connection: OpenConnection, root: str, later: Collection[str]) -> str | None:
    """The tip of a conversation before some sessions were stored; None when it had none."""
    found = chains_of(connection, [root], without=later)
    return found[root].tip if found else None
