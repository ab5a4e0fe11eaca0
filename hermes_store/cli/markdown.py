"""A session as Markdown for people: what is stored cannot break the structure of the document.

Messages are headings of the second level. Their texts are quoted, with Markdown that works and
without HTML and pictures; what tools got and gave is in fences, folded.
"""

from __future__ import annotations

import functools
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hermes_store.cli import output
from hermes_store.cli.conversation import facts, text_of
from hermes_store.cli.text import as_json, in_one_line, one_line, plain
from hermes_store.records import SessionExport

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["markdown"]

_MARKS = re.compile(r"([\\`*{}\[\]<>#|~&!$]|(?<![^\W_])_|_(?![^\W_]))")
_OF_CODE = ("```", "~~~", "    ")
"""A text without any of these has no block of code."""
_BACKTICKS = re.compile("`+")
_INLINE = re.compile(r"\\.|(?P<run>`+)|<|!(?=\[)", re.DOTALL)


def markdown(sessions: Iterable[tuple[SessionExport, list[str]]]) -> Iterator[str]:
    """Yield the Markdown of sessions, piece by piece; with each the ids of its conversation."""
    for number, (session, lineage) in enumerate(sessions):
        if number:
            yield "\n---\n\n"
        yield from _head(session, lineage)
        for message in session["messages"]:
            yield from _message(message)


def _head(session: SessionExport, lineage: list[str]) -> Iterator[str]:
    yield f"# {_escaped(in_one_line(session['title']) or one_line(session['id']))}\n\n"
    for line in facts(session, session["id"]):
        yield f"- {_escaped(line)}\n"
    if lineage:
        here = _escaped(one_line(session["id"]))
        ids = [_escaped(one_line(each)) for each in lineage]
        parts = (f"**{each}**" if each == here else each for each in ids)
        yield f"- conversation: {' → '.join(parts)}\n"
    yield "\n"
    if session["system_prompt"]:
        yield from _folded("system prompt", _quoted(session["system_prompt"]))


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    who = (one_line(message["role"]), one_line(message["name"]))
    which = (f"message {message['id']}", one_line(message["state"]))
    known = (*who, output.when(message["timestamp"]), *which)
    yield f"## {_escaped(' · '.join(filter(None, known)))}\n\n"
    if message["reasoning"]:
        yield from _folded("reasoning", _quoted(message["reasoning"]))
    text = text_of(message["content"])
    if message["role"] == "tool":
        yield from _folded(f"result {one_line(message['tool_name'])}", _fenced(text))
    elif text:
        yield f"{_quoted(text)}\n\n"
    calls = message["tool_calls"]
    for call in calls if isinstance(calls, list) else [calls] if calls else []:
        yield from _call(call)


def _call(call: Any) -> Iterator[str]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        yield from _folded("tool call", _fenced(as_json(call, indent=2), "json"))
        return
    arguments = function.get("arguments")
    try:
        shown = json.loads(arguments) if isinstance(arguments, str) else arguments
        text, language = as_json(shown, indent=2), "json"
    except (ValueError, RecursionError):
        text, language = str(arguments), ""
    yield from _folded(f"call {one_line(str(function.get('name')))}", _fenced(text, language))


def _folded(summary: str, body: str) -> Iterator[str]:
    said = html.escape(summary.strip())
    yield f"<details><summary>{said}</summary>\n\n{body}\n\n</details>\n\n"


def _escaped(line: str) -> str:
    """One line of text without Markdown."""
    return _MARKS.sub(r"\\\1", line)


def _fenced(text: str, language: str = "") -> str:
    """A code block; its fence is longer than any in the text."""
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}{language}\n{_lines(text)}\n{fence}"


def _lines(text: str) -> str:
    return plain(text.replace("\r\n", "\n").replace("\r", "\n")).rstrip("\n")


def _quoted(text: str) -> str:
    """A text as a quotation, in which its Markdown works, but neither HTML nor pictures do."""
    given = _lines(text).split("\n")
    lines = [line.expandtabs(4) for line in given]  # in a quotation a tab is less wide
    as_they_are = _code_in(lines, given)
    quoted = (as_they_are.get(n, _without_html(line)) for n, line in enumerate(lines))
    return "\n".join(f"> {line}" if line else ">" for line in quoted)


def _code_in(lines: list[str], given: list[str]) -> dict[int, str]:
    """The lines that are blocks of code, by their numbers; those in fences keep their tabs."""
    text, found = "\n".join(lines), dict[int, str]()
    if not any(mark in text for mark in _OF_CODE):
        return found
    for token in _blocks().parse(text):
        if token.map and token.type in {"fence", "code_block"}:
            start, end = token.map
            found.update((n, lines[n]) for n in range(start, end))
            if token.type == "fence" and token.level == 0:
                found.update((n, given[n]) for n in range(start + 1, end - 1))
    return found


@functools.cache
def _blocks() -> MarkdownIt:
    """A parser that finds blocks, and takes HTML as text: what is quoted has none."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False})
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _without_html(line: str) -> str:
    """A line in which `<` and pictures are text, outside of code; code ends in its line."""
    found, at = [], 0
    while match := _INLINE.search(line, at):
        found.append(line[at : match.start()])
        at, run = match.end(), match["run"]
        if run:
            end = re.compile(rf"(?<!`){run}(?!`)").search(line, at)
            code = line[at : end.start()] if end else ""
            if end and "|" not in code:  # a cell of a table ends there, whatever stands around it
                found.append(f"{run}{code}{run}")
                at = end.end()
            else:
                found.append(r"\`" * len(run))
        else:
            found.append({"<": "&lt;", "!": r"\!"}.get(match[0], match[0]))
    return "".join(found) + line[at:]
