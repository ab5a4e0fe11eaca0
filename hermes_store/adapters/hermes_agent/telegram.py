"""Topics of Telegram: chats in which each topic is a session of its own."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.listed_rows import listed, select_listed
from hermes_store.adapters.hermes_agent.taken import meta_key, meta_prefix
from hermes_store.models.stored import sessions

__all__ = ["Telegram"]

_MODES = "hermes.telegram_dm_topic_mode/"
_BINDINGS = "hermes.telegram_dm_topic_bindings/"
"""Kept in `meta` where an import of a Hermes file puts the rows of the tables with these names."""
_VERSION = "telegram_dm_topic_schema_version"
_SAME_AS_MISSING: Row = {"managed_mode": "auto"}
"""An import leaves out what is the default of a column."""


class Telegram(Base):
    """Which topics are bound to which sessions. A session has at most one topic."""

    def apply_telegram_topic_migration(self) -> None:
        """Note that topics are in use; there are no tables to make."""
        self._repo.meta.set(_VERSION, "2")

    def enable_telegram_topic_mode(
        self,
        *,
        chat_id: str | int,
        user_id: str | int,
        has_topics_enabled: bool | None = None,
        allows_users_to_create_topics: bool | None = None,
    ) -> None:
        """Let each topic of a chat be a session of its own."""
        now = time.time()
        with self._repo.transaction() as tx:
            tx.meta.set(_VERSION, "2")
            there = tx.meta.get(meta_key(f"{_MODES}{chat_id}")) or {"activated_at": now}
            told = {
                "chat_id": str(chat_id),
                "user_id": str(user_id),
                "enabled": 1,
                "updated_at": now,
                "has_topics_enabled": _flag(has_topics_enabled),
                "allows_users_to_create_topics": _flag(allows_users_to_create_topics),
                "capability_checked_at": now,
            }
            tx.meta.set(meta_key(f"{_MODES}{chat_id}"), {**there, **told})

    def disable_telegram_topic_mode(
        self, *, chat_id: str | int, clear_bindings: bool = True
    ) -> None:
        """Take that back, and unless told otherwise forget which topics were bound."""
        with self._repo.transaction() as tx:
            _disable(tx, chat_id)
            if clear_bindings:
                for row in _bindings(tx, chat_id):
                    tx.meta.delete(_key(row["chat_id"], row["thread_id"]))

    def is_telegram_topic_mode_enabled(self, *, chat_id: str | int, user_id: str | int) -> bool:
        """Whether topics of a chat are sessions, for this user."""
        mode = self._repo.meta.get(meta_key(f"{_MODES}{chat_id}"))
        return bool(mode and mode.get("enabled", 1) and str(mode.get("user_id")) == str(user_id))

    # --- bindings -------------------------------------------------------------------------------

    def bind_telegram_topic(
        self,
        *,
        chat_id: str | int,
        thread_id: str | int,
        user_id: str | int,
        session_key: str,
        session_id: str,
        managed_mode: str = "auto",
    ) -> None:
        """Bind a topic to a session, in place of the one it had.

        Raises ValueError when the session is bound to another topic, and `SessionNotFoundError`.
        """
        key, now = _key(chat_id, thread_id), time.time()
        with self._repo.transaction() as tx:
            tx.meta.set(_VERSION, "2")
            taken = [row for row in _bindings(tx) if row["session_id"] == str(session_id)]
            if any(_key(row["chat_id"], row["thread_id"]) != key for row in taken):
                raise ValueError(
                    f"session {session_id} is already linked to another Telegram topic"
                )
            there = tx.meta.get(key) or {"linked_at": now}
            told = {
                "chat_id": str(chat_id),
                "thread_id": str(thread_id),
                "user_id": str(user_id),
                "session_key": str(session_key),
                "session_id": str(session_id),
                "managed_mode": managed_mode,
                "updated_at": now,
            }
            tx.meta.set(key, {**there, **told})

    def get_telegram_topic_binding(self, *, chat_id: str | int, thread_id: str | int) -> Row | None:
        """Return what a topic is bound to, or None."""
        row = self._repo.meta.get(_key(chat_id, thread_id))
        found = self._living([row] if row else [])
        return found[0] if found else None

    def list_telegram_topic_bindings_for_chat(self, *, chat_id: str | int) -> list[Row]:
        """Return the bindings of a chat, the last changed first."""
        found = self._living(_bindings(self._repo, chat_id))
        return sorted(found, key=lambda row: -row["updated_at"])

    def get_telegram_topic_binding_by_session(self, *, session_id: str) -> Row | None:
        """Return the binding of a session, or None."""
        own = [row for row in _bindings(self._repo) if row["session_id"] == str(session_id)]
        found = self._living(own)
        return found[0] if found else None

    def is_telegram_session_linked_to_topic(self, *, session_id: str) -> bool:
        """Whether a session is bound to a topic."""
        return self.get_telegram_topic_binding_by_session(session_id=session_id) is not None

    def delete_telegram_topic_binding(self, *, chat_id: str | int, thread_id: str | int) -> int:
        """Forget a binding; with the last one of a chat its topic mode ends. Return how many."""
        with self._repo.transaction() as tx:
            deleted = tx.meta.delete(_key(chat_id, thread_id))
            if deleted and not _bindings(tx, chat_id):
                _disable(tx, chat_id)
            return int(deleted)

    def list_unlinked_telegram_sessions_for_user(
        self, *, chat_id: str | int, user_id: str | int, limit: int = 10
    ) -> list[Row]:
        """Return the user's sessions that no topic is bound to, the last active first."""
        del chat_id  # a session belongs to the user, whatever the chat
        bound = [row["session_id"] for row in _bindings(self._repo)]
        which = select_listed().where(
            sessions.c.source == "telegram",
            sessions.c.user_id == str(user_id),
            sessions.c.id.not_in(bound),
        )
        order = (sessions.c.last_active.desc(), sessions.c.started_at.desc())
        rows = self._rows(which.order_by(*order).limit(int(limit)))
        return listed([(*row.values(),) for row in rows])

    def _living(self, rows: list[Row]) -> list[Row]:
        """Bindings whose session is there: a deleted one takes its binding along."""
        ids = [row["session_id"] for row in rows]
        named = select(sessions.c.id).where(sessions.c.id.in_(ids))
        there = {row["id"] for row in self._rows(named)} if ids else set()
        return [{**_SAME_AS_MISSING, **row} for row in rows if row["session_id"] in there]


def _key(chat_id: Any, thread_id: Any) -> str:
    return meta_key(f"{_BINDINGS}{chat_id}/{thread_id}")


def _bindings(of: Any, chat_id: Any = None) -> list[Row]:
    begin = _BINDINGS if chat_id is None else f"{_BINDINGS}{chat_id}/"
    found = [{**_SAME_AS_MISSING, **value} for _, value in of.meta.items(meta_prefix(begin))]
    return [row for row in found if chat_id is None or str(row["chat_id"]) == str(chat_id)]


def _disable(tx: Transaction, chat_id: Any) -> None:
    mode = tx.meta.get(meta_key(f"{_MODES}{chat_id}"))
    if mode:
        tx.meta.set(
            meta_key(f"{_MODES}{chat_id}"), {**mode, "enabled": 0, "updated_at": time.time()}
        )


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)
