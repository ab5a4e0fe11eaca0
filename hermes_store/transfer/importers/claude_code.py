"""Transcripts of Claude Code: `~/.claude/projects/<project>/<session>.jsonl`, a line an event.

Anthropic does not document the format. What is read here is as jeremedia/claude-code-log-format
(CLAUDE_CODE_LOG_FORMAT.md) and Huntehhh/claude-code-chat (docs/claude-cli-jsonl-format.md)
describe it. A subagent's transcript, in a file of its own or in the session's, is a delegate.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

from hermes_store.transfer.importers import anthropic_blocks
from hermes_store.transfer.importers.json_records import Record
from hermes_store.transfer.importers.log_fields import (
    id_of,
    made_id,
    object_of,
    rest_of,
    text_of,
    time_of,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, Usage, session

__all__ = ["looks", "read"]

_SOURCE = "claude-code"
_KINDS = frozenset({"user", "assistant", "system", "summary", "file-history-snapshot", "progress"})
_ROLES = frozenset({"user", "assistant", "system"})
_MADE_UP = "<synthetic>"
"""The model of messages that no model wrote."""
_TITLES = {"custom-title": "customTitle", "ai-title": "aiTitle", "summary": "summary"}
"""Lines that name the session, the best name first."""
_TOKENS = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
}
_OF_MESSAGE = frozenset({"uuid", "timestamp", "sessionId", "message", "type", "content"})


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is a line of a transcript."""
    kind = text_of(value.get("type"))
    named = "sessionId" in value or "leafUuid" in value or "snapshot" in value
    return kind is not None and named and (kind in _KINDS or "sessionId" in value)


def read(reading: Reading) -> Iterator[Session]:
    """The session of a transcript, then its subagents."""
    with closing(_Aside()) as aside:
        looked = _Look(reading.file.stem, aside)
        for _, line in reading.records():
            looked.at(line)
        for number, (agent, part) in enumerate(looked.agents.items(), start=1):
            if part.number:
                reading.at(number, "session")
                lines = partial(_own_lines, reading) if agent is None else partial(aside.of, agent)
                yield part.session(looked.named(agent), partial(_messages, lines))


class _Aside:
    """The lines of subagents in a file of their own, so that each is read without the others."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - close() does
        self._places: dict[str, array[int]] = {}

    def add(self, agent: str, line: dict[str, Any]) -> None:
        """Put a line aside."""
        self._places.setdefault(agent, array("q")).append(self._file.tell())
        self._file.write(json.dumps(line).encode() + b"\n")

    def of(self, agent: str) -> Iterator[Record]:
        """The lines of an agent."""
        for number, place in enumerate(self._places[agent], start=1):
            self._file.seek(place)
            yield number, json.loads(self._file.readline())

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class _Part:
    """What the lines of one agent say about its session."""

    def __init__(self) -> None:
        self.number = 0
        self.times: list[float] = []
        self.model: str | None = None
        self.cwd: str | None = None
        self.rest: dict[str, Any] = {}
        self.titles: dict[str, str] = {}
        self._calls: dict[str, tuple[float | None, str | None, dict[str, Any]]] = {}

    def at(self, line: dict[str, Any]) -> None:
        self.number += 1
        time = time_of(line.get("timestamp"))
        if time is not None:
            self.times = [min([time, *self.times]), max([time, *self.times])]
        message = object_of(line.get("message"))
        model = text_of(message.get("model"))
        self.model = self.model or (model if model != _MADE_UP else None)
        self.cwd = self.cwd or text_of(line.get("cwd"))
        self.rest = self.rest or rest_of({k: line.get(k) for k in ("version", "gitBranch")}, ())
        if used := object_of(message.get("usage")):
            # One answer has a line for each of its blocks; the last one has its final numbers.
            call = text_of(message.get("id")) or str(self.number)
            self._calls[call] = time, model, used

    def session(self, names: dict[str, Any], read: Any) -> Session:
        usage = Usage()
        for time, model, used in self._calls.values():
            usage.add(time, model, **{to: used.get(name) for to, name in _TOKENS.items()})
        return session(
            _SOURCE,
            read=read,
            title=next((self.titles[kind] for kind in _TITLES if kind in self.titles), None),
            started=min(self.times, default=None),
            ended=max(self.times, default=None),
            extra=self.rest,
            model=self.model,
            cwd=self.cwd,
            **usage.columns(),
            **names,
        )


class _Look:
    """The first reading of a file: its session, and the agents that worked for it."""

    def __init__(self, stem: str, aside: _Aside) -> None:
        self._stem = stem
        self._aside = aside
        self._ids: dict[str, None] = {}
        self.agents: dict[str | None, _Part] = {None: _Part()}
        """The parts of the file by agent; None is the session itself."""
        self._chains = _Chains()

    def at(self, line: dict[str, Any]) -> None:
        if named := id_of(line.get("sessionId")):
            self._ids[named] = None
        kind = text_of(line.get("type")) or ""
        if title := text_of(line.get(_TITLES.get(kind, ""))):
            self.agents[None].titles[kind] = title
        if _is_message(line):
            agent = self._chains.agent_of(line)
            if agent is not None:
                self._aside.add(agent, line)
            self.agents.setdefault(agent, _Part()).at(line)

    def named(self, agent: str | None) -> dict[str, Any]:
        """The id of a part, and what it belongs to."""
        own_id = self._stem if self._stem in self._ids else next(iter(self._ids), self._stem)
        own_id = own_id if id_of(own_id) else made_id(_SOURCE, own_id)
        if agent is None:
            return {"own_id": own_id}
        name = f"{own_id}/{agent}"
        name = name if id_of(name) else made_id(_SOURCE, name)
        return {"own_id": name, "parent_session_id": own_id, "link": "delegate"}


class _Chains:
    """Which agent wrote a line: named by the line, or by the line that it answers."""

    def __init__(self) -> None:
        self._of_line: dict[str, str] = {}

    def agent_of(self, line: dict[str, Any]) -> str | None:
        if line.get("isSidechain") is not True:
            return None
        own_id = text_of(line.get("uuid")) or ""
        before = self._of_line.get(text_of(line.get("parentUuid")) or "")
        agent = text_of(line.get("agentId")) or before or own_id
        self._of_line[own_id] = agent
        return agent


def _is_message(line: dict[str, Any]) -> bool:
    """Whether a line says something: not progress, snapshots of files, names of the session."""
    return text_of(line.get("uuid")) is not None and line.get("type") != "progress"


def _own_lines(reading: Reading) -> Iterator[Record]:
    return (each for each in reading.again() if each[1].get("isSidechain") is not True)


def _messages(lines: Callable[[], Iterator[Record]]) -> Iterator[Message]:
    tools: dict[str, str] = {}
    for _, line in lines():
        if _is_message(line):
            yield from _of_line(line, tools)


def _of_line(line: dict[str, Any], tools: dict[str, str]) -> Iterator[Message]:
    message, kind = object_of(line.get("message")), text_of(line.get("type"))
    role = text_of(message.get("role")) or (kind if kind in _ROLES else "system")
    content = message["content"] if "content" in message else line.get("content")
    found = anthropic_blocks.messages_of(role, content, tools)
    for place, (columns, blocks) in enumerate(found):
        rest = _rest(line, message) if place == 0 else {}
        extra = {**rest, **({"blocks": blocks} if blocks else {})}
        yield {
            **columns,
            "external_id": line["uuid"] if place == 0 else f"{line['uuid']}/{place}",
            "timestamp": time_of(line.get("timestamp")),
            "finish_reason": text_of(message.get("stop_reason")),
            "extra": {_SOURCE: extra} if extra else None,
        }


def _rest(line: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    rest = rest_of(line, _OF_MESSAGE)
    if of_message := rest_of(message, {"role", "content", "stop_reason", "type"}):
        rest["message"] = of_message
    if line.get("type") not in ("user", "assistant"):
        rest["type"] = line.get("type")
    return rest
