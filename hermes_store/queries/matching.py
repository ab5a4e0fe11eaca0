"""Sessions that a person may mean: by the beginning of an id, or by words of a title."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select

from hermes_store.database.connection import OpenConnection
from hermes_store.database.holding import may_hold
from hermes_store.database.statements import Statement
from hermes_store.models.stored import sessions
from hermes_store.queries.sessions import id_range, readable
from hermes_store.records import SessionMatch

__all__ = ["TITLES", "find", "with_words"]

_KEYS = ("id", "title", "source", "last_active")
_COLUMNS = readable(_KEYS)
_WITH_PREFIX = Statement(
    select(_COLUMNS).where(sessions.c.id >= bindparam("first"), sessions.c.id < bindparam("beyond"))
)
_MAY_BE_MEANT = sessions.c.title.is_not(None), may_hold(sessions.c.title, "word")
_WITH_TITLE = Statement(select(_COLUMNS).where(*_MAY_BE_MEANT))
TITLES = select(readable(_KEYS[:2])).where(*_MAY_BE_MEANT)
"""Ids and titles: those that `with_words` compares."""


def find(connection: OpenConnection, name: str, most: int) -> list[SessionMatch]:
    """Return at most `most` sessions that `name` may mean, the last active first."""
    if not name.strip():
        return []
    by_id = _WITH_PREFIX.run(connection, **id_range(name)).fetchall()
    meant = with_words(connection, _WITH_TITLE, name)
    rows = {row[0]: row for row in [*by_id, *meant] if row[0] is not None}
    newest = sorted(rows.values(), key=_activity, reverse=True)
    return [_match(row) for row in newest[:most]]


def with_words(
    connection: OpenConnection, statement: Statement, given: str, **asked: Any
) -> list[Any]:
    """The rows of sessions whose titles hold all words, in any case and order."""
    words = given.casefold().split()
    longest = max(words, key=len, default="")
    word = "" if "\0" in longest else longest  # PostgreSQL takes no NUL
    rows = statement.run(connection, word=word, **asked).fetchall()
    return [row for row in rows if _has_all(str(row[1]).casefold(), words)]


def _activity(row: Any) -> tuple[float, str]:
    at = row[3]  # a file of another tool may hold text there
    return (float(at) if isinstance(at, (int, float)) else 0.0, row[0])


def _has_all(title: str, words: list[str]) -> bool:
    # In Python: SQLite's lower() knows ASCII only, and a title is short.
    return all(word in title for word in words)


def _match(row: Any) -> SessionMatch:
    return SessionMatch(id=row[0], title=row[1], source=row[2], last_active=row[3])
