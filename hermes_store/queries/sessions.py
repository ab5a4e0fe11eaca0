"""Sessions as they are read and looked up."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Select, Text, TextClause, bindparam, func, literal_column, select, text

from hermes_store import values
from hermes_store.database.alone import runs
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import SessionNotFoundError
from hermes_store.models.stored import names, sessions
from hermes_store.queries.as_text import is_text
from hermes_store.queries.dicts import Dicts
from hermes_store.records import SessionRecord

__all__ = [
    "ACTIVE",
    "FORMS",
    "IMPORTING",
    "NAMES",
    "dicts",
    "empty",
    "exists",
    "get",
    "id_range",
    "readable",
    "record",
    "require",
    "require_changed",
    "resolve_id",
    "select_records",
]

_COUNTERS = {
    "message_count",
    "tool_call_count",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "pinned",
    "api_call_count",
}
NAMES = tuple(str(column.name) for column in sessions.columns)
"""The keys of a `SessionRecord`."""

IMPORTING = "importing"
"""The end_reason of an open session of which an import has not stored all messages yet."""
ACTIVE = func.coalesce(sessions.c.last_active, sessions.c.started_at)
"""The last activity; of a session without messages the start."""

_FLAGS = names(sessions, "flag")
FORMS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(names(sessions, "json"), values.decode_json),
    **dict.fromkeys(_FLAGS, bool),
}
"""What becomes of a value that is read."""
_ID = bindparam("session", type_=Text)


def readable(names: tuple[str, ...]) -> TextClause:
    """Columns of `sessions` as they are read: counters are numbers, texts are text.

    One text for all: as expressions they would take SQLAlchemy a millisecond at the first list.
    """
    return text(", ".join(map(_readable, names)))


def _readable(name: str) -> str:
    column = f'sessions."{name}"'
    if name in _COUNTERS:
        return f"coalesce(CAST({column} AS BIGINT), 0)"
    if name == "last_active":  # a session without messages began it
        return f"coalesce({column}, sessions.started_at)"
    return f"CAST({column} AS TEXT)" if is_text(sessions.c[name]) else column


def select_records() -> Select[Any]:
    """SELECT of whole sessions, for `record`."""
    return select(readable(NAMES))


def record(row: Any) -> SessionRecord:
    """The dict of a row that `select_records` gave."""
    return cast("SessionRecord", dicts(NAMES).of([row])[0])


@lru_cache(maxsize=8)
def dicts(names: tuple[str, ...]) -> Dicts:
    """What makes dicts of rows with the columns `readable(names)`."""
    return Dicts(names, empty(names), FORMS)


def empty(names: tuple[str, ...]) -> dict[str, Any]:
    """The dict of a row in which all is NULL."""
    return {name: False if name in _FLAGS else None for name in names}


_GET = Statement(select_records().where(sessions.c.id == _ID))
_EXISTS = Statement(select(literal_column("1")).where(sessions.c.id == _ID))


@runs("one")
def get(connection: OpenConnection, session_id: str) -> SessionRecord | None:
    """The session, or None."""
    row = _GET.run(connection, session=session_id).fetchone()
    return None if row is None else record(row)


def exists(connection: OpenConnection, session_id: str) -> bool:
    """Whether there is such a session."""
    return _EXISTS.run(connection, session=session_id).fetchone() is not None


def require(connection: OpenConnection, session_id: str) -> None:
    """Raise `SessionNotFoundError` when the session does not exist."""
    if not exists(connection, session_id):
        raise SessionNotFoundError(session_id)


def require_changed(cursor: Any, session_id: str) -> None:
    """Raise `SessionNotFoundError` when the statement of `cursor` changed no row."""
    if not cursor.rowcount:
        raise SessionNotFoundError(session_id)


# --- by the beginning of an id -------------------------------------------------------------------

_WITH_PREFIX = Statement(
    select(sessions.c.id)
    .where(sessions.c.id >= bindparam("first"), sessions.c.id < bindparam("beyond"))
    .order_by(sessions.c.id)
    .limit(literal_column("2"))
)


def resolve_id(connection: OpenConnection, prefix: str) -> str | None:
    """The id that is `prefix`, or the only one that begins with it."""
    rows = _WITH_PREFIX.run(connection, **id_range(prefix)).fetchall()
    if rows and (len(rows) == 1 or rows[0][0] == prefix):
        return cast("str", rows[0][0])
    return None


def id_range(prefix: str) -> dict[str, str]:
    """The parameters `first` and `beyond`: between them lie all ids that begin with `prefix`."""
    return {"first": prefix, "beyond": _beyond(prefix)}


def _beyond(prefix: str) -> str:
    """The first text, in the order of code points, after all that begin with `prefix`."""
    last = prefix.rstrip("\U0010ffff")
    if not last:
        return prefix + "\U0010ffff"
    following = ord(last[-1]) + 1
    return last[:-1] + chr(0xE000 if following == 0xD800 else following)  # noqa: PLR2004 - surrogates
