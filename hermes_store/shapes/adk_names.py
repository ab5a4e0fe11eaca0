"""The names under which the services keep what they store."""

from __future__ import annotations

from hermes_store.shapes import keys

__all__ = [
    "MINE",
    "app_prefix",
    "conversation_id",
    "conversations",
    "memory_id",
    "user_key",
    "user_prefix",
]

MINE = "google_adk"
"""The key in `extra` of messages and sessions."""
_PREFIX = "adk"
_MEMORY = "adk-memory"


def conversation_id(app_name: str, user_id: str, session_id: str) -> str:
    """The id of the stored session."""
    return keys.joined(_PREFIX, app_name, user_id, session_id)


def conversations(app_name: str, user_id: str | None) -> str:
    """How the ids of the sessions of an app begin, or of one of its users."""
    return keys.prefix(_PREFIX, app_name, *([] if user_id is None else [user_id]))


def memory_id(app_name: str, user_id: str, session_id: str) -> str:
    """The id of the session that holds what only the memory was given."""
    return keys.joined(_MEMORY, app_name, user_id, session_id)


def user_key(app_name: str, user_id: str) -> str:
    """The `key` of all sessions of a user of an app."""
    return keys.joined(_PREFIX, app_name, user_id)


def app_prefix(app_name: str) -> str:
    """How the keys of an app's state begin."""
    return keys.prefix(_PREFIX, "app", app_name)


def user_prefix(app_name: str, user_id: str | None) -> str:
    """How the keys of a user's state begin, or those of all users of an app."""
    return keys.prefix(_PREFIX, "user", app_name, *([] if user_id is None else [user_id]))
