"""Titles: one name for one conversation, and "name #2", "name #3" for what continues it.

The tip has the title: it goes over to the session that continues the one that has it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, cast

from sqlalchemy import Text, bindparam, select, update

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.database.statements import Statement
from hermes_store.errors import InvalidArgumentError, TitleInUseError
from hermes_store.models.stored import sessions
from hermes_store.queries.lineage import tip_of
from hermes_store.queries.locking import locked_chains
from hermes_store.queries.sessions import record, select_records
from hermes_store.records import SessionRecord

__all__ = [
    "MAX_LENGTH",
    "get",
    "hand_over",
    "holder",
    "looked_up",
    "next_in_lineage",
    "regain",
    "resolve",
    "sanitize",
    "session_of",
    "set_title",
    "visible",
]

MAX_LENGTH = 100
"""Characters."""

_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f"  # ASCII, but not tab and line ends: those are blanks
    "\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffc]"  # invisible, or turning the text
)
_BLANKS = re.compile(r"\s+")
_NUMBERED = re.compile(r"(.+) #([2-9]|[1-9][0-9]{1,17})", re.DOTALL)
"""A continuation: the original itself is number 1, and nothing is number 0 or 02."""


def sanitize(title: str | None) -> str | None:
    """The title as it is stored: in one line, without invisible characters; None when empty.

    Raises `InvalidArgumentError` when it is longer than `MAX_LENGTH` characters.
    """
    cleaned = _clean(values.optional_text("title", title) or "")
    if len(cleaned) > MAX_LENGTH:
        raise InvalidArgumentError(
            "title",
            f"is too long: it has {len(cleaned)} characters",
            f"use at most {MAX_LENGTH}",
        )
    return cleaned or None


def visible(argument: str, title: Any) -> str:
    """A title of any length, in one line; `InvalidArgumentError` when nothing of it is seen."""
    cleaned = _clean(values.text(argument, title))
    if not cleaned:
        raise InvalidArgumentError(argument, f"{title!a} is blank", "give a title that can be read")
    return cleaned


def looked_up(title: Any) -> str:
    """A title as it is looked up: in the normal form in which it is stored; empty for None."""
    return _normal(values.optional_text("title", title) or "")


def _normal(title: str) -> str:
    """The same letters are the same title, however they are put together."""
    return title if title.isascii() else unicodedata.normalize("NFC", title)


def _clean(title: str) -> str:
    return _BLANKS.sub(" ", _CONTROLS.sub("", _normal(title))).strip()


# --- get and set --------------------------------------------------------------------------------

_ID = bindparam("session", type_=Text)
_TITLE = bindparam("name", type_=Text)
_GET = Statement(select(sessions.c.title).where(sessions.c.id == _ID))
_SESSION_OF = Statement(select_records().where(sessions.c.title == _TITLE))
_HOLDER = Statement(select(sessions.c.id).where(sessions.c.title == _TITLE))
_SET = Statement(update(sessions).where(sessions.c.id == _ID).values(title=_TITLE))


def get(connection: OpenConnection, session_id: str) -> str | None:
    """The title of a session's conversation, or None."""
    row = _GET.run(connection, session=tip_of(connection, session_id)).fetchone()
    return None if row is None else cast("str | None", values.read_text(row[0]))


def session_of(connection: OpenConnection, title: str) -> SessionRecord | None:
    """The session with exactly this title, or None."""
    row = _SESSION_OF.run(connection, name=title).fetchone()
    return None if row is None else record(row)


def holder(connection: OpenConnection, title: str) -> str | None:
    """The id of the session with exactly this title, or None."""
    row = _HOLDER.run(connection, name=title).fetchone()
    return None if row is None else cast("str", row[0])


def set_title(connection: OpenConnection, session_id: str, title: str | None) -> bool:
    """Give a conversation its title, or take it away; return False for an unknown session."""
    found = locked_chains(connection, [session_id])
    if not found:
        return False
    chain = found[session_id]
    taken_by = None if title is None else holder(connection, title)
    if taken_by not in {None, chain.tip}:
        if taken_by not in chain.ids:
            raise TitleInUseError(str(title), str(taken_by))
        _SET.run(connection, session=taken_by, name=None)
    return bool(_SET.run(connection, session=chain.tip, name=title).rowcount)


def regain(connection: OpenConnection, session_id: str, title: str) -> bool:
    """Give the tip of a conversation the title that an earlier part of it has.

    Return False, and change nothing, for a session that is not a tip, and for any other title.
    """
    chain = locked_chains(connection, [session_id]).get(session_id)
    if chain is None or chain.tip != session_id or holder(connection, title) not in chain.ids:
        return False
    return set_title(connection, session_id, title)


def hand_over(connection: OpenConnection, before: str, session_id: str) -> None:
    """Give the title of the session that another one continues to that one, unless it has one."""
    title, own = (_GET.run(connection, session=each).fetchone()[0] for each in (before, session_id))
    if title is not None and own is None:
        _SET.run(connection, session=before, name=None)
        _SET.run(connection, session=session_id, name=title)


# --- lineage ------------------------------------------------------------------------------------

# Titles that begin with "base #" lie together in the index on titles: "$" follows "#".
_CONTINUATIONS = Statement(
    select(sessions.c.title, sessions.c.id).where(
        sessions.c.title >= bindparam("first"), sessions.c.title < bindparam("beyond")
    )
)


def _continuations(connection: OpenConnection, base: str) -> dict[int, str]:
    """Number → session id of "base #2", "base #3" and so on."""
    rows = _CONTINUATIONS.run(connection, first=f"{base} #", beyond=f"{base} $").fetchall()
    found = {_number(title, base): session_id for title, session_id in rows}
    return {number: session_id for number, session_id in found.items() if number is not None}


def _number(title: Any, base: str) -> int | None:
    match = _NUMBERED.fullmatch(title)
    return int(match[2]) if match and match[1] == base else None


def resolve(connection: OpenConnection, title: str) -> str | None:
    """The tip of the last continuation of `title`, else of the session that has it, else None."""
    numbered = _continuations(connection, title)
    found = numbered[max(numbered)] if numbered else holder(connection, title)
    return None if found is None else tip_of(connection, found)


def next_in_lineage(connection: OpenConnection, title: str) -> str:
    """The first free title after those of the lineage, cut so that it can be set."""
    title = _clean(title)
    match = _NUMBERED.fullmatch(title)
    base = (match[1] if match else title)[:MAX_LENGTH].rstrip()
    number = _next_number(connection, base)
    while number > 1 and len(f"{base} #{number}") > MAX_LENGTH:
        base = base[: MAX_LENGTH - len(f" #{number}")].rstrip()
        number = max(2, _next_number(connection, base))
    return base if number == 1 else f"{base} #{number}"


def _next_number(connection: OpenConnection, base: str) -> int:
    """1 when neither `base` nor a continuation of it is in use."""
    numbered = _continuations(connection, base)
    if numbered:
        return max(numbered) + 1
    return 1 if holder(connection, base) is None else 2
