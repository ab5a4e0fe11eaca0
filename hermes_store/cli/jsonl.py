"""Read sessions from JSON lines: what `export` wrote, or the per-session logs before this store.

An export holds one session per line, its messages inside. A log holds one session per file: one
message per line with `role` and `content`, an optional header line with the role `session_meta`,
ISO dates, and the session's id as the name of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

import click

from hermes_store.values import seconds

__all__ = ["FormatError", "Log", "read_sessions"]

_MESSAGE_KEYS = (
    "role",
    "content",
    "tool_call_id",
    "tool_calls",
    "token_count",
    "finish_reason",
    "reasoning",
    "reasoning_details",
    "codex_reasoning_items",
)
_DATE_IN_ID = re.compile(r"(\d{8})_(\d{6})")

Line = tuple[int, dict[str, Any]]


class Log(NamedTuple):
    """What is known of a log that does not say it itself."""

    id: str | None
    source: str
    written: float
    """When the file was last written, in Unix seconds."""


class FormatError(click.ClickException):
    """A file is neither an export nor a log; names the line."""

    def __init__(self, name: str, line: int, problem: str) -> None:
        super().__init__(f"{name}, line {line}: {problem}")


class _CutOffError(FormatError):
    """The last line has no end: whoever wrote it was stopped."""


def read_sessions(
    lines: Iterable[bytes], name: str, log: Log, warn: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Yield the sessions in `lines`, in the shape of an export, whichever format they have.

    Errors name the file as `name`. `warn` is told when a log's last line was cut off. Raises
    `FormatError`.
    """
    numbered = _objects(lines, name)
    first = next(numbered, None)
    if first is None:
        warn(f"{name} is empty")
        return
    everything = chain([first], numbered)
    number, value = first
    if isinstance(value.get("messages"), list):
        yield from _exported(everything, name)
    elif not isinstance(value.get("role"), str):
        raise FormatError(name, number, "neither a session with 'messages' nor one with a 'role'")
    elif log.id is None:
        raise click.UsageError(f"{name} is a log of one session: give its id with --id")
    else:
        yield _session_of_log(list(_until_cut_off(everything, warn)), name, log.id, log)


def _objects(lines: Iterable[bytes], name: str) -> Iterator[Line]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except (ValueError, RecursionError) as exc:
            error = FormatError if line.endswith(b"\n") else _CutOffError
            raise error(name, number, f"not JSON ({exc})") from exc
        if not isinstance(value, dict):
            raise FormatError(name, number, "not a JSON object")
        yield number, value


def _until_cut_off(lines: Iterable[Line], warn: Callable[[str], None]) -> Iterator[Line]:
    try:
        yield from lines
    except _CutOffError as exc:
        warn(f"{exc.message}: left out, the lines before it are imported")


def _exported(lines: Iterable[Line], name: str) -> Iterator[dict[str, Any]]:
    for number, session in lines:
        if not isinstance(session.get("id"), str) or not isinstance(session.get("messages"), list):
            raise FormatError(name, number, "a session needs an 'id' and 'messages'")
        yield session


def _session_of_log(lines: list[Line], name: str, log_id: str, log: Log) -> dict[str, Any]:
    values = [value for _, value in lines]
    header: dict[str, Any] = next((v for v in values if v.get("role") == "session_meta"), {})
    times = (_epoch(value.get("timestamp")) for value in values)
    started = next(filter(None, times), None) or _time_in(log_id) or log.written
    messages = list(_messages(lines, name, started))
    last = messages[-1]["timestamp"] if messages else started
    return {
        "id": log_id,
        "source": header.get("platform") or log.source,
        "model": header.get("model") or None,
        "started_at": started,
        "ended_at": last,  # a log is finished; an open session would never be pruned
        "end_reason": "imported",
        "messages": messages,
    }


def _messages(lines: list[Line], name: str, started: float) -> Iterator[dict[str, Any]]:
    tools: dict[str, str] = {}
    time = started
    for number, value in lines:
        if value.get("role") == "session_meta":
            continue
        if not isinstance(value.get("role"), str):
            raise FormatError(name, number, "a message needs a 'role'")
        time = _epoch(value.get("timestamp")) or time
        tools.update(_tool_names(value.get("tool_calls")))
        message = {key: value[key] for key in _MESSAGE_KEYS if value.get(key) is not None}
        message["tool_name"] = (
            value.get("tool_name") or value.get("name") or tools.get(str(value.get("tool_call_id")))
        )
        yield {**message, "timestamp": time}


def _tool_names(tool_calls: Any) -> Iterator[tuple[str, str]]:
    for call in tool_calls if isinstance(tool_calls, list) else []:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and call.get("id") and function.get("name"):
            yield str(call["id"]), str(function["name"])


def _epoch(value: Any) -> float | None:
    """Unix seconds of a number or an ISO date (local time unless it says otherwise).

    None for what is no time of a message: text of another kind, milliseconds, NaN.
    """
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
