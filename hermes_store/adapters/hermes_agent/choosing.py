"""Which sessions a call of Hermes means: its keywords as conditions on the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, bindparam, func, or_

from hermes_store.adapters.hermes_agent.links import IS_LISTED, IS_LISTED_OR_LATER
from hermes_store.database.given_texts import as_parameter, is_given
from hermes_store.models.stored import sessions
from hermes_store.queries.conversations import GOES_ON

__all__ = ["BY_EXTRA", "CONDITIONS", "chosen", "holds", "prunable"]

Conditions = list[ColumnElement[bool]]
_c = sessions.c


def _text(name: str) -> Any:
    return bindparam(name, type_=Text)


def _under(folder: Any, below: Any, below_on_windows: Any) -> ColumnElement[bool]:
    """The folder itself, or what lies in it, with the separators of either system."""
    inside = (_c.cwd.like(each, escape="/") for each in (below, below_on_windows))
    return or_(_c.cwd == folder, *inside)


CONDITIONS: dict[str, ColumnElement[bool]] = {
    "source": _c.source == _text("source"),
    "excluded": ~is_given(_c.source, "excluded"),
    "least": _c.message_count >= bindparam("least"),
    "folder": _under(*map(_text, ("folder", "below", "below_on_windows"))),
    "archived": _c.archived.is_not(None),
    "not_archived": _c.archived.is_(None),
    "is_listed": IS_LISTED,
    "is_listed_tip": and_(IS_LISTED_OR_LATER, ~GOES_ON),
}
"""What a list or a count can ask of a session; values are parameters."""


def chosen(asked: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The names of the `CONDITIONS` that lists and counts have in common, and their parameters.

    `asked` are the keywords of the call, by their names.
    """
    given: dict[str, Any] = {}
    if asked["source"]:
        given["source"] = asked["source"]
    if asked["exclude_sources"]:
        given["excluded"] = as_parameter(asked["exclude_sources"])
    if asked["min_message_count"] > 0:
        given["least"] = asked["min_message_count"]
    names = [*given]
    if asked["cwd_prefix"]:
        names.append("folder")
        given |= _paths(asked["cwd_prefix"])
    if asked["archived_only"]:
        names.append("archived")
    elif not asked["include_archived"]:
        names.append("not_archived")
    return names, given


def _paths(folder: str) -> dict[str, str]:
    """What `_under` compares with."""
    path = folder.rstrip("/\\") or folder
    written = re.sub("([/%_])", r"/\1", path)
    return {"folder": path, "below": f"{written}//%", "below_on_windows": f"{written}\\%"}


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
    "cwd_prefix": lambda value: _under(**_paths(value)),
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
