"""A session in a list of Hermes Agent: its row, with a preview and without its messages."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select

from hermes_store.adapters.hermes_agent.columns import SESSION_EXTRA, Row, add_extra
from hermes_store.models.stored import messages, sessions
from hermes_store.queries.sessions import NAMES, readable
from hermes_store.values import decode_json

__all__ = ["LINK", "Columns", "listed", "select_listed"]

_PREVIEW = 60
_WINDOW = 200
"""Characters that a preview is made from."""
_BEHIND = ("link", "extra")
_RENAMED = {"key": "session_key"}
LINK = -2
"""The place of the link in a row of `select_listed`; `extra` is the last."""

Columns = tuple[str, ...]


@cache
def _names(*, compact: bool) -> Columns:
    left_out = {*_BEHIND, "system_prompt"} if compact else {*_BEHIND}
    return tuple(name for name in NAMES if name not in left_out)


def _keys(*, compact: bool) -> Columns:
    return (*(_RENAMED.get(name, name) for name in _names(compact=compact)), "preview")


_KEYS = {compact: _keys(compact=compact) for compact in (False, True)}
_EMPTY: dict[bool, Row] = {
    compact: {**dict.fromkeys(keys), **SESSION_EXTRA} for compact, keys in _KEYS.items()
}


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


def listed(row: tuple[Any, ...], *, compact: bool = False) -> Row:
    """A row of `select_listed` as Hermes' row of a list."""
    found = _EMPTY[compact].copy()  # as in `session_of_columns`
    found.update(zip(_KEYS[compact], row))  # noqa: B905 - the last two columns have no key
    found["archived"] = 0 if found["archived"] is None else 1
    text = found["preview"] or ""
    if len(lines := text.splitlines()) > 1:
        text = " ".join(lines)
    text = text.strip()
    found["preview"] = text if len(text) <= _PREVIEW else text[:_PREVIEW] + "..."
    if row[-1]:
        add_extra(found, decode_json(row[-1]))
    return found
