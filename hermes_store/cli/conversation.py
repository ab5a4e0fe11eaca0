"""A session as a conversation to read: heads begin in the first column, contents never do."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import click

from hermes_store.cli import output
from hermes_store.cli.text import as_json, in_one_line, one_line, plain
from hermes_store.cli.wrapping import cut, wrapped
from hermes_store.values.written import lasted

__all__ = ["Writer", "facts", "text_of"]

_HEAD = "──"
_INDENT = "  "
_NO_LIMIT = 10**9
_STYLES: dict[str, dict[str, Any]] = {
    "user": {"fg": "cyan", "bold": True},
    "assistant": {"fg": "green", "bold": True},
    "tool": {"fg": "yellow"},
    "system": {"fg": "magenta"},
}
_TOOL_LINES = 12
_ARGUMENT_CHARACTERS = 100


class Writer:
    """Writes sessions and messages as text, fitted to the terminal if there is one."""

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        full: bool,
        reasoning: bool,
        width: int | None = None,
    ) -> None:
        """`width`: columns of a part of a terminal that takes colours, in place of stdout's."""
        self._write = write
        self._full = full
        self._reasoning = reasoning
        self._coloured = width is not None or output.is_coloured(sys.stdout)
        columns = shutil.get_terminal_size().columns
        self._width = width or (columns if sys.stdout.isatty() else _NO_LIMIT)

    def session(self, session: Mapping[str, Any], tip: str) -> None:
        """Write what is known about a session, a line for each subject; `tip`: where it goes on."""
        title = in_one_line(session["title"]) or one_line(session["id"])
        forged = _INDENT if title.startswith("─") else ""  # a title that looks like a head
        self._line(cut(forged + title, self._width), bold=True)
        for line in facts(session, tip):
            self._line(cut(line, self._width), dim=True)

    def system_prompt(self, prompt: str) -> None:
        """Write the system prompt of a session."""
        self._head("system prompt", "system")
        self._body(prompt)

    def message(self, message: Mapping[str, Any]) -> None:
        """Write a message: a head with its role, time and id; then its content, indented."""
        role, tool = message["role"], message["tool_name"]
        name = f"{one_line(role)} {one_line(tool)}" if tool else one_line(role)
        which = [f"message {message['id']}", *filter(None, [one_line(message["state"])])]
        self._head(" · ".join([name, output.when(message["timestamp"]), *which]), role)
        if self._reasoning:
            self._body(message["reasoning"] or "", italic=True, dim=True)
        text = text_of(message["content"])
        if role == "tool":
            self._body(text if self._full else _shortened(text), dim=True)
        else:
            self._body(text)
        for line in _tool_calls(message["tool_calls"], full=self._full):
            self._body(line, fg="yellow")

    def _head(self, head: str, role: str) -> None:
        self._write("\n")
        self._line(cut(f"{_HEAD} {head}", self._width), **_STYLES.get(role, {"bold": True}))

    def _body(self, text: str, **style: Any) -> None:
        if not text:
            return
        for line in plain(text).split("\n"):
            for piece in wrapped(line, self._width - len(_INDENT)):
                self._line(_INDENT + piece if piece else "", **style)

    def _line(self, line: str, **style: Any) -> None:
        styled = click.style(line, **style) if self._coloured and style and line else line
        self._write(styled + "\n")


_JOINED = {"branch": "branched off", "delegate": "works for", "reset": "begun anew after"}
"""What a session is to its parent; of other links it continues it."""


def facts(session: Mapping[str, Any], tip: str) -> Iterator[str]:
    """Yield what is known about a session, a line for each subject; `tip`: where it goes on."""
    known = (session["id"], session["source"], session["model"])
    yield " · ".join(one_line(each) for each in known if each)
    yield _times(session)
    yield " · ".join(filter(None, _sums(session)))
    if session["parent_session_id"]:
        joined = _JOINED.get(session["link"], "continues")
        yield f"{joined} {one_line(session['parent_session_id'])}"
    if tip != session["id"]:
        yield f"goes on in {one_line(tip)}"


def _times(session: Mapping[str, Any]) -> str:
    started, ended = session["started_at"], session["ended_at"]
    if ended is None:
        return f"{output.when(started)} · open"
    length = lasted(started, ended)
    why = one_line(session["end_reason"] or "no reason given")
    return f"{output.when(started)} · ended{length and f' after {length}'}: {why}"


def _sums(session: Mapping[str, Any]) -> Iterator[str]:
    cost = session["actual_cost_usd"]
    yield output.count(session["message_count"], "message")
    yield output.count(session["tool_call_count"], "tool call")
    yield f"{output.count(session['input_tokens'])} tokens in"
    yield f"{output.count(session['output_tokens'])} out"
    yield output.dollars(session["estimated_cost_usd"] if cost is None else cost)


def text_of(content: Any) -> str:
    """Return the text of a message; other parts are shown by their type."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, bytes):  # stored by another program
        return content.decode("utf-8", "replace")
    parts = content if isinstance(content, list) else [content]
    return "\n".join(map(_part, parts))


def _part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    if isinstance(part, Mapping) and part.get("type"):
        return f"[{part['type']}]"
    return as_json(part)


def _tool_calls(calls: Any, *, full: bool) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else [calls] if calls else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            yield f"→ {as_json(call)}"
            continue
        yield f"→ {function.get('name')} {_arguments(function.get('arguments'), full=full)}"


def _arguments(arguments: Any, *, full: bool) -> str:
    """A call's arguments as name=value; what is not an object is printed as it is stored."""
    try:
        values = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        values = arguments
    if not isinstance(values, Mapping):
        return str(values)
    pairs = (f"{key}={as_json(value)}" for key, value in values.items())
    return " ".join(pair if full else _cut_argument(pair) for pair in pairs)


def _cut_argument(pair: str) -> str:
    return pair if len(pair) <= _ARGUMENT_CHARACTERS else pair[: _ARGUMENT_CHARACTERS - 1] + "…"


def _shortened(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    if len(lines) <= _TOOL_LINES:
        return "\n".join(lines)
    rest = len(lines) - _TOOL_LINES
    return "\n".join([*lines[:_TOOL_LINES], f"… {rest} more lines, --full prints them"])
