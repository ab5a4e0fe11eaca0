"""Export and import: sessions with their messages, as dicts that can be written as JSON."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from sqlalchemy import func, insert, select, update

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages, names, sessions
from hermes_store.queries import messages as message_functions
from hermes_store.queries import titles
from hermes_store.queries.listing import Filter, select_page
from hermes_store.queries.rows import NewRow, alike, new_row, with_extra
from hermes_store.queries.sessions import NAMES, exists, get, link_parent, record, select_records
from hermes_store.records import ImportResult, SessionExport, SessionRecord
from hermes_store.search.triggers import require_all_stored

__all__ = [
    "Imported",
    "ParsedSession",
    "as_given",
    "export_all",
    "export_session",
    "import_all",
    "import_session",
    "iterate",
    "parse",
]

_ROWS_AT_ONCE = 100
_ROWS_OF_A_SLICE = 1_000
_CHARACTERS_OF_A_SLICE = 2_000_000
"""Of one transaction (about 0.1 s). A session that is no longer is stored whole or not at all."""
_IDS_AT_ONCE = 900  # builds of SQLite allow 999 parameters

# --- export -------------------------------------------------------------------------------------


def export_session(connection: OpenConnection, session_id: str) -> SessionExport | None:
    """A session with its messages, or None."""
    session = get(connection, session_id)
    if session is None:
        return None
    return {**session, "messages": _messages(connection, session_id)}


def _messages(connection: OpenConnection, session_id: str) -> list[Any]:
    return [as_given(dict(each)) for each in message_functions.get(connection, session_id)]


def as_given(message: dict[str, Any]) -> dict[str, Any]:
    """A message with what has no column at its top level, where a column wins."""
    extra = message["extra"]
    if not isinstance(extra, dict):
        return message
    covered = {name: value for name, value in extra.items() if name in message}
    return {**extra, **message, "extra": covered or None}


def iterate(connection: OpenConnection, which: Filter) -> Iterator[SessionExport]:
    """Every session with its messages, newest first; holds one session at a time."""
    statement = select_page(select_records(), which.shape())
    parameters = {**which.parameters(), **values.page(None, 0)}
    streamed = statement.execution_options(yield_per=_ROWS_AT_ONCE)
    with connection.core.execute(streamed, parameters) as rows:
        for row in rows:
            session = record(row)
            yield {**session, "messages": _messages(connection, session["id"])}


def export_all(connection: OpenConnection, which: Filter) -> list[SessionExport]:
    """`iterate`, all at once."""
    return list(iterate(connection, which))


# --- import: what a session must look like ------------------------------------------------------

_TEXTS = tuple(
    name
    for name in names(sessions, "text")
    if name not in {"id", "source", "parent_session_id", "title"}  # these have their own checks
)
_JSON = names(sessions, "json")
_COUNTS = tuple(name for name in names(sessions, "whole") if name != "message_count")
_TIMES = ("ended_at", "last_active")
_NUMBERS = tuple(name for name in names(sessions, "number") if name not in {"started_at", *_TIMES})


class ParsedSession(NamedTuple):
    """A session that was read elsewhere, checked and encoded."""

    columns: dict[str, Any]
    given: Iterable[Any]
    """Its messages, as they were given: they are encoded once more, slice by slice."""
    first: list[NewRow]
    """Its first slice, encoded; all of it, unless the session is a long one."""
    ids: array[int] | None
    """The messages' own ids, when they can be kept: all there, and rising."""
    unknown: set[str]
    """Fields that this version does not know."""
    cut_title: int | None
    """How long its title was before it was cut, if it was."""

    @property
    def is_long(self) -> bool:
        """Whether it is stored in more than one transaction."""
        return bool(self.columns["message_count"] > len(self.first))


def parse(given: Any) -> ParsedSession:
    """Check and encode what an export wrote. Raises `InvalidArgumentError`."""
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("sessions", f"{type(given).__name__} is no dict", "give dicts")
    session_id = values.session_id("id", given.get("id"))
    here = f"session {session_id}"
    columns = _located(here, _session_columns, given)
    title, cut_title = _located(here, _title, given.get("title"))
    found = _repeatable(here, given.get("messages"))
    look = _Look()
    first: list[NewRow] = []
    for some in _slices(columns, found, look):
        first = first or some
    unknown = set(given) - {*NAMES, "messages"}
    columns |= {"title": title, "message_count": look.number}
    columns.setdefault("tool_call_count", look.tool_calls)
    columns.setdefault("last_active", columns["started_at"] if look.last is None else look.last)
    return ParsedSession(columns, found, first, look.rising_ids(), unknown, cut_title)


def _repeatable(here: str, found: Any) -> Iterable[Any]:
    """Messages as something that can be read twice: to check all of them, then to store them."""
    if not found and not isinstance(found, Iterable):
        return []
    if not isinstance(found, Iterable) or isinstance(found, (str, bytes, Mapping, Iterator)):
        raise InvalidArgumentError(f"{here}, messages", "is no list", "give a list of dicts")
    return found


class _Look:
    """What the first reading of a session's messages finds."""

    def __init__(self) -> None:
        self.number = 0
        self.tool_calls = 0
        self.last: float | None = None
        self._ids: array[int] | None = array("q")

    def at(self, given: Mapping[str, Any], row: NewRow) -> None:
        """Look at a message."""
        self.number += 1
        self.tool_calls += row.tool_calls
        time = row.columns["timestamp"]
        self.last = time if self.last is None else max(self.last, time)
        self._note_id(given.get("id"))

    def _note_id(self, own: Any) -> None:
        ids = self._ids
        if ids is None:
            return
        last = ids[-1] if ids else 0
        if type(own) is int and last < own <= values.GREATEST_COUNT:
            ids.append(own)
        else:
            self._ids = None

    def rising_ids(self) -> array[int] | None:
        """The ids of all messages, if each is greater than the one before."""
        return self._ids


def _slices(
    columns: dict[str, Any], found: Iterable[Any], look: _Look | None = None
) -> Iterator[list[NewRow]]:
    """The messages encoded, in lists bounded in number and in length of text."""
    slice_: list[NewRow] = []
    characters = 0
    for place, message in enumerate(found):
        here = f"session {columns['id']}, messages[{place}]"
        row = _located(here, _message_row, columns["id"], message, columns)
        if look is not None:
            look.at(message, row)
        slice_.append(row)
        characters += sum(len(value) for value in row.columns.values() if isinstance(value, str))
        if len(slice_) == _ROWS_OF_A_SLICE or characters >= _CHARACTERS_OF_A_SLICE:
            yield slice_
            slice_, characters = [], 0
    if slice_:
        yield slice_


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
        "started_at": _time("started_at", given.get("started_at")),
        "ended_at": None,
    }
    columns |= {name: values.optional_text(name, given.get(name)) for name in _TEXTS}
    columns |= {name: values.encode_json(name, given.get(name)) for name in _JSON}
    columns |= {name: _stored_count(name, given[name]) for name in _COUNTS if name in given}
    for name in _NUMBERS:
        if given.get(name) is not None:
            columns[name] = values.number(name, given[name])
    for name in _TIMES:
        if given.get(name) is not None:
            columns[name] = _time(name, given[name])
    return columns


def _time(argument: str, value: Any) -> float:
    """Unix seconds, which must be there; milliseconds are refused by name."""
    return values.number(argument, value) if value is None else values.seconds(argument, value)


def _title(given: Any) -> tuple[str | None, int | None]:
    """A title as `set_session_title` would store it, and its length when it had to be cut."""
    if not given:
        return values.optional_text("title", given), None
    text = values.text("title", given)
    try:
        return titles.sanitize(text), None
    except InvalidArgumentError:  # too long: a session is not refused for that
        whole = titles.visible("title", text)
        return whole[: titles.MAX_LENGTH].rstrip(), len(whole)


def _message_row(session_id: str, given: Any, session: dict[str, Any]) -> NewRow:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError("value", f"{type(given).__name__} is no dict", "give a dict")
    time, tokens = given.get("timestamp"), given.get("token_count")
    stored = {
        "role": _stored_text("role", given.get("role")),
        "timestamp": session["started_at"] if time is None else _time("timestamp", time),
        "token_count": None if tokens is None else _stored_count("token_count", tokens),
    }
    others = {name: value for name, value in with_extra(given).items() if name not in stored}
    row = new_row(session_id=session_id, role="user", timestamp=0.0, **others)
    row.columns.update(stored)
    return row


# A store may hold what no caller may give any more: the original checked nothing.


def _stored_text(argument: str, value: Any) -> str:
    return "" if value == "" else values.text(argument, value)


def _stored_count(argument: str, value: Any) -> int:
    if isinstance(value, int) and value < 0:
        return -values.count(argument, -value)
    return values.count(argument, value)


# --- import: storing it -------------------------------------------------------------------------


def import_all(
    given: Iterable[Any],
    write: Callable[..., Any],
    *,
    result: ImportResult | None = None,
    on_bad: Callable[[InvalidArgumentError], object] | None = None,
) -> ImportResult:
    """Store sessions one by one with `write(function, …)`; then link those to their parents."""
    if not isinstance(given, Iterable):
        raise InvalidArgumentError("sessions", f"{given!r} is no list", "give dicts, as exported")
    done = ImportResult() if result is None else result
    parents: dict[str, str] = {}
    unknown: set[str] = set()
    for one in given:
        try:
            session = parse(one)
            imported = _store(session, write, done)
        except InvalidArgumentError as exc:
            if on_bad is None:
                raise
            on_bad(exc)
            continue
        unknown |= session.unknown
        if imported.parent_to_link is not None:
            parents[session.columns["id"]] = imported.parent_to_link
    for child, parent in parents.items():
        if not write(link_parent, child, parent) and child not in done.skipped:
            done.orphaned.append(child)
    done.ignored_fields.extend(sorted(unknown))
    return done


def _store(session: ParsedSession, write: Callable[..., Any], done: ImportResult) -> Imported:
    session_id = session.columns["id"]
    if session.is_long:
        imported = _store_in_slices(session, write, done)
    else:
        imported = cast("Imported", write(import_session, session))
    if imported.there == _WHOLE:
        done.skipped.append(session_id)
        return imported
    done.sessions += 1
    done.messages += session.columns["message_count"] - imported.there
    if imported.title != session.columns["title"] or session.cut_title:
        done.retitled[session_id] = imported.title or ""
    if session.cut_title:
        done.too_long_titles[session_id] = session.cut_title
    return imported


class Imported(NamedTuple):
    """What became of one session."""

    there: int
    """How many of its messages were there already; `_WHOLE`: it was there and is left as it is."""
    title: str | None
    """The title it got."""
    parent_to_link: str | None
    """Its parent, when it was not there, or when a session without it was."""


def import_session(connection: OpenConnection, session: ParsedSession) -> Imported:
    """Store a session with its messages, unless there is one with its id."""
    imported = _begin(connection, session, {})
    if imported.there == 0:
        _insert_messages(connection, session.first, _ids_that_are_free(connection, session))
        _require_stored(connection, session, len(session.first), behind=0)
    return imported


def _require_stored(
    connection: OpenConnection, session: ParsedSession, wanted: int, *, behind: int
) -> None:
    """Refuse to say that messages are stored which a trigger of another program put away."""
    session_id = session.columns["id"]
    added = select(func.count()).where(messages.c.session_id == session_id, messages.c.id > behind)
    stored = connection.core.execute(added).scalar_one()
    require_all_stored(connection, f"session {session_id}", stored, wanted, lambda: stored)


def _begin(
    connection: OpenConnection, session: ParsedSession, unfinished: dict[str, Any]
) -> Imported:
    """Store a session without its messages, unless there is one with its id."""
    columns = {**session.columns, **unfinished}
    title, parent = columns["title"], columns["parent_session_id"]
    there = get(connection, columns["id"])
    if there is not None:
        return Imported(_how_many(connection, there), there["title"], parent)
    if title is not None and titles.holder(connection, title) is not None:
        columns["title"] = titles.next_in_lineage(connection, title)
    if parent is not None and exists(connection, parent):
        parent = None
    else:
        columns["parent_session_id"] = None
    connection.core.execute(insert(sessions), columns)
    return Imported(0, columns["title"], parent)


def _insert_messages(
    connection: OpenConnection, rows: list[NewRow], ids: Sequence[int] | None
) -> None:
    columns = alike(rows)
    if ids:
        columns = [{**row, "id": own} for row, own in zip(columns, ids, strict=True)]
    if columns:
        connection.core.execute(insert(messages), columns)


def _ids_that_are_free(connection: OpenConnection, session: ParsedSession) -> Sequence[int] | None:
    """The messages' own ids; None when one is taken. From now on nobody else gets them."""
    if not session.ids or not _free(connection, session.ids):
        return None
    connection.backend.reserve_ids(connection.core, messages.name, max(session.ids))
    return session.ids


def _free(connection: OpenConnection, ids: Sequence[int]) -> bool:
    """Whether no message has one of `ids`."""
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = messages.c.id.in_(ids[start : start + _IDS_AT_ONCE])
        if connection.core.execute(select(messages.c.id).where(some).limit(1)).first():
            return False
    return True


# --- import: a long session, in slices ------------------------------------------------------------
#
# Each slice is a transaction of its own, so that other processes' writes come in between. Until
# the last one is stored the session is open and its end_reason is "importing". An import that
# finds such a session goes on after the messages that are there.

_IMPORTING = "importing"
_UNFINISHED = {"ended_at": None, "end_reason": _IMPORTING, "message_count": 0, "tool_call_count": 0}
_WHOLE = -1


def _how_many(connection: OpenConnection, session: SessionRecord) -> int:
    """How many messages an unfinished session has; `_WHOLE` for any other session."""
    if session["ended_at"] is None and session["end_reason"] == _IMPORTING:
        return message_functions.count(connection, session["id"])
    return _WHOLE


def _store_in_slices(
    session: ParsedSession, write: Callable[..., Any], done: ImportResult
) -> Imported:
    session_id = session.columns["id"]
    begun = {**_UNFINISHED, "last_active": session.columns["started_at"]}
    imported = cast("Imported", write(_begin, session, begun))
    if imported.there == _WHOLE:
        return imported
    place = 0
    for some in _slices(session.columns, session.given):
        there = min(max(imported.there - place, 0), len(some))
        if there and place + there == imported.there:
            write(_require_the_same, session_id, some[there - 1])
        place += there
        if missing := some[there:]:
            done.unfinished[session_id] = place
            write(_append_slice, session, missing, place)
            place += len(missing)
    write(_finish, session)
    done.unfinished.pop(session_id, None)
    return imported


def _append_slice(
    connection: OpenConnection, session: ParsedSession, rows: list[NewRow], place: int
) -> None:
    """Store messages of a session that has so many of them."""
    session_id = session.columns["id"]
    number, last = _stored(connection, session_id)
    if number != place:
        raise _others_messages(session_id)
    _insert_messages(connection, rows, _own_ids(connection, session, place, len(rows), last))
    _require_stored(connection, session, len(rows), behind=last)
    connection.core.execute(
        update(sessions)
        .where(sessions.c.id == session_id)
        .values(
            message_count=place + len(rows),
            tool_call_count=sessions.c.tool_call_count + sum(row.tool_calls for row in rows),
            last_active=max(row.columns["timestamp"] for row in rows),
        )
    )


def _stored(connection: OpenConnection, session_id: str) -> tuple[int, int]:
    """How many messages a session has, and the id of the last one."""
    found = select(func.count(), func.coalesce(func.max(messages.c.id), 0))
    row = connection.core.execute(found.where(messages.c.session_id == session_id)).one()
    return row[0], row[1]


def _require_the_same(connection: OpenConnection, session_id: str, last: NewRow) -> None:
    """Refuse to go on behind messages of another origin."""
    names = ("role", "content", "timestamp")
    found = select(*(messages.c[name] for name in names)).where(
        messages.c.id == _stored(connection, session_id)[1]
    )
    stored = connection.core.execute(found).one()
    if tuple(stored) != tuple(last.columns[name] for name in names):
        raise _others_messages(session_id)


def _others_messages(session_id: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"session {session_id}, messages",
        "differ from those that an interrupted import left behind",
        "delete the session, then import it again",
    )


def _own_ids(
    connection: OpenConnection, session: ParsedSession, begin: int, number: int, last: int
) -> Sequence[int] | None:
    """The own ids of a slice, while those before it were kept too, and nobody has them."""
    if begin == 0:
        free = _ids_that_are_free(connection, session)
        return None if free is None else free[:number]
    if session.ids is None or session.ids[begin - 1] != last:
        return None
    ids = session.ids[begin : begin + number]
    return ids if _free(connection, ids) else None


def _finish(connection: OpenConnection, session: ParsedSession) -> None:
    """Give a session the end and the sums that it came with."""
    names = ("ended_at", "end_reason", "message_count", "tool_call_count", "last_active")
    final = {name: session.columns[name] for name in names}
    connection.core.execute(
        update(sessions).where(sessions.c.id == session.columns["id"]).values(final)
    )
