"""What a session that was read elsewhere must look like, and how it is encoded."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hermes_store import values
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import names, sessions
from hermes_store.models.visibility import STATES
from hermes_store.queries import titles
from hermes_store.queries.rows import NewRow, in_slices, new_row, with_extra
from hermes_store.queries.sessions import NAMES
from hermes_store.transfer.parsed_usage import parsed_usage
from hermes_store.transfer.stored_values import (
    stored_count,
    stored_extra,
    stored_flag,
    stored_key,
    stored_state,
    stored_text,
)

__all__ = ["ParsedSession", "parse", "session_columns", "slices"]

_ROWS_OF_A_SLICE = 1_000
_CHARACTERS_OF_A_SLICE = 2_000_000
"""Of one transaction (about 0.1 s). A session that is no longer is stored whole or not at all."""

_TEXTS = tuple(
    name
    for name in names(sessions, "text")
    if name not in {"id", "source", "parent_session_id", "title", "key"}  # with their own checks
)
_JSON = tuple(name for name in names(sessions, "json") if name != "extra")
_COUNTS = tuple(name for name in names(sessions, "whole") if name != "message_count")
_FLAGS = names(sessions, "flag")
_TIMES = ("ended_at", "last_active", "archived")
_NUMBERS = tuple(name for name in names(sessions, "number") if name not in {"started_at", *_TIMES})


class ParsedSession(NamedTuple):
    """A session that was read elsewhere, checked and encoded."""

    columns: dict[str, Any]
    given: Iterable[Any]
    """Its messages, as they were given: they are encoded once more, slice by slice."""
    number: int
    """How many messages there are, in any state."""
    first: list[NewRow]
    """Its first slice, encoded; all of it, unless the session is a long one."""
    ids: array[int] | None
    """The messages' own ids, when they can be kept: all there, and rising."""
    unknown: set[str]
    """Fields that this version does not know."""
    unknown_states: set[str]
    """States of its messages that this version does not know."""
    cut_title: int | None
    """How long its title was before it was cut, if it was."""
    usage: list[dict[str, Any]]
    """Its records of usage, encoded."""
    found: list[int]
    """Filled by `begin`: how many of its messages were there already."""

    @property
    def is_long(self) -> bool:
        """Whether it is stored in more than one transaction."""
        return self.number > len(self.first)


def parse(given: Any) -> ParsedSession:
    """Check and encode what an export wrote. Raises `InvalidArgumentError`."""
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise InvalidArgumentError("sessions", f"{kind} is not a dict", "give dicts")
    session_id = values.new_session_id("id", given.get("id"))
    here = f"session {session_id}"
    columns = _located(here, session_columns, given)
    title, cut_title = _located(here, _title, given.get("title"))
    found = _repeatable(here, given.get("messages"))
    look = _Look()
    first: list[NewRow] = []
    for some in slices(columns, found, look):
        first = first or some
    used, unknown = _located(here, parsed_usage, session_id, given.get("usage"))
    unknown |= set(given) - {*NAMES, "messages", "usage"}
    columns |= {"title": title, "message_count": look.live}
    columns.setdefault("tool_call_count", look.tool_calls)
    columns.setdefault("last_active", columns["started_at"] if look.last is None else look.last)
    looked = look.number, first, look.rising_ids()
    unknowns = unknown, look.unknown_states
    return ParsedSession(columns, found, *looked, *unknowns, cut_title, used, [])


def _repeatable(here: str, found: Any) -> Iterable[Any]:
    """Messages as something that can be read twice: to check all of them, then to store them."""
    if not found and not isinstance(found, Iterable):
        return []
    if not isinstance(found, Iterable) or isinstance(found, (str, bytes, Mapping, Iterator)):
        raise InvalidArgumentError(f"{here}, messages", "is not a list", "give a list of dicts")
    return found


class _Look:
    """What the first reading of a session's messages finds."""

    def __init__(self) -> None:
        self.number = 0
        self.live = 0
        self.tool_calls = 0
        self.last: float | None = None
        self.unknown_states: set[str] = set()
        self._ids: array[int] | None = array("q")
        self._external_ids: set[str] = set()

    def at(self, given: Mapping[str, Any], row: NewRow) -> None:
        """Look at a message."""
        self.number += 1
        self._note_id(given.get("id"))
        state = row.columns.get("state")
        if state is not None:
            if state not in STATES:
                self.unknown_states.add(state)
            return
        self.live += 1
        self.tool_calls += row.tool_calls
        time = row.columns["timestamp"]
        self.last = time if self.last is None else max(self.last, time)
        self._note_external_id(row.columns.get("external_id"))

    def _note_external_id(self, given: str | None) -> None:
        if given is None:
            return
        if given in self._external_ids:
            problem = f"{given!r} is also that of an earlier message of the session"
            raise InvalidArgumentError("external_id", problem, "give each message its own, or none")
        self._external_ids.add(given)

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


def slices(
    columns: dict[str, Any], found: Iterable[Any], look: _Look | None = None
) -> Iterator[list[NewRow]]:
    """The messages encoded, in lists bounded in number and in length of text."""
    return in_slices(_encoded(columns, found, look), _ROWS_OF_A_SLICE, _CHARACTERS_OF_A_SLICE)


def _encoded(columns: dict[str, Any], found: Iterable[Any], look: _Look | None) -> Iterator[NewRow]:
    for place, message in enumerate(found):
        here = f"session {columns['id']}, messages[{place}]"
        row = _located(here, _message_row, columns["id"], message, columns)
        if look is not None:
            _located(here, look.at, message, row)
        yield row


def _located(here: str, check: Any, *args: Any) -> Any:
    try:
        return check(*args)
    except InvalidArgumentError as exc:
        raise InvalidArgumentError(f"{here}, {exc.argument}", exc.problem, exc.remedy) from exc


def session_columns(given: Mapping[str, Any]) -> dict[str, Any]:
    """A session's columns, but for its title. Raises `InvalidArgumentError`."""
    parent = given.get("parent_session_id")
    columns = {
        "id": given["id"],
        "source": values.indexed("source", stored_text("source", given.get("source"))),
        "parent_session_id": values.optional_session_id("parent_session_id", parent),
        "started_at": _time("started_at", given.get("started_at")),
        "ended_at": None,
        "key": stored_key("key", given.get("key")),
        "extra": stored_extra("extra", given.get("extra")),
    }
    columns |= {name: values.optional_text(name, given.get(name)) for name in _TEXTS}
    columns |= {name: values.encode_json(name, given.get(name)) for name in _JSON}
    columns |= {name: stored_count(name, given[name]) for name in _COUNTS if name in given}
    columns |= {name: stored_flag(name, given[name]) for name in _FLAGS if name in given}
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
        raise InvalidArgumentError("value", f"{type(given).__name__} is not a dict", "give a dict")
    time, tokens = given.get("timestamp"), given.get("token_count")
    stored: dict[str, Any] = {
        "role": stored_text("role", given.get("role")),
        "timestamp": session["started_at"] if time is None else _time("timestamp", time),
        "token_count": None if tokens is None else stored_count("token_count", tokens),
    }
    if given.get("external_id") == "":
        stored["external_id"] = ""
    state, others = stored_state(given)
    if others.get("extra") is not None and not isinstance(others["extra"], Mapping):
        stored["extra"] = stored_extra("extra", others["extra"])
        others = {**others, "extra": None}
    others = {name: value for name, value in with_extra(others).items() if name not in stored}
    row = new_row(session_id=session_id, role="user", timestamp=0.0, **others)
    row.columns.update(stored)
    if state is not None:
        row.columns["state"] = state
    return row
