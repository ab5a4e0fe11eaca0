"""The ShareGPT format of training data: an object with `conversations` on each line.

Source: `data/README.md` of LLaMA-Factory, "ShareGPT Format", which names the turns human, gpt,
function_call and observation, and the fields system and tools. FastChat's data has the `id`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
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

_SPEAKERS = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


def conversation(session: SessionExport, left_out: LeftOut) -> dict[str, Any] | None:
    """Return the live messages of a session as turns; None when there are none.

    `left_out` gets what the format cannot hold.
    """
    turns = [turn for row in live_messages(session, left_out) for turn in _turns(row, left_out)]
    if not turns:
        left_out["sessions without messages"] += 1
        return None
    found: dict[str, Any] = {"id": session["id"], "conversations": turns}
    if session["system_prompt"]:
        found["system"] = session["system_prompt"]
    if tools := tools_of(session):
        described = [tool["function"] for tool in tools]
        found["tools"] = json.dumps(described, ensure_ascii=False)
    return found


def _turns(row: dict[str, Any], left_out: LeftOut) -> Iterator[dict[str, str]]:
    role = row["role"]
    if role not in _SPEAKERS:
        left_out[f"messages with the role {role}"] += 1
        return
    calls = calls_of(row, left_out)
    text = text_of(row["content"], left_out)
    left_out["names of speakers"] += bool(row["name"])
    left_out["ids of tool calls"] += len([each for each in calls if each.get("id")])
    if text or not calls:
        yield {"from": _SPEAKERS[role], "value": text}
    if calls:
        yield {"from": "function_call", "value": _called(calls)}


def _called(calls: list[dict[str, Any]]) -> str:
    """One call as an object, several as a list of them."""
    said = [{"name": each["function"]["name"], "arguments": arguments_of(each)} for each in calls]
    return json.dumps(said if len(said) > 1 else said[0], ensure_ascii=False)
