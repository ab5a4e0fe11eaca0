"""Sessions with their messages, as dicts that can be written as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from hermes_store.database.connection import OpenConnection
from hermes_store.filters import SessionFilter
from hermes_store.models.stored import messages, sessions, usage
from hermes_store.queries import messages as message_functions
from hermes_store.queries import usage_records
from hermes_store.queries.lineage import whole_conversation
from hermes_store.queries.listing import select_page, translated
from hermes_store.queries.paging import ALL
from hermes_store.queries.sessions import get, record, select_records
from hermes_store.records import SessionExport, SessionRecord
from hermes_store.transfer.equal_usage import add
from hermes_store.transfer.fitting_values import NumberColumn, numbers_in_json

__all__ = ["as_given", "export_all", "export_lineage", "export_session", "iterate"]

_ROWS_AT_ONCE = 100
_KEY = ("hour", *usage_records.TEXTS)
_OF_SESSIONS, _OF_USAGE, _OF_MESSAGES = map(numbers_in_json, (sessions, usage, messages))


def export_session(connection: OpenConnection, session_id: str) -> SessionExport | None:
    """A session with its messages, or None."""
    session = get(connection, session_id)
    if session is None:
        return None
    return _exported(connection, session)


def _exported(connection: OpenConnection, session: SessionRecord) -> SessionExport:
    with_messages = {**session, "messages": _messages(connection, session["id"])}
    found = cast("SessionExport", _with_numbers(with_messages, _OF_SESSIONS))
    if used := usage_records.of_session(connection, session["id"]):
        found["usage"] = _usage(used)
    return found


def _usage(used: Sequence[Any]) -> list[Any]:
    """Records in the order of their hours; added up where another program stored what is none."""
    are_whole = all(type(each["hour"]) is int for each in used)
    records = [_with_numbers(each, _OF_USAGE) for each in used]
    if are_whole and records[0]["hour"] and records[-1]["hour"]:
        return records
    found: dict[tuple[Any, ...], Any] = {}
    for each in records:
        first = found.setdefault(tuple(each[name] for name in _KEY), each)
        if first is not each:
            add(first, each)
    return list(found.values())


def _with_numbers(record: Any, columns: Sequence[NumberColumn]) -> Any:
    """A record with numbers that an import takes, also where another program stored others."""
    for name, kind, may_be_null, least, beyond, number in columns:
        value = record[name]
        if value is None and may_be_null:
            continue
        if not (type(value) is kind and least <= value < beyond):
            record[name] = number(value)
    return record


def export_lineage(connection: OpenConnection, session_id: str) -> list[SessionExport]:
    """The sessions of a conversation and of its delegates. Raises `SessionNotFoundError`."""
    found = (
        export_session(connection, each) for each in whole_conversation(connection, session_id)
    )
    return [each for each in found if each is not None]


def _messages(connection: OpenConnection, session_id: str) -> list[Any]:
    found: list[Any] = message_functions.get_all(connection, session_id)
    return [as_given(_with_numbers(each, _OF_MESSAGES)) for each in found]


def as_given(message: dict[str, Any]) -> dict[str, Any]:
    """A message with what has no column at its top level, where a column wins.

    What an import would not take from there stands in `extra`, too.
    """
    extra = message["extra"]
    if not isinstance(extra, dict):
        return message
    covered = {name: value for name, value in extra.items() if name in message or value is None}
    return {**extra, **message, "extra": covered or None}


def iterate(connection: OpenConnection, which: SessionFilter) -> Iterator[SessionExport]:
    """Every session with its messages, newest first; holds one session at a time."""
    shape, parameters = translated(connection, which, ALL)
    streamed = select_page(select_records(), shape).execution_options(yield_per=_ROWS_AT_ONCE)
    with connection.core.execute(streamed, parameters) as rows:
        for row in rows:
            yield _exported(connection, record(row))


def export_all(connection: OpenConnection, which: SessionFilter) -> list[SessionExport]:
    """`iterate`, all at once."""
    return list(iterate(connection, which))
