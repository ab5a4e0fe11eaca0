"""The adapter of Hermes Agent, as the program calls it, and the core's own same calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.corpus import Message
from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB

ADAPTER = "SessionDB"
CORE = "SessionRepository"
OF_A_FLUSH = (
    "role", "content", "tool_name", "tool_calls", "tool_call_id", "finish_reason", "reasoning",
    "reasoning_content", "reasoning_details", "codex_reasoning_items", "codex_message_items",
    "timestamp", "api_content",
)  # fmt: skip
"""The keywords of `append_message` that the program gives for each message, mostly as None."""


class Core:
    """The repository with the settings that the adapter gives it."""

    def __init__(self, path: Path) -> None:
        self.repository = SessionRepository(path)
        self.close = self.repository.close
        self.create = self.repository.create_session
        self.append = self.repository.append_message
        self.get_messages = self.repository.get_messages
        self.conversation = self.repository.get_messages_as_conversation
        self.get_session = self.repository.get_session
        self.search = self.repository.search_messages

    def keywords(self, message: Message) -> Message:
        return {"session_id": "s", **message}

    def list(self, *, active: bool, prompts: bool) -> list[Any]:
        return self.repository.list_sessions_rich(
            order_by_last_active=active, include_system_prompt=prompts
        )


class Adapter:
    """Hermes' class, outside of the program: its functions on texts are not run."""

    def __init__(self, path: Path) -> None:
        self.db = SessionDB(path)
        self.close = self.db.close
        self.create = self.db.create_session
        self.append = self.db.append_message
        self.get_messages = self.db.get_messages
        self.conversation = self.db.get_messages_as_conversation
        self.get_session = self.db.get_session
        self.search = self.db.search_messages

    def keywords(self, message: Message) -> Message:
        return {"session_id": "s", **{name: message.get(name) for name in OF_A_FLUSH}}

    def list(self, *, active: bool, prompts: bool) -> list[Any]:
        return self.db.list_sessions_rich(order_by_last_active=active, compact_rows=not prompts)
