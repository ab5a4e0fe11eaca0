"""What a child session is to its parent, as Hermes tells: by markers, and by the parent's end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, select, update

from hermes_store import Transaction
from hermes_store.models.links import BRANCH, COMPRESSION, DELEGATE, RESET
from hermes_store.models.stored import sessions

__all__ = ["IS_DELEGATED", "IS_LISTED", "IS_LISTED_OR_LATER", "has_marker", "link_of", "relink"]

_MARKERS = {"_delegate_from": DELEGATE, "_branched_from": BRANCH, "_reset_from": RESET}


def has_marker(marker: str, config: Any = sessions.c.model_config) -> ColumnElement[bool]:
    """Whether the settings of a session's model hold a marker."""
    return and_(config.is_not(None), config.contains(f'"{marker}": ', autoescape=True))


IS_DELEGATED = or_(sessions.c.link == DELEGATE, has_marker("_delegate_from"))
"""A subagent's work; NULL counts as False."""


def _is_seen(*links: str) -> ColumnElement[bool]:
    """Whether a session has no parent or one of `links`, and is no subagent's work."""
    # Literals and single terms: SQLite binds nothing, and stops at the first term that is false.
    link = sessions.c.link
    linked = (link == literal_column(f"'{each}'") for each in links)
    return and_(
        or_(sessions.c.parent_session_id.is_(None), *linked),
        or_(link.is_(None), link != literal_column(f"'{DELEGATE}'")),
        or_(sessions.c.model_config.is_(None), ~has_marker("_delegate_from")),
    )


IS_LISTED = _is_seen(BRANCH, RESET)
"""Where a conversation begins that a user sees: neither a subagent's nor a later part."""
IS_LISTED_OR_LATER = _is_seen(BRANCH, RESET, COMPRESSION)
"""As `IS_LISTED`, and the later parts."""


def link_of(config: Any, parent: Mapping[str, Any] | None, started: float) -> str | None:
    """What the parent is to a session that starts at a time; None when it cannot be told."""
    if parent is None:
        return None
    marked = config if isinstance(config, dict) else {}
    for marker, link in _MARKERS.items():
        if marked.get(marker) == parent["id"]:
            return link
    if started < (parent["ended_at"] or 0.0):
        return DELEGATE if marked.get("_delegate_from") else None
    ends = {"compression": COMPRESSION, "branched": BRANCH}
    return ends.get(parent["end_reason"] or "") or (
        DELEGATE if marked.get("_delegate_from") else None
    )


def relink(tx: Transaction, session_id: str) -> None:
    """Tell the links of a session and of its children anew: one of their columns was changed."""
    children = select(sessions.c.id).where(sessions.c.parent_session_id == session_id)
    for each in [session_id, *tx.execute(children).scalars()]:
        child = tx.get_session(each)
        if child is None:
            continue
        name = child["parent_session_id"]
        parent: Any = tx.get_session(name) if name else None
        link = link_of(child["model_config"], parent, child["started_at"])
        if link != child["link"]:
            tx.execute(update(sessions).where(sessions.c.id == each).values(link=link))
