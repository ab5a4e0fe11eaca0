"""Export and import: sessions with their messages, as dicts that can be written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple, cast

from sqlalchemy import insert, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages, names, sessions
from hermes_store.queries import messages as message_functions
from hermes_store.queries import titles
from hermes_store.queries.listing import Filter, select_page
from hermes_store.queries.rows import KEYWORDS, NewRow, alike, new_row
from hermes_store.queries.sessions import NAMES, exists, get, link_parent, record, select_records
from hermes_store.records import ImportResult, SessionExport
from hermes_store.search.triggers import require_all_stored

__all__ = [
    "Imported",
    "ParsedSession",
    "export_all",
    "export_session",
    "import_all",
    "import_session",
    "iterate",
    "parse",
]

_ROWS_AT_ONCE = 100
_IDS_AT_ONCE = 900  # builds of SQLite allow 999 parameters

# --- export -------------------------------------------------------------------------------------


def export_session(connection: OpenConnection, session_id: str) -> SessionExport | None:
    """A session with its messages, or None."""
    session = get(connection, session_id)
    if session is None:
        return None
    return {**session, "messages": message_functions.get(connection, session_id)}


def iterate(connection: OpenConnection, which: Filter) -> Iterator[SessionExport]:
    """Every session with its messages, newest first; holds one session at a time."""
    statement = select_page(select_records(), which.shape())
    parameters = {**which.parameters(), **values.page(None, 0)}
    streamed = statement.execution_options(yield_per=_ROWS_AT_ONCE)
    with connection.core.execute(streamed, parameters) as rows:
        for row in rows:
            session = record(row)
            yield {**session, "messages": message_functions.get(connection, session["id"])}


def export_all(connection: OpenConnection, which: Filter) -> list[SessionExport]:
    """`iterate`, all at once."""
    return list(iterate(connection, which))


# --- import: what a session must look like ------------------------------------------------------

_TEXTS = tuple(
    name
    for name in names(sessions, "text")
    if name not in {"id", "source", "parent_session_id"}  # these have checks of their own
)
_JSON = names(sessions, "json")
_COUNTS = tuple(name for name in names(sessions, "whole") if name != "message_count")
_NUMBERS = tuple(name for name in names(sessions, "number") if name != "started_at")
_MESSAGE_KEYS = KEYWORDS | {"id", "session_id"}


class ParsedSession(NamedTuple):
    """A session that was read elsewhere, checked and encoded."""

    columns: dict[str, Any]
    rows: list[NewRow]
    ids: list[int] | None
    """The messages' own ids, when they can be kept: all there, and rising."""
    unknown: set[str]
    """Fields that this version does not know."""


def parse(given: Any) -> ParsedSession:
    """Check and encode what an export wrote. Raises `InvalidArgumentError`."""
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("sessions", f"{type(given).__name__} is no dict", "give dicts")
    session_id = values.session_id("id", given.get("id"))
    here = f"session {session_id}"
    columns = _located(here, _session_columns, given)
    found = given.get("messages") or []
    if not isinstance(found, list):
        raise InvalidArgumentError(f"{here}, messages", "is no list", "give a list of dicts")
    rows = [
        _located(f"{here}, messages[{place}]", _message_row, session_id, message, columns)
        for place, message in enumerate(found)
    ]
    columns["message_count"] = len(rows)
    columns.setdefault("tool_call_count", sum(row.tool_calls for row in rows))
    times = [row.columns["timestamp"] for row in rows]
    columns.setdefault("last_active", max(times, default=columns["started_at"]))
    unknown = set(given) - {*NAMES, "messages"}
    unknown.update(*(set(message) - _MESSAGE_KEYS for message in found))
    return ParsedSession(columns, rows, _rising_ids(found), unknown)


def _located(here: str, check: Any, *args: Any) -> Any:
    try:
        return check(*args)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{here}, {exc.argument}", exc.problem, exc.remedy) from exc


def _session_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    parent = given.get("parent_session_id")
    columns = {
        "id": given["id"],
        "source": _stored_text("source", given.get("source")),
        "parent_session_id": values.optional_session_id("parent_session_id", parent),
        "started_at": values.number("started_at", given.get("started_at")),
        "ended_at": None,
    }
    columns |= {name: values.optional_text(name, given.get(name)) for name in _TEXTS}
    columns |= {name: values.encode_json(name, given.get(name)) for name in _JSON}
    columns |= {name: _stored_count(name, given[name]) for name in _COUNTS if name in given}
    for name in _NUMBERS:
        if given.get(name) is not None:
            columns[name] = values.number(name, given[name])
    return columns


def _message_row(session_id: str, given: Any, session: dict[str, Any]) -> NewRow:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("value", f"{type(given).__name__} is no dict", "give a dict")
    time, tokens = given.get("timestamp"), given.get("token_count")
    stored = {
        "role": _stored_text("role", given.get("role")),
        "timestamp": session["started_at"] if time is None else values.number("timestamp", time),
        "token_count": None if tokens is None else _stored_count("token_count", tokens),
    }
    keys = _MESSAGE_KEYS - {"id", "session_id", *stored}
    known = {name: given[name] for name in keys if name in given}
    row = new_row(session_id=session_id, role="user", timestamp=0.0, **known)
    row.columns.update(stored)
    return row


# A store may hold what no caller may give any more: the original checked nothing.


def _stored_text(argument: str, value: Any) -> str:
    return "" if value == "" else values.text(argument, value)


def _stored_count(argument: str, value: Any) -> int:
    if isinstance(value, int) and value < 0:
        return -values.count(argument, -value)
    return values.count(argument, value)


def _rising_ids(found: list[Mapping[str, Any]]) -> list[int] | None:
    ids = [message.get("id") for message in found]
    if not all(type(one) is int and 0 < one <= values.GREATEST_COUNT for one in ids):
        return None
    rising = cast("list[int]", ids)
    return rising if all(a < b for a, b in pairwise(rising)) else None


# --- import: storing it -------------------------------------------------------------------------


def import_all(given: Iterable[Any], write: Callable[..., Any]) -> ImportResult:
    """Store sessions one by one with `write(function, …)`; then link those to their parents."""
    if not isinstance(given, Iterable):
        raise InvalidArgumentError("sessions", f"{given!r} is no list", "give dicts, as exported")
    done = ImportResult()
    parents: dict[str, str] = {}
    unknown: set[str] = set()
    for one in given:
        session = parse(one)
        imported = write(import_session, session)
        _note(done, session, imported)
        unknown |= session.unknown
        if imported.parent_to_link is not None:
            parents[session.columns["id"]] = imported.parent_to_link
    for child, parent in parents.items():
        if not write(link_parent, child, parent) and child not in done.skipped:
            done.orphaned.append(child)
    done.ignored_fields.extend(sorted(unknown))
    return done


def _note(done: ImportResult, session: ParsedSession, imported: Imported) -> None:
    session_id = session.columns["id"]
    if not imported.stored:
        done.skipped.append(session_id)
        return
    done.sessions += 1
    done.messages += len(session.rows)
    if imported.title is not None and imported.title != session.columns["title"]:
        done.retitled[session_id] = imported.title


class Imported(NamedTuple):
    """What became of one session."""

    stored: bool
    """False: there is one with this id; it was left as it is."""
    title: str | None
    """The title it got."""
    parent_to_link: str | None
    """Its parent, when it was not there, or when a session without it was."""


def import_session(connection: OpenConnection, session: ParsedSession) -> Imported:
    """Store a session with its messages, unless there is one with its id."""
    columns = dict(session.columns)
    title, parent = columns["title"], columns["parent_session_id"]
    if exists(connection, columns["id"]):
        return Imported(stored=False, title=None, parent_to_link=parent)
    if title is not None and titles.holder(connection, title) is not None:
        columns["title"] = titles.next_in_lineage(connection, title)
    if parent is not None and exists(connection, parent):
        parent = None
    else:
        columns["parent_session_id"] = None
    connection.core.execute(insert(sessions), columns)
    _insert_messages(connection, session)
    stored, wanted = message_functions.count(connection, columns["id"]), len(session.rows)
    require_all_stored(connection, f"session {columns['id']}", stored, wanted, lambda: stored)
    return Imported(stored=True, title=columns["title"], parent_to_link=parent)


def _insert_messages(connection: OpenConnection, session: ParsedSession) -> None:
    rows = alike(session.rows)
    if session.ids and _free(connection, session.ids):
        connection.backend.reserve_ids(connection.core, messages.name, max(session.ids))
        rows = [{**row, "id": own} for row, own in zip(rows, session.ids, strict=True)]
    if rows:
        connection.core.execute(insert(messages), rows)


def _free(connection: OpenConnection, ids: list[int]) -> bool:
    """Whether no message has one of `ids`."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = messages.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        if connection.core.execute(select(messages.c.id).where(some).limit(1)).first():
            return False
    return True
