"""Which stored sessions stand for a conversation, as conditions of a SELECT from `sessions`.

A chain has one root and one tip, so a conversation is found once by either. For almost every row
an index tells; a chain is walked where it ends only. Conversations of delegates are left out.
"""

# ruff: noqa: S608 - these statements are put together from constants

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Select,
    Text,
    and_,
    case,
    literal_column,
    select,
    text,
)
from sqlalchemy.sql.visitors import replacement_traverse

from hermes_store.models.links import COMPRESSION, DELEGATE
from hermes_store.models.stored import sessions

__all__ = ["ENDS_CHAIN", "GOES_ON", "HAS_ENDED", "IS_ROOT", "IS_TIP", "TIP_ID", "by_root"]

# Text, because SQLAlchemy writes a recursive query before the whole statement, where it cannot
# name the row that it belongs to. UNION ends each walk at a circle. Scalar subqueries in place of
# EXISTS: PostgreSQL would read all parts of the store at once to answer EXISTS for a few rows.

_NO_PARTS = f"""\
(SELECT 1 FROM sessions AS part WHERE part.link = '{COMPRESSION}'
ORDER BY part.parent_session_id LIMIT 1) IS NULL"""
"""Asked once for a statement. The order makes PostgreSQL look into the index of the parts."""

_NEWEST_PART_OF = f"""\
(SELECT part.id FROM sessions AS part
WHERE part.parent_session_id = {{session}} AND part.link = '{COMPRESSION}'
ORDER BY part.started_at DESC, part.id DESC LIMIT 1)"""

_NEWEST_PART = _NEWEST_PART_OF.format(session="sessions.id")

_NOT_LEFT = f"""\
(WITH RECURSIVE up(id, parent, started_at, link) AS (
SELECT sessions.id, sessions.parent_session_id, sessions.started_at, sessions.link
UNION SELECT before.id, before.parent_session_id, before.started_at, before.link
FROM sessions AS before JOIN up ON before.id = up.parent AND up.link = '{COMPRESSION}')
SELECT 1 FROM up WHERE up.parent IS NOT NULL AND ({{or_where}}
up.link = '{COMPRESSION}' AND (up.started_at, up.id) <
(SELECT other.started_at, other.id FROM sessions AS other
WHERE other.parent_session_id = up.parent AND other.link = '{COMPRESSION}'
ORDER BY other.started_at DESC, other.id DESC LIMIT 1))
LIMIT 1) IS NULL"""
"""No part on the way up was left for one that began later. `or_where` refuses more of them."""

_BEGINS_CIRCLE = f"""\
(WITH RECURSIVE up(id, parent, started_at) AS (
SELECT {{row}}.id, {{row}}.parent_session_id, {{row}}.started_at
UNION SELECT before.id, CASE WHEN before.link = '{COMPRESSION}' THEN before.parent_session_id END,
before.started_at FROM sessions AS before JOIN up ON before.id = up.parent)
SELECT max(CASE WHEN up.parent = {{row}}.id THEN 1 ELSE 0 END) = 1 AND
max(CASE WHEN (up.started_at, up.id) < ({{row}}.started_at, {{row}}.id) THEN 1 ELSE 0 END) = 0
FROM up)"""
"""Its ancestors lead back to it, and none of them began earlier."""

_ENDS_CIRCLE = f"""\
(SELECT 1 FROM sessions AS first
WHERE first.parent_session_id = sessions.id AND first.link = '{COMPRESSION}'
AND (first.started_at, first.id) <= (sessions.started_at, sessions.id)
AND {_BEGINS_CIRCLE.format(row="first")} LIMIT 1) IS NOT NULL"""

_ENDS_CHAIN = f"""\
WHEN {_NO_PARTS} THEN true
WHEN {_NEWEST_PART} IS NOT NULL THEN {_ENDS_CIRCLE}
WHEN sessions.link = '{COMPRESSION}' THEN {_NOT_LEFT} ELSE true END"""

_IS_TIP = f"""\
CASE WHEN sessions.link = '{DELEGATE}' AND sessions.parent_session_id IS NOT NULL THEN false
{_ENDS_CHAIN.format(or_where=f"up.link = '{DELEGATE}' OR")}"""

_HAS_EARLIER_PARENT = """\
(SELECT 1 FROM sessions AS before WHERE before.id = sessions.parent_session_id
AND (before.started_at, before.id) < (sessions.started_at, sessions.id)) IS NOT NULL"""

_HAS_PARENT = "(SELECT 1 FROM sessions AS p WHERE p.id = sessions.parent_session_id) IS NOT NULL"

# A CASE for each step: SQLite works out both sides of an AND that is not a condition itself.
_IS_ROOT = f"""\
CASE WHEN sessions.link = '{COMPRESSION}' THEN
CASE WHEN {_HAS_EARLIER_PARENT} THEN false WHEN {_HAS_PARENT}
THEN {_BEGINS_CIRCLE.format(row="sessions")} ELSE true END
WHEN sessions.link = '{DELEGATE}' THEN sessions.parent_session_id IS NULL ELSE true END"""

_TIP_ID = f"""\
CASE WHEN sessions.link = '{COMPRESSION}' AND {_HAS_PARENT} THEN sessions.parent_session_id
ELSE (WITH RECURSIVE down(id, following) AS (
SELECT sessions.id, {_NEWEST_PART}
UNION SELECT down.following, {_NEWEST_PART_OF.format(session="down.following")}
FROM down WHERE down.following IS NOT NULL)
SELECT down.id FROM down WHERE down.following IS NULL) END"""

_OPEN_PART = f"""\
(WITH RECURSIVE down(id, ended_at) AS (
SELECT sessions.id, sessions.ended_at
UNION SELECT part.id, part.ended_at FROM sessions AS part
JOIN down ON part.parent_session_id = down.id AND part.link = '{COMPRESSION}')
SELECT 1 FROM down WHERE down.ended_at IS NULL
AND {_NEWEST_PART_OF.format(session="down.id")} IS NULL LIMIT 1)"""
"""An open session that no other one continues: it may be in use. One that is continued is not."""

IS_TIP: ColumnElement[bool] = literal_column(f"({_IS_TIP})", Boolean)
"""A conversation goes on in this session, or ended there."""
ENDS_CHAIN: ColumnElement[bool] = literal_column(
    f"(CASE {_ENDS_CHAIN.format(or_where='')})", Boolean
)
"""As `IS_TIP`, also of the conversations of delegates."""
IS_ROOT: ColumnElement[bool] = literal_column(f"({_IS_ROOT})", Boolean)
"""A conversation began in this session."""
GOES_ON: ColumnElement[bool] = literal_column(
    f"(CASE WHEN {_NO_PARTS} THEN false ELSE {_NEWEST_PART} IS NOT NULL END)", Boolean
)
"""Another session continues this one."""
HAS_ENDED: ColumnElement[bool] = literal_column(
    f"(CASE WHEN {_NO_PARTS} THEN sessions.ended_at IS NOT NULL ELSE {_OPEN_PART} IS NULL END)",
    Boolean,
)
"""Of a root: neither its tip nor a session that was left for the tip is open."""
TIP_ID: ColumnElement[str] = literal_column(f"({_TIP_ID})", Text)
"""Of a root, the id of the tip; in a circle that is the root's parent."""
_IS_ITS_TIP = literal_column("tip.id", Text) == TIP_ID


def by_root(conditions: Iterable[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """The conditions that a session is the root of a conversation whose tip meets `conditions`."""
    alone = and_(*conditions)
    of_the_tip = replacement_traverse(alone, {}, _of_the_tip)
    one: Select[Any] = select(literal_column("1")).select_from(text("sessions AS tip"))
    found = one.where(_IS_ITS_TIP, of_the_tip).limit(literal_column("1")).scalar_subquery()
    return [IS_ROOT, case((GOES_ON, found.is_not(None)), else_=alone)]


def _of_the_tip(element: Any, **_: Any) -> ColumnElement[Any] | None:
    """The column of the tip in place of the root's. To make an alias takes half a millisecond."""
    if isinstance(element, Column) and element.table is sessions:
        return literal_column(f'tip."{element.name}"', element.type)
    return None
