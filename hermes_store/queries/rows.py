"""A message on its way in: checked, encoded, ready to be stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import Kind, kinds, messages
from hermes_store.models.visibility import STATES
from hermes_store.search.searched import folded

__all__ = [
    "KEYWORDS",
    "NewRow",
    "alike",
    "changed_columns",
    "forms_of",
    "in_slices",
    "new_row",
    "new_rows",
    "number_of_calls",
    "with_extra",
]

Check = Callable[[str, Any], Any]

_CHECKS: dict[Kind, Check] = {
    "text": values.optional_text,
    "json": values.encode_json,
    "whole": values.count,
    "number": values.number,
}
_OPTIONAL = {name: _CHECKS[kind] for name, kind in kinds(messages).items() if kind in _CHECKS}
"""How the value of each column is checked; those below have rules of their own."""
for _name in ("id", "session_id", "role", "timestamp", "tool_calls", "extra", "state"):
    del _OPTIONAL[_name]

_OPTIONAL["external_id"] = values.external_id

KEYWORDS = frozenset({"role", "content", "timestamp", "tool_calls", "extra", *_OPTIONAL})
"""The keys of a message that have a column; others are kept in `extra`."""


class NewRow(NamedTuple):
    """A message ready to be stored: the columns that it has, and how many tool calls it makes."""

    columns: dict[str, Any]
    tool_calls: int

    @property
    def session_id(self) -> str:
        """The session that it belongs to."""
        return cast("str", self.columns["session_id"])


def new_row(
    *,
    session_id: str,
    role: Any,
    content: Any = None,
    timestamp: Any = None,
    tool_calls: Any = None,
    extra: Any = None,
    **others: Any,
) -> NewRow:
    """Check and encode a message; `others` are of `KEYWORDS`. Raises `InvalidArgumentError`."""
    stored_content, content_format = values.content(content)
    columns: dict[str, Any] = {
        "session_id": session_id,
        "role": values.text("role", role),
        "content": stored_content,
        "timestamp": values.seconds("timestamp", timestamp),
    }
    if content_format is not None:
        columns["content_format"] = content_format
    if tool_calls is not None:
        columns["tool_calls"] = values.encode_json("tool_calls", tool_calls)
    if (besides := values.optional_mapping("extra", extra)) is not None:
        columns["extra"] = values.encode_json("extra", besides)
    if role == "tool" and others.get("tool_name") is None:
        others["tool_name"] = others.pop("name", None)
    for name, value in others.items():
        if value is not None:
            columns[name] = _OPTIONAL[name](name, value)
    forms = folded(
        stored_content, content_format, columns.get("tool_name"), columns.get("tool_calls")
    )
    if forms is not None:
        columns["folded"] = forms
    return NewRow(columns, 0 if tool_calls is None else number_of_calls(tool_calls))


def changed_columns(stored: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that change when a stored message gets other `fields`, checked and encoded.

    What is stored is not checked again: older programs stored what no caller may give any more.
    Raises `InvalidArgumentError`.
    """
    unknown = sorted(fields.keys() - KEYWORDS)
    if unknown:
        raise InvalidArgumentError(
            unknown[0], "is not a field of a message", f"use {', '.join(sorted(KEYWORDS))}"
        )
    kept = {"role": stored["role"] or "user", "tool_name": stored["tool_name"]}
    row = new_row(session_id=stored["session_id"], **{**kept, **fields})
    changed = {name: row.columns.get(name) for name in fields}
    if "content" in fields:
        changed["content_format"] = row.columns.get("content_format")
    # The name of a tool message is its tool.
    if row.columns.get("tool_name") != stored["tool_name"]:
        changed["tool_name"] = row.columns.get("tool_name")
    return changed


def forms_of(content: Any, tool_name: Any, tool_calls: Any) -> str | None:
    """What `messages.folded` is for a message with these values, as a caller gives them."""
    stored, content_format = values.content(content)
    return folded(stored, content_format, tool_name, values.encode_json("tool_calls", tool_calls))


def number_of_calls(tool_calls: Any) -> int:
    """How many calls a message counts for."""
    return len(tool_calls) if isinstance(tool_calls, list) else int(bool(tool_calls))


def alike(rows: Sequence[NewRow]) -> list[dict[str, Any]]:
    """The columns of each row; what one of them has, all have."""
    columns = dict.fromkeys(name for row in rows for name in row.columns)
    return [{**columns, **row.columns} for row in rows]


def in_slices(rows: Iterable[NewRow], most: int, most_text: int) -> Iterator[list[NewRow]]:
    """The rows in lists, in their order; one ends when it has the most rows, or characters."""
    slice_: list[NewRow] = []
    characters = 0
    for row in rows:
        slice_.append(row)
        for value in row.columns.values():
            if isinstance(value, str):
                characters += len(value)
        if len(slice_) == most or characters >= most_text:
            yield slice_
            slice_, characters = [], 0
    if slice_:
        yield slice_


def new_rows(session_id: str, given: Any) -> list[NewRow]:
    """Check and encode a list of messages; an error names the message by its place."""
    if isinstance(given, (str, bytes, dict)) or not isinstance(given, Sequence):
        raise InvalidArgumentError("messages", "is not a list", "give a list of dicts")
    return [_new_row_of(session_id, place, message) for place, message in enumerate(given)]


def _new_row_of(session_id: str, place: int, message: Any) -> NewRow:
    if not isinstance(message, (dict, Mapping)) or "role" not in message:  # a dict is seen at once
        remedy = "give a dict with 'role', as of model_dump(mode=\"json\")"
        raise InvalidArgumentError(f"messages[{place}]", "has no role", remedy)
    try:
        return new_row(session_id=session_id, **with_extra(message))
    except InvalidArgumentError as exc:
        argument = f"messages[{place}].{exc.argument}"
        raise InvalidArgumentError(argument, exc.problem, exc.remedy) from exc


def _is_own(key: Any, value: Any) -> bool:
    """Whether the store itself gave a message this key: then it is not the message's."""
    if key == "id":
        return isinstance(value, int)
    return key == "session_id" or (key == "state" and value in STATES)


def with_extra(message: Mapping[Any, Any]) -> Mapping[str, Any]:
    """The keywords of a message; what has no column, unless it is None, stands in `extra`.

    Keys that the store itself gave (its whole number of an id, the session) are left out.
    """
    if message.keys() <= KEYWORDS:
        return message
    known = {key: value for key, value in message.items() if key in KEYWORDS}
    others = {
        key: value
        for key, value in message.items()
        if key not in KEYWORDS and value is not None and not _is_own(key, value)
    }
    if others:
        known["extra"] = {**others, **(values.optional_mapping("extra", known.get("extra")) or {})}
    return known
