"""Sessions: begin, end, reopen and find them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.filters import EVERYTHING, SessionFilter, asked, by_conversation
from hermes_store.models import links
from hermes_store.queries import continuing, listing, matching, session_changes, sessions
from hermes_store.records import SessionMatch, SessionRecord

__all__ = ["Sessions"]


class Sessions(Topic):
    """One session at a time, without its messages."""

    def create_session(
        self,
        session_id: str,
        source: str,
        model: str | None = None,
        model_config: dict[str, Any] | None = None,
        system_prompt: str | None = None,
        user_id: str | None = None,
        parent_session_id: str | None = None,
        *,
        link: str | None = None,
        cwd: str | None = None,
        key: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> str:
        """Store a session that starts now; return its id.

        When the session exists, fills what is not known yet and overwrites nothing.
        `source` says where it comes from: "cli", "telegram" and so on. `link` says what the
        parent is to it: "compression", "branch", "delegate" or "reset". A session that continues
        another by compression gets its title, and is pinned and archived as that one. `cwd` is the
        folder the agent works in, `key` what a gateway finds the session of a chat by; `extra`
        holds what else is known. Raises `SessionNotFoundError` for an unknown parent,
        `InvalidArgumentError` for a parent that descends from the session.
        """
        started = values.now()
        parent = values.optional_session_id("parent_session_id", parent_session_id)
        session = {
            "id": values.new_session_id("session_id", session_id),
            "source": values.source("source", source),
            "model": values.optional_text("model", model),
            "model_config": values.encode_json("model_config", model_config),
            "system_prompt": values.optional_text("system_prompt", system_prompt),
            "user_id": values.optional_text("user_id", user_id),
            "parent_session_id": parent,
            "link": links.checked(link),
            "cwd": values.optional_text("cwd", cwd),
            "key": values.session_key("key", key),
            "extra": values.encode_object("extra", extra),
            "started_at": started,
            "last_active": started,
        }
        links.require_parent(link, parent)
        continues = link == links.COMPRESSION
        self._write(continuing.create if continues else session_changes.create, session)
        return session_id

    def ensure_session(
        self, session_id: str, source: str = "unknown", model: str | None = None
    ) -> None:
        """Store a session unless it exists: `create_session` for callers who know little."""
        self.create_session(session_id, source, model)

    def end_session(self, session_id: str, end_reason: str | None) -> None:
        """Mark a session as ended now. An ended session keeps its first time and reason.

        Raises `SessionNotFoundError`.
        """
        checked_id(session_id)
        reason = values.optional_text("end_reason", end_reason)
        self._write(session_changes.end, session_id, reason, values.now())

    def end_sessions(
        self,
        inactive_since: float,
        end_reason: str | None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[str]:
        """End the open sessions that were last active before a time; return their ids.

        Each ends at its last activity. `inactive_since` is in epoch seconds. With a filter only
        those that it means; without one archived ones, too. A session that an import is still
        storing stays open. Works in short transactions.
        """
        which = asked(filter, EVERYTHING)
        values.number("inactive_since", inactive_since)  # None is not now
        before = values.seconds("inactive_since", inactive_since)
        reason = values.optional_text("end_reason", end_reason)
        batches = iter(lambda: self._write(session_changes.end_batch, before, reason, which), [])
        return [session_id for batch in batches for session_id in batch]

    def reopen_session(self, session_id: str) -> None:
        """Take back the end of a session. Raises `SessionNotFoundError`."""
        self._write(session_changes.reopen, checked_id(session_id))

    def set_session_model(self, session_id: str, model: str | None) -> None:
        """Say which model a session uses from now on. Raises `SessionNotFoundError`."""
        name = values.optional_text("model", model)
        self._write(session_changes.set_model, checked_id(session_id), name)

    def update_system_prompt(self, session_id: str, system_prompt: str | None) -> None:
        """Store the whole system prompt as it was sent. Raises `SessionNotFoundError`."""
        prompt = values.optional_text("system_prompt", system_prompt)
        self._write(session_changes.update_system_prompt, checked_id(session_id), prompt)

    def get_session(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None. Its `model_config` is decoded, its counters are numbers."""
        return self._read(sessions.get, checked_id(session_id))

    def resolve_session_id(self, session_id_or_prefix: str) -> str | None:
        """Return the id that is the argument, or the only one that begins with it, else None.

        Upper and lower case differ, and no character is a wildcard.
        """
        prefix = values.optional_text("session_id_or_prefix", session_id_or_prefix)
        return self._read(sessions.resolve_id, prefix) if prefix else None

    def find_sessions(self, name: str, limit: int | None = 20) -> list[SessionMatch]:
        """Return the sessions that a person may mean by `name`, the last active first.

        Their ids begin with it, or their titles hold all its words, in any case and order.
        """
        meant = values.optional_text("name", name) or ""
        return self._read(matching.find, meant, values.limit(limit))

    def session_count(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        *,
        filter: SessionFilter | None = None,
        include: Literal["conversations", "all"] = "all",
    ) -> int:
        """Return how many sessions there are, or how many that a filter and the keywords mean.

        Without a filter archived sessions count, too. `include="conversations"` counts what
        `list_sessions_rich` lists.
        """
        which = asked(filter, EVERYTHING, source, exclude_sources)
        conversations = by_conversation(include, which)
        return self._read(listing.count, which, conversations=conversations)
