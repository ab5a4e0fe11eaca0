"""Which sessions a call of Hermes means: its keywords as conditions on the table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_

from hermes_store.adapters.hermes_agent.links import IS_LISTED
from hermes_store.models.stored import sessions

__all__ = ["BY_EXTRA", "chosen", "holds", "prunable"]

Conditions = list[ColumnElement[bool]]
_c = sessions.c


def chosen(
    *,
    source: str | None = None,
    exclude_sources: Sequence[str] | None = None,
    cwd_prefix: str | None = None,
    min_message_count: int = 0,
    include_archived: bool = False,
    archived_only: bool = False,
    exclude_children: bool = False,
) -> Conditions:
    """The conditions that lists and counts have in common."""
    found: Conditions = [IS_LISTED] if exclude_children else []
    if source:
        found.append(_c.source == source)
    if exclude_sources:
        found.append(_c.source.not_in(list(exclude_sources)))
    if cwd_prefix:
        found.append(_under(cwd_prefix))
    if min_message_count > 0:
        found.append(_c.message_count >= min_message_count)
    if archived_only:
        found.append(_c.archived.is_not(None))
    elif not include_archived:
        found.append(_c.archived.is_(None))
    return found


def _under(folder: str) -> ColumnElement[bool]:
    """The folder itself, or what lies in it, with the separators of either system."""
    path = folder.rstrip("/\\") or folder
    return or_(
        _c.cwd == path,
        _c.cwd.startswith(path + "/", autoescape=True),
        _c.cwd.startswith(path + "\\", autoescape=True),
    )


def holds(id_query: str | None, search_query: str | None) -> ColumnElement[bool] | None:
    """Sessions whose id, or whose id or title, holds a text; punctuation need not agree."""
    needles: Conditions = []
    if wanted := (id_query or "").strip().lower():
        needles.append(func.lower(_c.id).contains(wanted, autoescape=True))
    if wanted := (search_query or "").strip().lower():
        title = func.lower(func.coalesce(_c.title, ""))
        ways = [title, func.lower(_c.id)]
        found = [each.contains(wanted, autoescape=True) for each in ways]
        if letters := re.sub(r"[\W_]+", "", wanted):
            found.append(_letters(title).contains(letters, autoescape=True))
        needles.append(or_(*found))
    return and_(*needles) if needles else None


def _letters(text: Any) -> Any:
    for sign in "-_. ":
        text = func.replace(text, sign, "")
    return text


_TOKENS = func.coalesce(_c.input_tokens, 0) + func.coalesce(_c.output_tokens, 0)
_COST = func.coalesce(_c.actual_cost_usd, _c.estimated_cost_usd, 0.0)
_TOOL_CALLS = func.coalesce(_c.tool_call_count, 0)


def _has(column: Any, text: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = func.lower(func.coalesce(column, "")).contains(
        text.lower(), autoescape=True
    )
    return found


_MEANINGS: dict[str, Any] = {
    "started_before": lambda value: _c.started_at < value,
    "started_after": lambda value: _c.started_at >= value,
    "source": lambda value: _c.source == value,
    "title_like": lambda value: _has(_c.title, value),
    "end_reason": lambda value: _c.end_reason == value,
    "cwd_prefix": _under,
    "min_messages": lambda value: _c.message_count >= value,
    "max_messages": lambda value: _c.message_count <= value,
    "model_like": lambda value: _has(_c.model, value),
    "provider": lambda value: func.lower(func.coalesce(_c.billing_provider, "")) == value.lower(),
    "user_id": lambda value: _c.user_id == value,
    "min_tokens": lambda value: value <= _TOKENS,
    "max_tokens": lambda value: value >= _TOKENS,
    "min_cost": lambda value: value <= _COST,
    "max_cost": lambda value: value >= _COST,
    "min_tool_calls": lambda value: value <= _TOOL_CALLS,
    "max_tool_calls": lambda value: value >= _TOOL_CALLS,
    "archived": lambda value: _c.archived.is_not(None) if value else _c.archived.is_(None),
}
BY_EXTRA: dict[str, Any] = {
    "chat_id": lambda there, value: there == value,
    "chat_type": lambda there, value: there == value,
    "branch_like": lambda there, value: value.lower() in (there or "").lower(),
}
"""Filters on what stands in `extra`; `branch_like` asks for `git_branch`."""


def prunable(filters: dict[str, Any]) -> Conditions:
    """Ended sessions that meet filters. Raises TypeError for an unknown one."""
    if unknown := sorted(filters.keys() - _MEANINGS.keys() - BY_EXTRA.keys()):
        known = ", ".join(sorted({*_MEANINGS, *BY_EXTRA}))
        raise TypeError(f"{unknown[0]!r} is not a filter of sessions; use {known}")
    given = {name: value for name, value in filters.items() if value is not None and value != ""}
    found = [_MEANINGS[name](value) for name, value in given.items() if name in _MEANINGS]
    return [_c.ended_at.is_not(None), *found]
