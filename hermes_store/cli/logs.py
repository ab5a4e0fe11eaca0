"""Per-session logs, as agents wrote them before this store.

A file is a session: one message per line with `role` and `content`, an optional header line with
the role `session_meta`, ISO dates. The name of the file is the session's id. The file is read line
by line, twice: first to check all of it, then to give its messages. Memory holds one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from hermes_store.cli.jsonl import Bad, BadLines, FormatError, objects
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries.rows import new_row, with_extra
from hermes_store.values import seconds

__all__ = ["Log", "LogMessages", "session_of_log"]

_OF_THE_STORE = ("session_id", "timestamp", "tool_name")
"""Keys of a line that are not simply a field of the message."""
_DATE_IN_ID = re.compile(r"(\d{8})_(\d{6})")
_MILLISECONDS = 100_000_000_000
"""In seconds that is the year 5138, in milliseconds 1973."""

Lines = Callable[[], Iterator[bytes]]


class Log(NamedTuple):
    """A log, and what is known of it that it does not say itself."""

    lines: Lines
    """Opens it: gives its lines, from the first on."""
    name: str
    id: str
    source: str
    written: float
    """When the file was last written, in Unix seconds."""


def session_of_log(
    log: Log, bad: BadLines, warn: Callable[[str], None]
) -> tuple[dict[str, Any], LogMessages]:
    """Return the session of a log in the shape of an export, and its messages once more.

    `warn` is told when the last line was cut off. Raises `FormatError` unless bad lines are
    skipped.
    """
    look = _Look(log, bad, warn)
    for number, value in objects(log.lines(), log.name, look.leave_out):
        look.at(number, value)
    started = look.first_time or _time_in(log.id) or log.written
    messages = LogMessages(log, frozenset(look.left_out), started)
    session = {
        "id": log.id,
        "source": look.header.get("platform") or log.source,
        "model": look.header.get("model") or None,
        "started_at": started,
        "ended_at": look.last_time or started,  # an open session would never be pruned
        "end_reason": "imported",
        "messages": messages,
    }
    return session, messages


class _Look:
    """The first reading of a log: what it says about the session, and which lines are bad."""

    def __init__(self, log: Log, bad: BadLines, warn: Callable[[str], None]) -> None:
        self._log = log
        self._bad = bad
        self._warn = warn
        self.header: dict[str, Any] = {}
        self.first_time: float | None = None
        self.last_time: float | None = None
        self.left_out: set[int] = set()

    def at(self, number: int, value: dict[str, Any]) -> None:
        """Look at a line."""
        try:
            time = _checked(value)
        except ValueError as exc:
            self.leave_out(FormatError(Bad(self._log.name, number, str(exc))))
            return
        if value["role"] == "session_meta":
            self.header = self.header or value
        self.first_time = self.first_time or time
        if value["role"] != "session_meta":
            self.last_time = time or self.last_time

    def leave_out(self, error: FormatError) -> None:
        """Leave a bad line out; raise its error unless bad lines are skipped."""
        if error.cut_off:
            self._warn(f"{error.message}: cut off, left out; the lines before it are imported")
        else:
            self._bad.meet(error)
        self.left_out.add(error.bad.line)


def _checked(value: dict[str, Any]) -> float | None:
    """The time of a line, if it has one. Raises `ValueError` for one that cannot be stored."""
    if not isinstance(value.get("role"), str) or not value["role"]:
        raise ValueError("a message needs a 'role'")
    if value["role"] != "session_meta":
        try:
            new_row(session_id="-", **with_extra(_message(value, {})))
        except InvalidArgumentError as exc:
            raise ValueError(f"{exc.argument}: {exc.problem}") from exc
    return _epoch(value.get("timestamp"))


class LogMessages:
    """The messages of a log. Each iteration reads the file again."""

    def __init__(self, log: Log, left_out: frozenset[int], started: float) -> None:
        self._log = log
        self._left_out = left_out
        self._started = started
        self.line = 0
        """The line that was read last."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        tools: dict[str, str] = {}
        time = self._started
        for number, value in objects(self._log.lines(), self._log.name, _passed_over):
            self.line = number
            if number in self._left_out or value["role"] == "session_meta":
                continue
            time = _epoch(value.get("timestamp")) or time
            tools.update(_called_tools(value.get("tool_calls")))
            yield {**_message(value, tools), "timestamp": time}


def _passed_over(_error: FormatError) -> None:
    """The first reading has told about it."""


def _message(value: dict[str, Any], tools: dict[str, str]) -> dict[str, Any]:
    """The fields of a message; keys without a column are the store's business."""
    fields = {k: v for k, v in value.items() if v is not None and k not in _OF_THE_STORE}
    if isinstance(fields.get("id"), int):
        del fields["id"]  # a number of its log, not of the store
    return {**fields, "tool_name": _tool_name(value, tools)}


def _tool_name(value: dict[str, Any], tools: dict[str, str]) -> Any:
    """The tool of a message: named by it, or by the call that it answers."""
    answers = value["role"] in {"tool", "function"}  # the `name` of others is the speaker's
    return (
        value.get("tool_name")
        or (value.get("name") if answers else None)
        or tools.get(str(value.get("tool_call_id")))
    )


def _called_tools(tool_calls: Any) -> Iterator[tuple[str, str]]:
    for call in tool_calls if isinstance(tool_calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and call.get("id") and function.get("name"):
            yield str(call["id"]), str(function["name"])


def _epoch(value: Any) -> float | None:
    """Unix seconds of a number or an ISO date (local time unless it says otherwise).

    None for a value that is not a time, such as other text or NaN. Raises `ValueError` for
    milliseconds.
    """
    if isinstance(value, (int, float)) and _MILLISECONDS <= value < _MILLISECONDS * 1000:
        raise ValueError(f"the timestamp {value} is in milliseconds; write seconds")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value).timestamp() if isinstance(value, str) else value
        return seconds("timestamp", moment)
    except (ValueError, OverflowError):
        return None


def _time_in(session_id: str) -> float | None:
    """The time that an id like 20251103_190211_c4d2ef70 begins with, if any."""
    found = _DATE_IN_ID.search(session_id)
    return _epoch("T".join(found.groups())) if found else None
