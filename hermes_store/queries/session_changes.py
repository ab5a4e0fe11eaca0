"""Sessions: create, end, reopen, and what else is set in one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    null,
    select,
    update,
)

from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import sessions
from hermes_store.queries import filtering
from hermes_store.queries.lineage import line_of
from hermes_store.queries.sessions import ACTIVE, IMPORTING, exists, require, require_changed
from hermes_store.search.triggers import require_all_stored

__all__ = [
    "count_in",
    "create",
    "end",
    "end_batch",
    "idle",
    "link_parent",
    "refuse_circle",
    "reopen",
    "set_model",
    "update_system_prompt",
]

_GIVEN = ("id", "source", "started_at", "last_active")
_FILLED = ("user_id", "model", "model_config", "system_prompt", "cwd", "key", "extra")
_LINKED = ("parent_session_id", "link")
_ID = bindparam("session", type_=Text)


def _filled(names: tuple[str, ...]) -> dict[str, ColumnElement[Any]]:
    """Of these columns, what is NULL gets a value."""
    new = {name: bindparam(f"new_{name}", type_=Text) for name in names}
    return {name: func.coalesce(sessions.c[name], new[name]) for name in names}


_FILL = Statement(update(sessions).where(sessions.c.id == _ID).values(_filled(_FILLED)))
# Apart: to write the name of a parent that another program deleted, as it is, the database refuses.
_FILL_LINK = Statement(
    update(sessions)
    .where(
        sessions.c.id == _ID,
        func.coalesce(sessions.c.parent_session_id, bindparam("new_parent_session_id", type_=Text))
        == bindparam("new_parent_session_id", type_=Text),
    )
    .values(_filled(_LINKED))
)
_INSERT = Statement(insert(sessions), columns=(*_GIVEN, *_FILLED, *_LINKED))
_END = Statement(
    update(sessions)
    .where(sessions.c.id == _ID)
    .values(
        ended_at=func.coalesce(sessions.c.ended_at, bindparam("at", type_=Double)),
        end_reason=case(
            (sessions.c.ended_at.is_(None), bindparam("reason", type_=Text)),
            else_=sessions.c.end_reason,
        ),
    )
)
_MOST_ENDED = 500
_IS_IDLE = and_(
    sessions.c.ended_at.is_(None),
    ACTIVE < bindparam("before"),  # noqa: SIM300 - a column, no constant
    func.coalesce(sessions.c.end_reason, literal_column("''")) != literal_column(f"'{IMPORTING}'"),
)
_REOPEN = Statement(
    update(sessions).where(sessions.c.id == _ID).values(ended_at=null(), end_reason=null())
)
_SET_PROMPT = Statement(
    update(sessions).where(sessions.c.id == _ID).values(system_prompt=bindparam("prompt"))
)
_SET_MODEL = Statement(update(sessions).where(sessions.c.id == _ID).values(model=bindparam("name")))
_SET_PARENT = Statement(
    update(sessions)
    .where(sessions.c.id == _ID, sessions.c.parent_session_id.is_(None))
    .values(parent_session_id=bindparam("parent"), link=bindparam("link"))
)


_LINE = line_of("parent")
_IS_OWN_ANCESTOR = Statement(
    select(literal_column("1")).select_from(_LINE).where(_LINE.c.id == _ID)
)
"""Whether `session` is `parent` or one of its ancestors."""


def create(connection: OpenConnection, session: dict[str, Any]) -> None:
    """Insert a session, or fill what is NULL in the one that is there."""
    session_id, parent = session["id"], session["parent_session_id"]
    if parent is not None:
        _check_parent(connection, session_id, parent)
    if _fill(connection, _FILL, session, _FILLED):
        if parent is not None:
            _fill(connection, _FILL_LINK, session, _LINKED)
    else:
        stored = _INSERT.run(connection, **session).rowcount
        require_all_stored(
            connection, "the session", stored, 1, lambda: int(exists(connection, session_id))
        )


def _fill(
    connection: OpenConnection, fill: Statement, session: dict[str, Any], names: tuple[str, ...]
) -> int:
    """Fill columns of the session; return how many sessions there were to fill."""
    filled = {f"new_{name}": session[name] for name in names}
    changed: int = fill.run(connection, session=session["id"], **filled).rowcount
    return changed


def _check_parent(connection: OpenConnection, session_id: str, parent: str) -> None:
    if parent != session_id:
        require(connection, parent)
    refuse_circle(connection, session_id, parent)


def refuse_circle(connection: OpenConnection, session_id: str, parent: str) -> None:
    """Raise `InvalidArgumentError` when `parent` is the session or descends from it."""
    if parent == session_id or _leads_back(connection, session_id, parent):
        raise InvalidArgumentError(
            "parent_session_id",
            f"{parent!r} descends from {session_id!r}: the lineage would be a circle",
            "give a session that came before, or None",
        )


def _leads_back(connection: OpenConnection, session_id: str, parent: str) -> bool:
    if not exists(connection, session_id):  # as nearly always: then no ancestors have to be read
        return False
    found = _IS_OWN_ANCESTOR.run(connection, session=session_id, parent=parent).fetchone()
    return found is not None


def link_parent(connection: OpenConnection, session_id: str, parent: str, link: str | None) -> bool:
    """Give a session this parent, unless it has one; False when the session cannot have this."""
    if not exists(connection, parent) or _leads_back(connection, session_id, parent):
        return False
    given = {"parent": parent, "link": link}
    _SET_PARENT.run(connection, session=session_id, **given)
    return True


def end(connection: OpenConnection, session_id: str, reason: str | None, at: float) -> None:
    """Mark a session as ended, unless it is: the first reason stays."""
    ended = _END.run(connection, session=session_id, reason=reason, at=at)
    require_changed(ended, session_id)


def end_batch(
    connection: OpenConnection, before: float, reason: str | None, which: SessionFilter
) -> list[str]:
    """End some of the open sessions that were last active before a time; return their ids.

    Each ends at its last activity. An empty list means that none is left.
    """
    shape, parameters = filtering.chosen(connection, which)
    ended = _end_idle(shape).run(connection, **parameters, before=before, reason=reason)
    return [row[0] for row in ended.fetchall()]


def idle(connection: OpenConnection, before: float, which: SessionFilter) -> list[str]:
    """The ids of all sessions that `end_batch` would end."""
    shape, parameters = filtering.chosen(connection, which)
    found = Statement(_idle(shape)).run(connection, **parameters, before=before)
    return [row[0] for row in found.fetchall()]


def _idle(shape: filtering.Shape) -> Select[Any]:
    return select(sessions.c.id).where(*filtering.conditions(shape), _IS_IDLE)


@lru_cache(maxsize=32)
def _end_idle(shape: filtering.Shape) -> Statement:
    some = _idle(shape).limit(literal_column(str(_MOST_ENDED)))
    return Statement(
        update(sessions)
        .where(sessions.c.id.in_(some), _IS_IDLE)
        .values(ended_at=ACTIVE, end_reason=bindparam("reason"))
        .returning(sessions.c.id)
    )


def reopen(connection: OpenConnection, session_id: str) -> None:
    """Take back the end of a session."""
    require_changed(_REOPEN.run(connection, session=session_id), session_id)


def set_model(connection: OpenConnection, session_id: str, model: str | None) -> None:
    """Store which model a session uses."""
    require_changed(_SET_MODEL.run(connection, session=session_id, name=model), session_id)


def update_system_prompt(connection: OpenConnection, session_id: str, prompt: str | None) -> None:
    """Store the system prompt as it was sent."""
    require_changed(_SET_PROMPT.run(connection, session=session_id, prompt=prompt), session_id)


def count_in(
    connection: OpenConnection, session_id: str, added: int, calls: int, at: float
) -> None:
    """Add messages to what a session keeps of them. Raises `SessionNotFoundError`."""
    changed = _COUNT_IN.run(connection, session=session_id, added=added, calls=calls, at=at)
    require_changed(changed, session_id)


_AT = bindparam("at", type_=Double)
_COUNT_IN = Statement(
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(
        message_count=func.coalesce(sessions.c.message_count, literal_column("0"))
        + bindparam("added", type_=Integer),
        tool_call_count=func.coalesce(sessions.c.tool_call_count, literal_column("0"))
        + bindparam("calls", type_=Integer),
        last_active=case((sessions.c.last_active >= _AT, sessions.c.last_active), else_=_AT),
    )
)
