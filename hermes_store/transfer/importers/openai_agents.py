"""The sessions of the OpenAI Agents SDK: the SQLite file of its own session classes.

The tables are those of agents/memory/sqlite_session.py and of
agents/extensions/memory/sqlalchemy_session.py in https://github.com/openai/openai-agents-python.
Items become the messages that `hermes_store.adapters.openai_agents` makes of them, so that its
`HermesSession` goes on with an imported session.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from hermes_store.shapes.openai_items import message_of
from hermes_store.transfer.importers.log_database import Grouped, Tables, database
from hermes_store.transfer.importers.log_fields import id_of, made_id, rest_of, time_of
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session, session

__all__ = ["looks", "read"]

_SOURCE = "openai-agents"
_SESSIONS, _MESSAGES = "agent_sessions", "agent_messages"


def looks(tables: Tables) -> bool:
    """Whether a file has tables of the SDK."""
    return {"session_id", "message_data"} <= set(tables.get(_MESSAGES, ()))


def read(reading: Reading) -> Iterator[Session]:
    """The sessions of a file."""
    with database(reading) as tables:
        about = Grouped(tables, _SESSIONS, "session_id")
        items = Grouped(tables, _MESSAGES, "session_id")
        ids = dict.fromkeys([*about.values(), *items.values()])
        for number, (own_id,) in enumerate(ids, start=1):
            row = next(about.of(own_id), {})
            messages = list(_messages(items, own_id, reading))
            reading.at(number, "session")
            times = [time for each in messages if (time := each["timestamp"]) is not None]
            yield session(
                _SOURCE,
                reading.free_id(
                    id_of(own_id) or made_id(_SOURCE, own_id),
                    [each["external_id"] for each in messages],
                ),
                partial(iter, messages),
                started=min([*times, *_known(time_of(row.get("created_at")))], default=None),
                ended=max(times, default=None),
                extra=rest_of(row, {"rowid_", "session_id", "created_at", "updated_at"}),
            )


def _known(time: float | None) -> list[float]:
    return [] if time is None else [time]


def _messages(items: Grouped, own_id: Any, reading: Reading) -> Iterator[Message]:
    for row in items.of(own_id):
        reading.at(row["rowid_"], f"row of {_MESSAGES}")
        try:
            item = json.loads(row["message_data"])
        except (TypeError, ValueError, RecursionError) as exc:
            reading.bad(f"not JSON ({exc})")
            continue
        message: Message = {**message_of(item)}
        yield {
            **message,
            "external_id": made_id(str(row["rowid_"]), row["message_data"]),
            "timestamp": time_of(row["created_at"]),
        }
