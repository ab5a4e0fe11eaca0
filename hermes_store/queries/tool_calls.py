"""How often each tool was called, from the messages of all sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Text, cast, or_, select

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.models.stored import messages
from hermes_store.queries.filtering import Chosen, of_chosen

__all__ = ["calls_by_tool"]

_ROWS_AT_ONCE = 500
_TOOL = cast(messages.c.tool_name, Text)  # another program may have stored bytes
_SAID = (
    select(messages.c.session_id, messages.c.tool_calls, _TOOL.label("tool_name"))
    .where(or_(messages.c.tool_calls.is_not(None), messages.c.tool_name.is_not(None)))
    .order_by(messages.c.session_id)
)


def calls_by_tool(
    connection: OpenConnection,
    which: Chosen,
    since: float | None,
    until: float | None,
) -> list[tuple[str, int, int]]:
    """Each tool with how many sessions called it and how often, the one called most first.

    Reads all messages of the chosen sessions with tool calls or results, in whatever state, once;
    `since` (included) and `until` (excluded) are Unix seconds of the message.
    """
    calls, of_sessions = Counter[str](), Counter[str]()
    said = _SAID.where(*of_chosen(messages.c.session_id, which.shape))
    if since is not None:
        said = said.where(messages.c.timestamp >= since)
    if until is not None:
        said = said.where(messages.c.timestamp < until)
    streamed = said.execution_options(yield_per=_ROWS_AT_ONCE)
    with connection.core.execute(streamed, which.parameters) as rows:
        for _, some in groupby(rows, lambda row: row.session_id):
            found = _calls_of_session((row.tool_calls, row.tool_name) for row in some)
            calls += found
            of_sessions.update(found.keys())
    most_first = sorted(calls, key=lambda tool: (-calls[tool], tool))
    return [(tool, of_sessions[tool], calls[tool]) for tool in most_first]


def _calls_of_session(said: Iterable[tuple[str | None, str | None]]) -> Counter[str]:
    """A call and its result are two messages, and one of them may be missing: the more count."""
    asked, answered = Counter[str](), Counter[str]()
    for tool_calls, tool_name in said:
        if tool_calls is not None:
            asked.update(_names(values.decode_json(tool_calls)))
        if tool_name is not None:
            answered[tool_name] += 1
    return asked | answered


def _names(tool_calls: Any) -> Iterator[str]:
    """The names of called tools; what names none is no call of a tool that can be told."""
    for call in tool_calls if isinstance(tool_calls, list) else [tool_calls]:
        if not isinstance(call, dict):
            continue
        function = call.get("function")
        name = function.get("name") if isinstance(function, dict) else call.get("name")
        if isinstance(name, str):
            yield name
