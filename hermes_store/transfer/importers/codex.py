"""Rollouts of the Codex CLI: `~/.codex/sessions/YYYY/MM/DD/rollout-<time>-<id>.jsonl`.

The lines are those of codex-rs/protocol of https://github.com/openai/codex: `RolloutItem` in
protocol.rs, `ResponseItem` in models.rs. Older files have bare items behind a first line with id
and timestamp; the first versions wrote one object with `session` and `items`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.transfer.importers.log_fields import (
    content_of,
    count_of,
    id_of,
    joined,
    list_of,
    made_id,
    object_of,
    plain,
    rest_of,
    text_of,
    time_of,
    tool_call,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, Usage, session

__all__ = ["looks", "read"]

_SOURCE = "codex"
_CALLS = {
    "function_call": ("name", "arguments"),
    "custom_tool_call": ("name", "input"),
    "local_shell_call": ("type", "action"),
    "web_search_call": ("type", "action"),
}
"""Calls of tools: where the name stands, and where the arguments."""
_ITEMS = frozenset({"message", "reasoning", *_CALLS, "function_call_output"})
_PLAIN = ("message", "function_call", "function_call_output")
"""Items that their columns tell apart."""
_OF_META = frozenset({"id", "timestamp", "cwd", "instructions", "base_instructions"})


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is the first line of a rollout."""
    if isinstance(value.get("session"), dict) and isinstance(value.get("items"), list):
        return True
    if value.get("type") in ("session_meta", "response_item", "event_msg", "turn_context"):
        return isinstance(value.get("payload"), dict)
    is_dated = text_of(value.get("id")) and time_of(value.get("timestamp")) is not None
    return bool(is_dated) and bool(value.keys() & {"instructions", "git"}) and "type" not in value


def read(reading: Reading) -> Iterator[Session]:
    """The session of a rollout."""
    look = _Look()
    for _, line in reading.records():
        look.at(line)
    if look.number:
        reading.at(1, "session")
        yield look.session(reading)


class _Look:
    """The first reading of a file: what it says about its session."""

    def __init__(self) -> None:
        self.number = 0
        self._meta: dict[str, Any] = {}
        self._times: list[float] = []
        self._model: str | None = None
        self._usage, self._total = Usage(), dict[str, Any]()

    def at(self, line: dict[str, Any]) -> None:
        kind, payload = line.get("type"), object_of(line.get("payload"))
        self.number += 1
        if (time := time_of(line.get("timestamp"))) is not None:
            self._times = [min([time, *self._times]), max([time, *self._times])]
        if not self._meta and kind == "session_meta":
            self._meta = payload
        elif not self._meta and isinstance(line.get("session"), dict):
            self._meta = line["session"]
        elif not self._meta and looks(line) and not payload:
            self._meta = line
        if kind == "turn_context":
            self._model = self._model or text_of(payload.get("model"))
        if kind == "event_msg" and payload.get("type") == "token_count":
            self._count(time, object_of(payload.get("info")))

    def _count(self, time: float | None, info: dict[str, Any]) -> None:
        """Count a call; the numbers are told again whenever a limit changes."""
        total, last = (object_of(info.get(f"{each}_token_usage")) for each in ("total", "last"))
        if last and total != self._total:
            self._total, cached = total, count_of(last.get("cached_input_tokens"))
            self._usage.add(
                time,
                self._model,
                input_tokens=max(count_of(last.get("input_tokens")) - cached, 0),
                output_tokens=last.get("output_tokens"),
                cache_read_tokens=cached,
                reasoning_tokens=last.get("reasoning_output_tokens"),
            )

    def session(self, reading: Reading) -> Session:
        meta = self._meta
        begun = time_of(meta.get("timestamp"))
        told = meta.get("instructions") or object_of(meta.get("base_instructions")).get("text")
        return session(
            _SOURCE,
            id_of(meta.get("id")) or made_id(_SOURCE, reading.file.stem),
            partial(_messages, reading),
            started=begun if begun is not None else min(self._times, default=reading.file.written),
            ended=max(self._times, default=None),
            extra=rest_of(meta, _OF_META if text_of(told) else _OF_META - {"instructions"}),
            model=self._model,
            cwd=text_of(meta.get("cwd")),
            system_prompt=text_of(told),
            **_parent(meta),
            **self._usage.columns(),
        )


def _parent(meta: dict[str, Any]) -> dict[str, Any]:
    """What a session came from: one that was forked, or the agent that gave it its work."""
    if forked := id_of(meta.get("forked_from_id")):
        return {"parent_session_id": forked, "link": "branch"}
    spawned = object_of(object_of(meta.get("source")).get("subagent")).get("thread_spawn")
    if agent := id_of(object_of(spawned).get("parent_thread_id")):
        return {"parent_session_id": agent, "link": "delegate"}
    return {}


# --- lines and messages ---------------------------------------------------------------------------


def _messages(reading: Reading) -> Iterator[Message]:
    tools: dict[str, str] = {}
    for number, line in reading.again():
        for place, item in enumerate(_items(line)):
            # With what the item says: the lines of another file of the session are other messages.
            at = f"line-{number}{f'-{place}' if place else ''}"
            own_id = id_of(item.get("id")) or made_id(at, item)
            columns, taken = _columns(item, tools)
            plainly = {"type"} if item.get("type") in _PLAIN else set[str]()
            rest = rest_of(item, taken | {"id"} | plainly)
            yield {
                "timestamp": time_of(line.get("timestamp")),
                "external_id": own_id,
                **columns,
                "extra": {_SOURCE: rest} if rest else None,
            }


def _items(line: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a line. Events that tell what items say once more are none."""
    kind, payload = line.get("type"), object_of(line.get("payload"))
    if kind == "response_item":
        return [payload] if payload else []
    if kind == "compacted":
        said = {"role": "system", "content": payload.get("message")}
        return [{**rest_of(payload, {"message"}), **said, "type": kind}]
    if kind is None:
        return [object_of(each) for each in list_of(line.get("items")) if each]
    is_item = isinstance(kind, str) and (kind in _ITEMS or kind.endswith(("_call", "_output")))
    return [line] if is_item and "payload" not in line else []


def _columns(item: dict[str, Any], tools: dict[str, str]) -> tuple[Message, set[str]]:
    """The columns of an item, and which of its keys they hold."""
    kind = text_of(item.get("type")) or ""
    if kind in _CALLS:
        return _call(item, *_CALLS[kind], tools)
    if kind.endswith("_output"):
        call_id = text_of(item.get("call_id"))
        content = _said(item.get("output"))
        result = {"role": "tool", "content": content, "tool_call_id": call_id}
        return {**result, "tool_name": tools.get(str(call_id))}, {"call_id", "output"}
    if kind == "reasoning":
        parts = [*list_of(item.get("summary")), *list_of(item.get("content"))]
        thought = joined(object_of(each).get("text") for each in parts)
        kept = {"reasoning": thought, "codex_reasoning_items": [item]}
        return {"role": "assistant", **kept}, set(item)
    role = text_of(item.get("role")) or "system"
    return {"role": role, "content": _said(item.get("content"))}, {"role", "content", "timestamp"}


def _call(
    item: dict[str, Any], name_at: str, arguments_at: str, tools: dict[str, str]
) -> tuple[Message, set[str]]:
    call_id = text_of(item.get("call_id")) or text_of(item.get("id")) or ""
    name = (text_of(item.get(name_at)) or "").removesuffix("_call")
    tools[call_id] = name
    call = tool_call(call_id, name, item.get(arguments_at))
    return {"role": "assistant", "tool_calls": [call]}, {"call_id", name_at, arguments_at}


def _said(content: Any) -> Any:
    return plain(content) if isinstance(content, list) else content_of(content)
