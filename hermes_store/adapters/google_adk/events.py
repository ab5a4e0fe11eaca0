"""An event and a message: each is made of the other."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, cast

from google.adk.events.event import Event

from hermes_store.adapters.pydantic_json import dumped_json
from hermes_store.records import MessageRecord, NewMessage
from hermes_store.shapes import adk_events
from hermes_store.shapes.adk_events import json_of
from hermes_store.shapes.adk_names import MINE
from hermes_store.shapes.kept import AlteredError, checked, kept_of, place_of, unless_altered

__all__ = ["event_of", "id_of", "is_same", "likely_event_of", "message_of"]


def message_of(event: Event, *, is_id_taken: bool = False) -> NewMessage:
    """A message that holds an event, whole. Its id stands in `extra` when another event has it."""
    return adk_events.message_of(_json_of(event), is_id_taken=is_id_taken)


def event_of(record: MessageRecord) -> Event:
    """The event that a message holds; of a message that came another way, one that says the same.

    Raises `AlteredError` when the installed kit does not know such an event.
    """
    return checked(place_of(record), lambda: Event.model_validate(_held_by(record)))


def likely_event_of(record: MessageRecord) -> Event:
    """The same; of an event that the kit does not know, its text."""
    try:
        return event_of(record)
    except AlteredError:
        return Event.model_validate(_of_another(record))


def id_of(record: MessageRecord) -> str:
    """The id of that event."""
    return str(_held_by(record)["id"])


def is_same(record: MessageRecord, event: Event) -> bool:
    """Whether a message holds this very event."""
    return _mine(record) == _json_of(event)


def _held_by(record: MessageRecord) -> dict[str, Any]:
    mine = _mine(record)
    return _of_another(record) if mine is None else mine


def _json_of(event: Event) -> dict[str, Any]:
    dump = partial(event.model_dump, exclude_none=True, exclude_defaults=True)
    return cast("dict[str, Any]", dumped_json("event", dump))


def _mine(record: MessageRecord) -> dict[str, Any] | None:
    """The JSON of the event that a message was made of; None when it holds none any more."""
    kept = kept_of(record, MINE)
    whole = unless_altered(lambda: json_of(record, kept))
    return whole if isinstance(whole, dict) and isinstance(whole.get("id"), str) else None


def _of_another(record: MessageRecord) -> dict[str, Any]:
    """The JSON of an event for a message that another program stored: its text."""
    is_user = record["role"] == "user"
    event = {
        "id": f"message-{record['id']}",
        "author": "user" if is_user else record["name"] or record["role"],
        "timestamp": record["timestamp"],
    }
    content = record["content"]
    if content is None:
        return event
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    said = {"role": "user" if is_user else "model", "parts": [{"text": text}]}
    return {**event, "content": said}
