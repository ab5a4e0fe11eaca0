"""The managed data layer for AI-agent conversations: sessions, messages and search."""

from hermes_store import errors
from hermes_store.repository import SessionRepository, Transaction
from hermes_store.settings import Settings

__all__ = ["SessionRepository", "Settings", "Transaction", "errors"]
