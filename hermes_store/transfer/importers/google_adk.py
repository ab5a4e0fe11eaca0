"""The sessions of Google's Agent Development Kit: the SQLite file of its own session services.

The tables are those of google/adk/sessions/sqlite_session_service.py and of schemas/v0.py and
schemas/v1.py in https://github.com/google/adk-python. Events become the messages that
`hermes_store.adapters.google_adk` makes of them, so that its `HermesSessionService` goes on with an
imported session. What v0 pickled is kept as it is, in base64: it is never unpickled.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.shapes import keys
from hermes_store.shapes.adk_events import message_of
from hermes_store.shapes.adk_names import (
    MINE,
    app_prefix,
    conversation_id,
    user_key,
    user_prefix,
)
from hermes_store.transfer.importers.log_database import Grouped, Tables, database, readable
from hermes_store.transfer.importers.log_fields import (
    id_of,
    list_of,
    made_id,
    object_of,
    rest_of,
    text_of,
    time_of,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, Usage, session
from hermes_store.transfer.importers.sqlite_rows import Row, SqliteRows

__all__ = ["looks", "read"]

_SOURCE = "google-adk"
_KEYS = ("app_name", "user_id", "session_id")
_JSON = (
    *("content", "grounding_metadata", "custom_metadata", "usage_metadata", "citation_metadata"),
    *("input_transcription", "output_transcription"),
)
"""Columns of v0 that hold JSON."""
_FLAGS = ("partial", "turn_complete", "interrupted")


def looks(tables: Tables) -> bool:
    """Whether a file has tables of the kit."""
    of_sessions, of_events = set(tables.get("sessions", ())), set(tables.get("events", ()))
    return {"app_name", "user_id", "state"} <= of_sessions and {
        *_KEYS,
        "invocation_id",
    } <= of_events


def read(reading: Reading) -> Iterator[Session]:
    """The sessions of a file."""
    with database(reading) as tables:
        about = Grouped(tables, "sessions", "app_name", "user_id", "id")
        events = Grouped(tables, "events", *_KEYS)
        every = dict.fromkeys([*about.values(), *events.values()])
        for number, which in enumerate(every, start=1):
            row = next(about.of(*which), {})
            found = list(_events(events, which, reading))
            reading.at(number, "session")
            yield _session(tuple(map(str, which)), row, found, reading)
        _keep_shared(tables, reading)


def _keep_shared(tables: SqliteRows, reading: Reading) -> None:
    """Keep the states that sessions share where the adapter has them: a key of `meta` each."""
    for table, prefix, *columns in _SHARED:
        rows = Grouped(tables, table, *columns)
        for number, which in enumerate(rows.values(), start=1):
            reading.at(number, f"row of {table}")
            for row in rows.of(*which):
                for key, value in _state(row).items():
                    reading.keep(prefix(*map(str, which)) + keys.joined(key), value)


_SHARED: tuple[tuple[Any, ...], ...] = (
    ("app_states", app_prefix, "app_name"),
    ("user_states", user_prefix, "app_name", "user_id"),
)


def _session(
    which: tuple[str, ...], row: Row, events: list[dict[str, Any]], reading: Reading
) -> Session:
    app_name, user_id, session_id = which
    own_id, key = conversation_id(app_name, user_id, session_id), user_key(app_name, user_id)
    usage = Usage()
    for event in events:
        _count(usage, event)
    times = [event["timestamp"] for event in events]
    born = time_of(row.get("create_time"))
    updated = time_of(row.get("update_time")) or max(times, default=born or 0.0)
    kept = {"state": _state(row), "updated": updated, "born": made_id("adk", which)}
    found = session(
        _SOURCE,
        reading.free_id(id_of(own_id) or made_id(_SOURCE, which), [each["id"] for each in events]),
        partial(_messages, events),
        started=min([*times, *([] if born is None else [born])], default=None),
        ended=max(times, default=None),
        user_id=user_id,
        key=id_of(key),
        model=next(
            (found for each in events if (found := text_of(each.get("model_version")))), None
        ),
        **usage.columns(),
    )
    return {**found, "extra": {MINE: {**kept, "last": 0, "in_order": False}}}


def _count(usage: Usage, event: dict[str, Any]) -> None:
    used = object_of(event.get("usage_metadata"))
    if used:
        usage.add(
            event["timestamp"],
            text_of(event.get("model_version")),
            input_tokens=used.get("prompt_token_count"),
            output_tokens=used.get("candidates_token_count"),
            cache_read_tokens=used.get("cached_content_token_count"),
            reasoning_tokens=used.get("thoughts_token_count"),
        )


def _messages(events: list[dict[str, Any]]) -> Iterator[Message]:
    for event in events:
        pickled = event.get(_PICKLED)
        whole = {key: value for key, value in event.items() if key != _PICKLED}
        message: Message = {**(message_of(whole) if _is_regular(whole) else _irregular(whole))}
        message.setdefault("external_id", whole["id"])
        message.setdefault("timestamp", whole["timestamp"])
        if pickled:
            message["extra"] = {**message["extra"], _SOURCE: {_PICKLED: pickled}}
        yield message


_PICKLED = "actions_pickled"


def _is_regular(event: dict[str, Any]) -> bool:
    """Whether an event has the form of the kit, as far as its message depends on it."""
    content = event.get("content")
    texts = (event.get("author"), event.get("finish_reason"))
    parts = object_of(content).get("parts")
    return (
        (content is None or isinstance(content, dict))
        and (parts is None or isinstance(parts, list))
        and all(isinstance(part, dict) for part in list_of(parts))
        and all(each is None or isinstance(each, str) for each in texts)
    )


def _irregular(event: dict[str, Any]) -> Message:
    return {"role": "system", "extra": {MINE: {"event": event}}}


# --- rows and events ------------------------------------------------------------------------------


def _events(events: Grouped, which: tuple[Any, ...], reading: Reading) -> Iterator[dict[str, Any]]:
    """The events of a session as JSON, each with an id and a time; in the order of their times."""
    found: list[dict[str, Any]] = []
    for raw in events.raw(*which):
        reading.at(raw["rowid_"], "row of events")
        row = readable(raw)
        try:
            event = _of_data(row) if "event_data" in row else _of_columns(row, raw.get("actions"))
        except (TypeError, ValueError, RecursionError) as exc:
            reading.bad(f"not an event ({exc})")
            continue
        time = time_of(event.get("timestamp"))
        event["timestamp"] = (time_of(row.get("timestamp")) or 0.0) if time is None else time
        found.append(event)
    yield from sorted(found, key=lambda event: event["timestamp"])


def _of_data(row: Row) -> dict[str, Any]:
    event = json.loads(row["event_data"])
    if not isinstance(event, dict):
        raise ValueError("event_data is not an object")  # noqa: TRY004 - of JSON
    return {**event, "id": str(row["id"]), "invocation_id": row["invocation_id"]}


def _of_columns(row: Row, actions: Any) -> dict[str, Any]:
    taken = {"rowid_", *_KEYS, *_JSON, *_FLAGS, "actions", "long_running_tool_ids_json", "id"}
    event = {**rest_of(row, taken), "id": str(row["id"])}
    event |= {name: json.loads(row[name]) for name in _JSON if row.get(name)}
    event |= {name: bool(row[name]) for name in _FLAGS if row.get(name) is not None}
    if ids := json.loads(row.get("long_running_tool_ids_json") or "null"):
        event["long_running_tool_ids"] = ids
    if isinstance(actions, bytes):
        event[_PICKLED] = base64.b64encode(actions).decode()
    return event


def _state(row: Row) -> dict[str, Any]:
    try:
        return object_of(json.loads(row["state"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
