"""What the tools answer: plain dicts with times as people write them, cut to a budget.

What an agent reads fills its context, so texts are cut, and whole messages are left out when there
are many. Each answer says what it left out, and a call that gets it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hermes_store.values import read_text

__all__ = ["BUDGET", "conversation", "hit", "line", "listed", "moment", "problem", "within"]

BUDGET = 20_000
"""Characters of an answer, about; a token is some four of them."""
_LONGEST_TEXT = 2_000
_LONGEST_LINE = 300
_LEFT_OUT = 40
"""Characters that a note about what was left out takes, about."""


def moment(seconds: Any) -> str | None:
    """A time in UTC, to the second; what another program stored in place of one, as it is."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError, TypeError):
        return line(seconds)


def line(value: Any) -> str | None:
    """A name, a title, or what another program stored in place of one."""
    return _cut(value, _LONGEST_LINE)


def problem(text: str) -> str:
    """Why a call failed, which may name what the agent gave: a text of any length."""
    return str(_cut(text, _LONGEST_TEXT))


def listed(session: Mapping[str, Any]) -> dict[str, Any]:
    """A session, as a list shows it."""
    return {
        "session_id": read_text(session["id"]),
        "title": line(session["title"]),
        "preview": line(session["preview"]),
        "source": line(session["source"]),
        "model": line(session["model"]),
        "started_at": moment(session["started_at"]),
        "last_active": moment(session["last_active"]),
        "messages": read_text(session["message_count"]),
    }


def hit(found: Mapping[str, Any]) -> dict[str, Any]:
    """A message that a search found."""
    return {
        "session_id": read_text(found["session_id"]),
        "message_id": found["id"],
        "title": line(found["title"]),
        "role": line(found["role"]),
        "at": moment(found["timestamp"]),
        "snippet": _cut(found["snippet"], _LONGEST_TEXT),
    }


def conversation(messages: Sequence[Mapping[str, Any]], around: int | None) -> list[dict[str, Any]]:
    """As many of the messages as the budget takes: those nearest to `around`, else the last."""
    said = [_message(each) for each in messages]
    ids = [each["message_id"] for each in said]
    anchor = ids.index(around) if around in ids else len(said) - 1
    first, last = _nearest([_size(each) for each in said], anchor)
    return said[first : last + 1]


def within(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first answers that the budget takes; one at least."""
    left = BUDGET
    for number, answer in enumerate(answers):
        left -= _size(answer)
        if left < 0 and number:
            return answers[:number]
    return answers


def _nearest(sizes: Sequence[int], anchor: int) -> tuple[int, int]:
    """The first and last place around `anchor` that fit; it grows on both sides by turns."""
    first, last = anchor, anchor
    left = BUDGET - (sizes[anchor] if sizes else 0)
    while True:
        grown = False
        for place in (first - 1, last + 1):
            if 0 <= place < len(sizes) and sizes[place] <= left:
                left -= sizes[place]
                first, last, grown = min(first, place), max(last, place), True
        if not grown:
            return first, last


def _message(record: Mapping[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "message_id": record["id"],
        "role": line(record["role"]),
        "at": moment(record["timestamp"]),
        "content": _cut(record["content"], _LONGEST_TEXT),
    }
    if record["tool_calls"]:
        message["tool_calls"] = _cut(record["tool_calls"], _LONGEST_TEXT)
    if record["tool_name"]:
        message["tool_name"] = line(record["tool_name"])
    if record["state"]:
        message["state"] = line(record["state"])
    return message


def _cut(value: Any, longest: int) -> str | None:
    """The beginning and the end of a text that is too long, and how much is left out between.

    What is no text is written as JSON; bytes that another program stored are read as UTF-8.
    """
    if value is None:
        return None
    found = read_text(value)
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    if len(text) <= longest:
        return text
    half = (longest - _LEFT_OUT) // 2
    return f"{text[:half]} […{len(text) - 2 * half:,} characters left out…] {text[-half:]}"


def _size(answer: Mapping[str, Any]) -> int:
    return len(json.dumps(answer, ensure_ascii=False))
