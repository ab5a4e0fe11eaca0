"""What owners, gateways and agents say of a session: put away, pinned, its folder, its key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, null, select, update

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries.conversations import ENDS_CHAIN
from hermes_store.queries.listing import Shape, select_page, translated
from hermes_store.queries.locking import locked_chain, locked_chains
from hermes_store.queries.paging import ALL, Page
from hermes_store.queries.sessions import require_changed
from hermes_store.queries.there import require_none_left

__all__ = [
    "archivable",
    "archive_batch",
    "checked",
    "newest",
    "set_archived",
    "set_pinned",
    "update_one",
]

_MOST_SESSIONS = 500
_THE_ONE = sessions.c.id == bindparam("session")
_GIVEN = is_given(sessions.c.id, "ids")
_IS_ARCHIVED = sessions.c.archived.is_not(None)
_ARCHIVE = Statement(
    update(sessions)
    .where(_GIVEN, ~_IS_ARCHIVED)
    .values(archived=bindparam("at", type_=sessions.c.archived.type))
)
_UNARCHIVE = Statement(update(sessions).where(_GIVEN, _IS_ARCHIVED).values(archived=null()))
_SOME: Select[Any] = select(literal_column("1")).where(_GIVEN).limit(literal_column("1"))
_SOME_ARCHIVED = Statement(_SOME.where(_IS_ARCHIVED))
_SOME_NOT_ARCHIVED = Statement(_SOME.where(~_IS_ARCHIVED))
_PINNED = bindparam("pinned", type_=sessions.c.pinned.type)
_PIN = Statement(update(sessions).where(_GIVEN).values(pinned=_PINNED))
_SOME_OTHER_PIN = Statement(_SOME.where(sessions.c.pinned.is_distinct_from(_PINNED)))
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
    _set_archived(connection, locked_chain(connection, session_id).ids, at)


def _set_archived(connection: OpenConnection, session_ids: Sequence[str], at: float | None) -> None:
    ids = as_parameter(session_ids)
    if at is None:
        _UNARCHIVE.run(connection, ids=ids)
        require_none_left(connection, "sessions", _SOME_ARCHIVED, ids=ids)
    else:
        _ARCHIVE.run(connection, ids=ids, at=at)
        require_none_left(connection, "sessions", _SOME_NOT_ARCHIVED, ids=ids)


def archive_batch(connection: OpenConnection, which: SessionFilter, at: float) -> list[str]:
    """Archive the first conversations that `which` means; return the ids of their last sessions.

    An empty list means that none is left.
    """
    found = archivable(connection, which, Page(_MOST_SESSIONS))
    # On a server another writer may have deleted or continued one before it was locked.
    chains = {
        each: chain for each, chain in locked_chains(connection, found).items() if chain.tip == each
    }
    _set_archived(connection, [each for chain in chains.values() for each in chain.ids], at)
    return [*chains]


def archivable(connection: OpenConnection, which: SessionFilter, page: Page = ALL) -> list[str]:
    """The ids of the last sessions of conversations that `which` means."""
    shape, parameters = translated(connection, which, page)
    return [row[0] for row in _tips(shape).run(connection, **parameters).fetchall()]


@lru_cache(maxsize=32)
def _tips(shape: Shape) -> Statement:
    return Statement(select_page(select(sessions.c.id).where(ENDS_CHAIN), shape))


def set_pinned(connection: OpenConnection, session_id: str, pinned: int) -> None:
    """Pin all sessions of a conversation, or take that back. Raises `SessionNotFoundError`."""
    ids = as_parameter(locked_chain(connection, session_id).ids)
    _PIN.run(connection, ids=ids, pinned=pinned)
    require_none_left(connection, "sessions", _SOME_OTHER_PIN, ids=ids, pinned=pinned)


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
