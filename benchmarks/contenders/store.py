"""The store as agent code calls it."""

from __future__ import annotations

from benchmarks.corpus import Message
from hermes_store import SessionRepository
from hermes_store.settings import Settings


class HermesStore:
    def __init__(self, path: str, settings: Settings) -> None:
        self.path = path
        self.repository = SessionRepository(path, synchronous=settings.synchronous)
        self.close = self.repository.close
        self.load = self.repository.get_messages_as_conversation
        self.append_many = self.repository.append_messages

    def create_session(self, session_id: str) -> None:
        self.repository.create_session(session_id, source="cli", model="a-model")

    def append(self, session_id: str, message: Message) -> int:
        return self.repository.append_message(session_id, **message)

    def list_newest(self, limit: int) -> list:
        return self.repository.list_sessions_rich(limit=limit)

    def list_active(self, limit: int) -> list:
        return self.repository.list_sessions_rich(limit=limit, order_by_last_active=True)

    def search(self, query: str, limit: int) -> list:
        return self.repository.search_messages(query, limit=limit)

    def search_newest(self, query: str, limit: int) -> list:
        return self.repository.search_messages(query, limit=limit, sort="newest")
