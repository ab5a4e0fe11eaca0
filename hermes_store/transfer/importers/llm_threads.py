"""The threads of llm since 0.36: messages are shared, and each thread ends at one of them.

The tables are those of llm/logs.py and llm/parts.py of https://github.com/simonw/llm.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hermes_store.transfer.importers.log_database import Grouped, attachment
from hermes_store.transfer.importers.log_fields import (
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
from hermes_store.transfer.importers.log_sessions import Message, Session, Usage, session
from hermes_store.transfer.importers.sqlite_rows import Row, SqliteRows

__all__ = ["sessions"]

_SOURCE = "llm"


def sessions(tables: SqliteRows, old: Mapping[str, Usage]) -> Iterator[Session]:
    """A session for each thread; of a thread that is in `old`, what came since the upgrade.

    `old` has what these used before.

    A fork has the messages behind the place where it left the thread that it was forked from.
    """
    if "threads" in tables.columns:
        yield from _Threads(tables, old).sessions()


class _Threads:
    def __init__(self, tables: SqliteRows, old: Mapping[str, Usage]) -> None:
        self._old = old
        threads = Grouped(tables, "threads", "id")
        self._threads = {str(each): row for (each,) in threads.values() for row in threads.of(each)}
        self._turns = Grouped(tables, "turns", "thread_id")
        self._messages = Grouped(tables, "messages", "hash")
        self._parts = Grouped(tables, "parts", "message_hash")
        self._fragments = Grouped(tables, "fragments", "id")
        self._attachments = Grouped(tables, "attachments", "id")
        places = Grouped(tables, "messages", "hash", "parent_hash", "role")
        self._above = {each: (above, role) for each, above, role in places.values()}

    def sessions(self) -> Iterator[Session]:
        for own_id in self._threads:
            yield self._session(own_id)

    def _session(self, own_id: str) -> Session:
        thread = self._threads[own_id]
        turns = sorted(self._turns.of(thread["id"]), key=_in_order)
        placed = self._placed(own_id, turns)
        usage = self._old.get(own_id) or Usage()
        for turn in turns:
            tokens = {name: turn.get(name) for name in ("input_tokens", "output_tokens")}
            usage.add(time_of(turn["datetime_utc"]), text_of(turn["model"]), **tokens)
        times = [time for turn in turns if (time := time_of(turn["datetime_utc"])) is not None]
        parent = id_of(thread.get("forked_from"))
        return session(
            _SOURCE,
            id_of(own_id) or made_id(_SOURCE, own_id),
            partial(self._read, placed),
            title=thread.get("name"),
            started=min(times, default=time_of(thread.get("datetime_utc"))),
            ended=max(times, default=None),
            extra={"turns": [rest_of(turn, {"rowid_", "thread_id"}) for turn in turns]},
            model=next((text_of(turn["model"]) for turn in reversed(turns)), None),
            system_prompt=self._system(placed),
            parent_session_id=parent,
            link="branch" if parent else None,
            **usage.columns(),
        )

    def _placed(self, own_id: str, turns: list[Row]) -> dict[str, float | None]:
        """The messages of a thread in their order, each with the time of the turn that added it."""
        thread = self._threads[own_id]
        origin = self._threads.get(str(thread.get("forked_from")), {})
        before = set(self._chain(origin.get("tip_message_hash")))
        placed: dict[str, float | None] = {}
        for turn in turns:
            chain = self._chain(turn["tip_message_hash"])
            if own_id in self._old and not placed:
                before |= set(chain[: self._since(chain, turn["parent_message_hash"])])
            for each in chain:
                if each not in before:
                    placed.setdefault(each, time_of(turn["datetime_utc"]))
        for each in () if own_id in self._old else self._chain(thread["tip_message_hash"]):
            if each not in before:
                placed.setdefault(each, time_of(thread.get("datetime_utc")))
        return placed

    def _since(self, chain: list[str], parent: Any) -> int:
        """Where a turn begins in a chain: at the prompt behind the last answer."""
        place = chain.index(parent) if parent in chain else -1
        while place >= 0 and self._above[chain[place]][1] != "assistant":
            place -= 1
        return place + 1

    def _chain(self, tip: Any) -> list[str]:
        """The messages from the first one to `tip`."""
        found: dict[str, None] = {}
        while tip in self._above and tip not in found:
            found[tip] = None
            tip = self._above[tip][0]
        return list(reversed(found))

    def _system(self, placed: dict[str, float | None]) -> str | None:
        system = (each for each in placed if self._above[each][1] == "system")
        parts = (part for each in system for part in self._parts_of(each))
        return joined(part.get("text") for part in parts)

    # --- a message and its parts -----------------------------------------------------------------

    def _read(self, placed: dict[str, float | None]) -> Iterator[Message]:
        for each, time in placed.items():
            for row in self._messages.of(each):
                for place, message in enumerate(self._message(row)):
                    own_id = each if place == 0 else f"{each}/{place}"
                    yield {**message, "external_id": own_id, "timestamp": time}

    def _message(self, row: Row) -> Iterator[Message]:
        """What a message says, then the results of tools in it."""
        parts = list(self._parts_of(row["hash"]))
        kinds = ("reasoning", "tool_call", "tool_result")
        calls = [part for part in parts if part["type"] == "tool_call"]
        thoughts = [part for part in parts if part["type"] == "reasoning"]
        content = plain([self._part(part) for part in parts if part["type"] not in kinds])
        rests = [rest_of(each, {"type", "name", "arguments", "tool_call_id"}) for each in calls]
        extra = {"parts": rests} if any(rests) else {}
        extra |= rest_of(row, {"rowid_", "hash", "parent_hash", "role"})
        results = [part for part in parts if part["type"] == "tool_result"]
        if content or calls or thoughts or extra or not results:
            yield {
                "role": text_of(row["role"]) or "assistant",
                "content": content,
                "reasoning": joined(each.get("text") for each in thoughts),
                "tool_calls": [_call(each) for each in calls] or None,
                "extra": {_SOURCE: extra} if extra else None,
            }
        for each in results:
            rest = rest_of(each, {"type", "name", "output", "tool_call_id"})
            yield {
                "role": "tool",
                "content": text_of(each.get("output")),
                "tool_name": text_of(each.get("name")),
                "tool_call_id": text_of(each.get("tool_call_id")),
                "extra": {_SOURCE: rest} if rest else None,
            }

    def _parts_of(self, message: str) -> Iterator[dict[str, Any]]:
        for row in sorted(self._parts.of(message), key=lambda row: count_of(row["position"])):
            part = {**_object(row.get("payload")), "type": str(row["type"])}
            if row.get("text") is not None:
                part["text"] = row["text"]
            if pieces := list_of(part.pop("text_ref", None)):
                part["text"] = "".join(self._piece(object_of(each)) for each in pieces)
            yield part

    def _piece(self, piece: dict[str, Any]) -> str:
        """A piece of a text that borrows from fragments."""
        if "literal" in piece:
            return str(piece["literal"])
        return "".join(str(row["content"]) for row in self._fragments.of(piece.get("fragment")))

    def _part(self, part: dict[str, Any]) -> dict[str, Any]:
        own_id = object_of(part.get("attachment")).get("id")
        for row in self._attachments.raw(own_id) if isinstance(own_id, str) else ():
            return attachment(row)
        return part


def _in_order(turn: Row) -> tuple[float, str]:
    return time_of(turn["datetime_utc"]) or 0.0, str(turn["id"])


def _call(part: dict[str, Any]) -> dict[str, Any]:
    return tool_call(part.get("tool_call_id"), part.get("name"), part.get("arguments"))


def _object(written: Any) -> dict[str, Any]:
    try:
        return object_of(json.loads(written)) if written else {}
    except (TypeError, ValueError, RecursionError):
        return {"payload": written}
