"""What owners, gateways and agents say of a session: put away, pinned, its folder, its key."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, exists, literal_column, null, select, update

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.models.links import COMPRESSION
from hermes_store.models.stored import sessions
from hermes_store.queries.lineage import chain_ids, chains_of
from hermes_store.queries.listing import Shape, select_page, translated
from hermes_store.queries.paging import Page
from hermes_store.queries.sessions import require_changed

__all__ = ["archive_batch", "checked", "newest", "set_archived", "set_pinned", "update_one"]

_MOST_SESSIONS = 500
_THE_ONE = sessions.c.id == bindparam("session")
_ARCHIVE = Statement(
    update(sessions)
    .where(_THE_ONE, sessions.c.archived.is_(None))
    .values(archived=bindparam("at", type_=sessions.c.archived.type))
)
_UNARCHIVE = Statement(update(sessions).where(_THE_ONE).values(archived=null()))
_PIN = Statement(
    update(sessions)
    .where(_THE_ONE)
    .values(pinned=bindparam("pinned", type_=sessions.c.pinned.type))
)
_NEWEST = Statement(
    select(sessions.c.id)
    .where(sessions.c.key == bindparam("asked"), sessions.c.archived.is_(None))
    .order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
    .limit(literal_column("1"))
)


# --- archived and pinned --------------------------------------------------------------------------


def set_archived(connection: OpenConnection, session_id: str, at: float | None) -> None:
    """Archive all sessions of a conversation, or take that back; what is archived keeps its time.

    Raises `SessionNotFoundError`.
    """
    for each in chain_ids(connection, session_id):
        _set_archived(connection, each, at)


def _set_archived(connection: OpenConnection, session_id: str, at: float | None) -> None:
    if at is None:
        _UNARCHIVE.run(connection, session=session_id)
    else:
        _ARCHIVE.run(connection, session=session_id, at=at)


def archive_batch(connection: OpenConnection, which: SessionFilter, at: float) -> list[str]:
    """Archive the first conversations that `which` means; return the ids of their last sessions.

    An empty list means that none is left.
    """
    shape, parameters = translated(connection, which, Page(_MOST_SESSIONS))
    found = [row[0] for row in _last_sessions(shape).run(connection, **parameters).fetchall()]
    chains = chains_of(connection, found)
    for each in found:
        # Where two sessions continue one, it goes on in the other: that one may still be in use.
        whole = chains[each].ids if chains[each].tip == each else [each]
        for part in whole:
            _set_archived(connection, part, at)
    return found


@lru_cache(maxsize=32)
def _last_sessions(shape: Shape) -> Statement:
    """Sessions that no other one continues."""
    following = sessions.alias("following")
    is_continued = exists(literal_column("1")).where(
        following.c.parent_session_id == sessions.c.id,
        following.c.link == literal_column(f"'{COMPRESSION}'"),
    )
    return Statement(select_page(select(sessions.c.id).where(~is_continued), shape))


def set_pinned(connection: OpenConnection, session_id: str, pinned: int) -> None:
    """Pin all sessions of a conversation, or take that back. Raises `SessionNotFoundError`."""
    for each in chain_ids(connection, session_id):
        _PIN.run(connection, session=each, pinned=pinned)


# --- the others -----------------------------------------------------------------------------------

_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "source": values.source,
    "key": values.session_key,
    "api_call_count": values.count,
    "model_config": values.encode_json,
    "extra": values.encode_object,
    **dict.fromkeys(("model", "user_id", "system_prompt", "cwd"), values.optional_text),
    **dict.fromkeys(("billing_provider", "billing_base_url", "billing_mode"), values.optional_text),
}
"""How each of `SessionProperties` is checked and encoded."""


def checked(given: dict[str, Any]) -> dict[str, Any]:
    """Properties as they are stored. Raises `InvalidArgumentError`."""
    if unknown := sorted(given.keys() - _CHECKS.keys()):
        problem = "is not a property that update_session() sets"
        raise InvalidArgumentError(unknown[0], problem, f"use {', '.join(sorted(_CHECKS))}")
    return {name: _CHECKS[name](name, value) for name, value in given.items()}


def update_one(connection: OpenConnection, session_id: str, properties: dict[str, Any]) -> None:
    """Store what `checked` gave, in place of what is there. Raises `SessionNotFoundError`."""
    given = {f"new_{name}": value for name, value in properties.items()}
    statement = _update(tuple(properties))
    require_changed(statement.run(connection, session=session_id, **given), session_id)


@lru_cache(maxsize=64)
def _update(names: tuple[str, ...]) -> Statement:
    new: dict[str, Any] = {
        name: bindparam(f"new_{name}", type_=sessions.c[name].type) for name in names
    }
    # With nothing to set it still says whether there is such a session.
    return Statement(update(sessions).where(_THE_ONE).values(new or {"source": sessions.c.source}))


def newest(connection: OpenConnection, key: str) -> str | None:
    """The session of a key that began last and is not archived."""
    row = _NEWEST.run(connection, asked=key).fetchone()
    return None if row is None else str(row[0])
