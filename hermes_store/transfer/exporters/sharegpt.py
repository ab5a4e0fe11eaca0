"""The ShareGPT format of training data: an object with `conversations` on each line.

Source: `data/README.md` of LLaMA-Factory, "Sharegpt Format", which names the turns human, gpt,
function_call and observation and the fields system and tools. Human or observation and gpt or
function_call alternate there, and an answer is the last; a trainer skips what does not. Several
calls at once are a list (`FunctionFormatter`). FastChat's data has the `id`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from hermes_store.records import SessionExport
from hermes_store.transfer.exporters.training import (
    LeftOut,
    arguments_of,
    calls_of,
    live_messages,
    text_of,
    tools_of,
)

__all__ = ["conversation"]

_SPEAKERS = {"user": "human", "assistant": "gpt", "tool": "observation"}
_ASKING = {"human", "observation"}

Turn = tuple[str, Any]
"""Who speaks, and a text, or of function_call a list of calls."""


def conversation(session: SessionExport, left_out: LeftOut) -> dict[str, Any] | None:
    """Return the live messages of a session as turns; None when none can be held.

    `left_out` gets what the format cannot hold.
    """
    rows = list(live_messages(session, left_out))
    system = _system(session["system_prompt"], rows, left_out)
    said = (turn for row in rows for turn in _turns(row, left_out))
    turns = _alternating(said, left_out)
    if not turns:
        left_out["sessions without a question and an answer"] += 1
        return None
    found: dict[str, Any] = {
        "id": session["id"],
        "conversations": [{"from": who, "value": _written(value)} for who, value in turns],
    }
    if system:
        found["system"] = system
    if tools := tools_of(session):
        found["tools"] = json.dumps([tool["function"] for tool in tools], ensure_ascii=False)
    return found


def _system(prompt: str | None, rows: Iterable[dict[str, Any]], left_out: LeftOut) -> str | None:
    """The system prompt: that of the session, else the first system message."""
    for row in rows:
        if row["role"] == "system":
            text = text_of(row["content"], left_out)
            prompt = prompt or text
            left_out["system messages"] += text != prompt
    return prompt


def _turns(row: dict[str, Any], left_out: LeftOut) -> Iterator[Turn]:
    role = row["role"]
    if role == "system":
        return
    if role not in _SPEAKERS:
        left_out[f"messages with the role {role}"] += 1
        return
    calls = calls_of(row, left_out)
    text = text_of(row["content"], left_out)
    left_out["names of speakers"] += bool(row["name"])
    left_out["ids of tool calls"] += len([each for each in calls if each.get("id")])
    if text or not calls:
        yield _SPEAKERS[role], text
    if calls:
        names = (each["function"]["name"] for each in calls)
        given = map(arguments_of, calls)
        pairs = zip(names, given, strict=True)
        yield "function_call", [{"name": name, "arguments": each} for name, each in pairs]


def _alternating(turns: Iterable[Turn], left_out: LeftOut) -> list[Turn]:
    found: list[Turn] = []
    for who, value in turns:
        if (who in _ASKING) == (len(found) % 2 == 0):
            found.append((who, value))
        elif not found:
            left_out["answers before the first question"] += 1
        else:
            found[-1] = _joined(found[-1], (who, value), left_out)
    if len(found) % 2:
        found.pop()
        left_out["questions without an answer"] += 1
    return found


def _joined(before: Turn, turn: Turn, left_out: LeftOut) -> Turn:
    """Two turns of one side as one: texts one after the other; calls push a text out."""
    if isinstance(before[1], str) and isinstance(turn[1], str):
        left_out["turns joined to the one before"] += 1
        return before[0], f"{before[1]}\n\n{turn[1]}"
    if isinstance(before[1], list) and isinstance(turn[1], list):
        left_out["turns joined to the one before"] += 1
        return before[0], before[1] + turn[1]
    left_out["texts beside tool calls"] += 1
    return turn if isinstance(turn[1], list) else before


def _written(value: Any) -> str:
    """A text, or JSON of calls: one as an object, several as a list of them."""
    if isinstance(value, str):
        return value
    return json.dumps(value if len(value) > 1 else value[0], ensure_ascii=False)
