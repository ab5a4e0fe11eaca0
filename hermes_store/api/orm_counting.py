"""What a unit of work did to sessions, until it is counted in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hermes_store.database.connection import OpenConnection
from hermes_store.models import Message
from hermes_store.queries.recount import Counters, count_in, recount
from hermes_store.queries.rows import number_of_calls

__all__ = ["COUNTED", "Noted"]

COUNTED = frozenset({"session_id", "state", "tool_calls", "timestamp"})
"""Columns of a message that its session keeps something of."""


@dataclass
class Noted:
    """Sessions whose counters do not agree with their messages yet."""

    connection: OpenConnection
    added: dict[str, Counters] = field(default_factory=dict)
    """What is to be added, as an append does, by session id."""
    touched: set[str] = field(default_factory=set)
    """Ids of sessions that are to be counted anew, which takes as long as they are."""
    cleared: set[str] = field(default_factory=set)
    """Ids of sessions that are deleted."""

    def add(self, session_id: str, tool_calls: Any, at: Any) -> None:
        """Note a new live message. Where SQL says when it was sent, its session is counted anew."""
        if not isinstance(at, (int, float)):
            self.touched.add(session_id)
            return
        number, calls, latest = self.added.get(session_id, (0, 0, at))
        calls += number_of_calls(tool_calls)
        self.added[session_id] = Counters(number + 1, calls, max(latest, at))

    def note(self, message: Message) -> None:
        """Note a new message; its session is counted anew when SQL gave what counts, or a state."""
        loaded = message.__dict__
        if {"tool_calls", "state"} <= loaded.keys() and loaded["state"] is None:
            self.add(message.session_id, loaded["tool_calls"], loaded.get("timestamp"))
        else:
            self.touched.add(message.session_id)

    def doubt(self) -> None:
        """Count anew what was to be added: some of it may have been rolled back."""
        self.touched.update(self.added)
        self.added.clear()

    def settle(self) -> Iterator[tuple[str, Counters]]:
        """Bring the counters of all noted sessions up to date; yield them."""
        touched, added = self.touched, self.added
        self.touched, self.added = set(), {}
        for session_id in sorted({*touched, *added}):  # all transactions lock in one order
            if session_id in touched:
                counters = recount(self.connection, session_id)
            else:
                counters = count_in(self.connection, session_id, added[session_id])
            if counters is not None:
                yield session_id, counters
