"""A session in a list of Hermes Agent: its row, with a preview and without its messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select

from hermes_store.adapters.hermes_agent.columns import Row, dicts
from hermes_store.models.stored import messages, sessions
from hermes_store.queries.dicts import Dicts
from hermes_store.queries.sessions import NAMES, readable

__all__ = ["LINK", "Columns", "listed", "select_listed"]

_PREVIEW = 60
_WINDOW = 200
"""Characters that a preview is made from."""
_BEHIND = ("link", "extra")
LINK = -2
"""The place of the link in a row of `select_listed`; `extra` is the last."""

Columns = tuple[str, ...]


@cache
def _names(*, compact: bool) -> Columns:
    left_out = {*_BEHIND, "system_prompt"} if compact else {*_BEHIND}
    return tuple(name for name in NAMES if name not in left_out)


@cache
def select_listed(*, compact: bool = False) -> Select[Any]:
    """Sessions with the beginning of what the user first said, for `listed`."""
    one: ColumnElement[int] = literal_column("1")
    window: ColumnElement[int] = literal_column(str(_WINDOW))
    begin = func.substr(messages.c.content, one, window)
    text = case((messages.c.content_format.is_(None), begin), else_=literal_column("''"))
    said = (
        select(text)
        .where(
            messages.c.session_id == sessions.c.id,
            messages.c.role == literal_column("'user'"),
            messages.c.content.is_not(None),
            messages.c.state.is_(None),
        )
        .order_by(messages.c.id)
        .limit(one)
        .correlate(sessions)
        .scalar_subquery()
    )
    columns = readable(_names(compact=compact))
    return select(columns, said.label("said"), *(sessions.c[name] for name in _BEHIND))


def listed(rows: Iterable[Sequence[Any]], *, compact: bool = False) -> list[Row]:
    """Rows of `select_listed` as Hermes' rows of a list."""
    found: list[Row] = _dicts(compact=compact).of(rows)
    return found


@cache
def _dicts(*, compact: bool) -> Dicts:
    columns = (*_names(compact=compact), "preview", *_BEHIND)
    return dicts(columns, {"preview": ""}, {"preview": _preview})


def _preview(text: str) -> str:
    if len(lines := text.splitlines()) > 1:
        text = " ".join(lines)
    text = text.strip()
    return text if len(text) <= _PREVIEW else text[:_PREVIEW] + "..."
