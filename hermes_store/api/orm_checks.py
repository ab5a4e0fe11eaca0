"""What a column takes through `orm_session()`: by the rules of the repository's methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import ClauseElement, Table

from hermes_store import models, values
from hermes_store.models import links
from hermes_store.models.types import Json, Words
from hermes_store.models.visibility import checked_state
from hermes_store.queries import titles, usage_records
from hermes_store.queries.rows import forms_of

__all__ = ["SEARCHED", "checked", "searched_by"]

Check = Callable[[str, Any], Any]
"""Of a column's name and a value; returns the value as it is to be written."""


def _json(column: str, value: Any) -> Any:
    values.encode_json(column, value)
    return value


def _extra(column: str, value: Any) -> Any:
    return _json(column, values.optional_mapping(column, value))


def _content(_column: str, value: Any) -> Any:
    values.content(value)
    return value


def _optional(check: Check, column: str, value: Any) -> Any:
    return None if value is None else check(column, value)


_CHECKS: dict[str, dict[str, Check]] = {
    "sessions": {
        "id": values.new_session_id,
        "source": values.source,
        "title": lambda _column, title: titles.sanitize(title),
        "parent_session_id": values.optional_session_id,
        "link": lambda _column, link: links.checked(link),
        "started_at": values.seconds,
        "ended_at": partial(_optional, values.seconds),
        "estimated_cost_usd": values.cost,
        "actual_cost_usd": values.cost,
        "key": values.session_key,
    },
    "usage": {
        "session_id": values.session_id,
        "hour": usage_records.checked_hour,
        **dict.fromkeys(("first_at", "last_at"), values.seconds),
        **usage_records.CHECKS,
    },
    "meta": {"key": values.key, "value": _json},
    "messages": {
        "session_id": values.session_id,
        "role": values.text,
        "content": _content,
        "timestamp": values.seconds,
        "token_count": partial(_optional, values.count),
        "external_id": partial(_optional, values.external_id),
        "extra": _extra,
        "state": checked_state,
    },
}


def _complete(table: Table) -> dict[str, Check]:
    by_type: dict[type, Check] = {Json: _json, Words: values.optional_text}
    found = {each.name: by_type.get(type(each.type)) for each in table.columns}
    return {name: check for name, check in found.items() if check} | _CHECKS[table.name]


_COMPLETE = {name: _complete(models.Base.metadata.tables[name]) for name in _CHECKS}


def checked(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row as they are to be written. Raises `InvalidArgumentError`."""
    checks = _COMPLETE[table]
    found = {
        name: checks[name](name, value) if name in checks and not _is_sql(value) else value
        for name, value in row.items()
    }
    if table == "usage":
        _require_short(found)
    return found


def _require_short(record: Mapping[str, Any]) -> None:
    """Refuse a record of usage whose texts are too long altogether for the index of a server."""
    key = {name: record.get(name) for name in ("session_id", *usage_records.TEXTS)}
    texts = {name: text if isinstance(text, str) else "" for name, text in key.items()}
    usage_records.whole_key(texts["session_id"], texts)


SEARCHED = ("content", "tool_name", "tool_calls")
"""Columns of a message that search looks at."""


def searched_by(message: Mapping[str, Any]) -> dict[str, str | None]:
    """The column that search reads beside these; nothing where SQL gives one of them."""
    given = [message.get(name) for name in SEARCHED]
    return {} if any(map(_is_sql, given)) else {"folded": forms_of(*given)}


def _is_sql(value: Any) -> bool:
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")
