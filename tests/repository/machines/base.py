"""The store and the model, side by side."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import URL
from stored import as_stored

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import SessionNotFoundError

IDS = st.sampled_from(["a", "ab", "b", "c"])
EVERY = SessionFilter(archived=None)


@dataclass
class Message:
    """What the rules say of a message."""

    id: int
    role: str
    content: Any
    tool_calls: list[Any] | None
    timestamp: float
    external_id: str | None
    state: str | None = None


@dataclass
class Session:
    """What the rules say of a session."""

    started_at: float
    parent: str | None = None
    link: str | None = None
    title: str | None = None
    end_reason: str | None = None
    archived: bool = False
    pinned: bool = False
    properties: dict[str, Any] = field(default_factory=dict)
    """What was said of it by `update_session`: model, user_id, key, cwd."""
    messages: list[Message] = field(default_factory=list)
    used: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was recorded, by model and kind."""

    def live(self) -> list[Message]:
        return [each for each in self.messages if each.state is None]

    def counters(self) -> dict[str, Any]:
        live = self.live()
        return {
            "message_count": len(live),
            "tool_call_count": sum(len(each.tool_calls or ()) for each in live),
            "last_active": max([self.started_at, *(each.timestamp for each in live)]),
        }


class Machine(RuleBasedStateMachine):
    """Changes the store and the model alike; the test says which store."""

    database: Path | URL
    repository: SessionRepository

    @initialize()
    def begin(self) -> None:
        stored = self.repository.search_sessions(limit=None, filter=EVERY)
        self.repository.delete_sessions([each["id"] for each in stored])
        self.sessions: dict[str, Session] = {}
        self.inside = False

    @rule(inside=st.booleans())
    def go_on_in_transactions_or_without(self, inside: bool) -> None:
        self.inside = inside

    @contextlib.contextmanager
    def door(self) -> Iterator[Any]:
        """What the next call is made on: the repository, or a transaction of its own."""
        if not self.inside:
            yield self.repository
            return
        with self.repository.transaction() as transaction:
            yield transaction

    def do(self, call: Callable[[Any], Any]) -> Any:
        with self.door() as door:
            return call(door)

    def refused(self, error: type[Exception], call: Callable[[Any], Any]) -> None:
        """The call raises, and a transaction around it goes on."""
        with self.door() as door, pytest.raises(error):
            call(door)

    def session_or_refused(self, session_id: str, call: Callable[[Any], Any]) -> Session | None:
        """The session; without one the call is made, and must raise."""
        if session_id not in self.sessions:
            self.refused(SessionNotFoundError, call)
        return self.sessions.get(session_id)

    def text(self, content: Any) -> Any:
        """A content as this database gives it back."""
        return as_stored(self.database, content)

    @invariant()
    def the_store_finds_nothing_wrong_with_itself(self) -> None:
        found = self.repository.check()
        assert found == [], found
