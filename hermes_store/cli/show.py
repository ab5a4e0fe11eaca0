"""`show`: one session as a conversation to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from hermes_store.cli import output
from hermes_store.cli.opening import NotFoundError, find_session, open_to_read
from hermes_store.cli.options import Options

__all__ = ["show_command"]

_STYLES = {"user": "bold cyan", "assistant": "bold green", "tool": "yellow", "system": "magenta"}
_TOOL_LINES = 12
_ARGUMENT_CHARACTERS = 100


@click.command("show")
@click.argument("session")
@click.option("--tail", type=click.IntRange(min=1), help="Only the last so many messages.")
@click.option("--full", is_flag=True, help="Tool results and arguments as long as they are.")
@click.option("--reasoning", is_flag=True, help="Also what the model thought.")
@click.option("--system", is_flag=True, help="Also the system prompt.")
@click.pass_obj
def show_command(
    options: Options, session: str, tail: int | None, full: bool, reasoning: bool, system: bool
) -> None:
    """Print the messages of SESSION: an id, a unique beginning of one, or a title.

    --json prints the whole session as one object, its messages under the key messages.
    """
    with open_to_read(options) as repo:
        found = repo.export_session(find_session(repo, session))
    if found is None:
        raise NotFoundError(f"the session {session!r} was deleted a moment ago")
    if tail:
        found["messages"] = found["messages"][-tail:]
    if options.as_json:
        output.print_json(found)
        return
    out = output.console()
    _print_head(out, found)
    if system and found["system_prompt"]:
        _print_heading(out, "system prompt", "system")
        _print_text(out, found["system_prompt"])
    for message in found["messages"]:
        _print_message(out, message, full=full, reasoning=reasoning)


def _print_head(out: Console, session: Mapping[str, Any]) -> None:
    _print_text(out, session["title"] or session["id"], "bold")
    for line in _head(session):
        _print_text(out, line, "dim")


def _head(session: Mapping[str, Any]) -> Iterator[str]:
    """What is known about the session, a line per subject."""
    yield " · ".join(filter(None, (session["id"], session["source"], session["model"])))
    ended = session["ended_at"]
    if ended is None:
        yield f"{output.when(session['started_at'])} · open"
    else:
        length = output.duration(ended - session["started_at"])
        yield f"{output.when(session['started_at'])} · ended after {length}: " + (
            session["end_reason"] or "no reason given"
        )
    cost = session["actual_cost_usd"]
    if cost is None:
        cost = session["estimated_cost_usd"]
    yield " · ".join(
        filter(
            None,
            (
                output.count(session["message_count"], "message"),
                output.count(session["tool_call_count"], "tool call"),
                f"{output.count(session['input_tokens'])} tokens in",
                f"{output.count(session['output_tokens'])} out",
                output.dollars(cost),
            ),
        )
    )
    if session["parent_session_id"]:
        yield f"continues {session['parent_session_id']}"


def _print_message(
    out: Console, message: Mapping[str, Any], *, full: bool, reasoning: bool
) -> None:
    role = message["role"]
    name = f"{role} {message['tool_name']}" if message["tool_name"] else role
    _print_heading(out, f"{name} · {output.when(message['timestamp'])}", role)
    if reasoning and message["reasoning"]:
        _print_text(out, message["reasoning"], "italic dim")
    text = _content(message["content"])
    if role == "tool":
        _print_text(out, text if full else _shortened(text, _TOOL_LINES), "dim")
    else:
        _print_text(out, text)
    for line in _tool_calls(message["tool_calls"], full=full):
        _print_text(out, line, "yellow")


def _print_heading(out: Console, heading: str, role: str) -> None:
    out.print()
    _print_text(out, f"── {heading}", _STYLES.get(role, "bold"))


def _print_text(out: Console, text: str, style: str = "") -> None:
    """Print `text` as it is; the terminal breaks long lines, so that they can be copied whole."""
    if text:
        out.print(Text(output.plain(text), style=style), soft_wrap=True)


def _content(content: Any) -> str:
    """The text of a message; parts that are no text are named."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(map(_part, parts))


def _part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    if isinstance(part, Mapping) and part.get("type"):
        return f"[{part['type']}]"
    return json.dumps(part, ensure_ascii=False)


def _tool_calls(calls: Any, *, full: bool) -> Iterator[str]:
    for call in calls if isinstance(calls, list) else [calls] if calls else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            yield f"→ {json.dumps(call, ensure_ascii=False)}"
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
    pairs = (f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    return " ".join(pair if full else _cut(pair) for pair in pairs)


def _cut(text: str) -> str:
    return text if len(text) <= _ARGUMENT_CHARACTERS else text[: _ARGUMENT_CHARACTERS - 1] + "…"


def _shortened(text: str, most: int) -> str:
    lines: Sequence[str] = text.rstrip("\n").split("\n")
    if len(lines) <= most:
        return "\n".join(lines)
    return "\n".join([*lines[:most], f"… {len(lines) - most} more lines, --full prints them"])
