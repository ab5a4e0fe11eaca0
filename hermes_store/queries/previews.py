"""What a session is about: what its first user message begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.database.statements import Statement
from hermes_store.models.stored import sessions
from hermes_store.models.visibility import LIVE

__all__ = ["BEGINNING", "of_sessions", "preview"]

_PREVIEW_LENGTH = 60
_WINDOW = 200
"""Characters a preview is made from: blanks at its end do not count as more text."""
_BLANKS = (
    " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
"""What Python's `str.strip()` takes away."""

# To PostgreSQL "char" is the first byte, to SQLite a name for text: it spares most texts ltrim().
BEGINNING = text(
    f"""\
(SELECT CASE WHEN messages.content_format IS NOT NULL THEN ' ' || messages.content
WHEN CAST(messages.content AS "char") BETWEEN '!' AND '~'
THEN substr(CAST(messages.content AS TEXT), 1, {_WINDOW})
ELSE substr(ltrim(messages.content, '{_BLANKS}'), 1, {_WINDOW}) END
FROM messages WHERE messages.session_id = sessions.id AND messages.role = 'user'
AND messages.content IS NOT NULL AND messages.{LIVE} ORDER BY messages.id LIMIT 1)"""  # noqa: S608 - put together from constants
)
"""Of a session, in a SELECT: the start of a text without blanks before it; a blank and the whole
structured content. As text, because a list is what many processes do first: `sessions.readable`."""
_OF_SESSIONS = Statement(select(sessions.c.id, BEGINNING).where(is_given(sessions.c.id, "ids")))


def of_sessions(connection: OpenConnection, ids: Sequence[str]) -> dict[str, str]:
    """The previews of some sessions, by id."""
    rows = _OF_SESSIONS.run(connection, ids=as_parameter(ids)).fetchall()
    return {session_id: preview(begun) for session_id, begun in rows}


def preview(begun: str | None) -> str:
    """The preview of a session, of what `BEGINNING` gave."""
    if not begun:
        return ""
    if begun[0] == " ":
        begun = _text_of(values.decode_json(begun))
    line = begun.strip()
    if len(line) > _PREVIEW_LENGTH:
        line = line[:_PREVIEW_LENGTH] + "..."
    return line.replace("\n", " ").replace("\r", " ")


def _text_of(content: Any) -> str:
    """The text parts of structured content, without images and the like."""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return " ".join(text for text in texts if isinstance(text, str))
