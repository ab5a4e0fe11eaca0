"""Import of sessions that Hermes exported."""

from __future__ import annotations

import time
from typing import Any

from hermes_store.adapters.hermes_agent.base import Base, merged
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.import_checks import (
    TEXTS,
    Limits,
    checked_sessions,
    count_of,
    number_or,
)
from hermes_store.adapters.hermes_agent.links import link_of
from hermes_store.adapters.hermes_agent.new_messages import as_core_takes, new_messages, when
from hermes_store.adapters.hermes_agent.taken import as_taken, decoded, key_of
from hermes_store.models.visibility import state_of_flags
from hermes_store.queries.usage_records import COSTS, TOKENS
from hermes_store.transfer.parsing import session_columns

__all__ = ["Importing"]

_JSON = ("reasoning_details", "codex_reasoning_items", "codex_message_items")
_COUNTS = (*TOKENS, "api_call_count")
_FACTS = (
    "chat_id",
    "chat_type",
    "thread_id",
    "display_name",
    "origin_json",
    "git_branch",
    "git_repo_root",
    "profile_name",
)
"""What stays true elsewhere; a hand-over or a cooldown is of a moment."""


class Importing(Base):
    """Sessions that are there already stay as they are."""

    _IMPORT_MAX_SESSIONS = Limits().sessions
    _IMPORT_MAX_MESSAGES_PER_SESSION = Limits().messages_per_session
    _IMPORT_MAX_SESSION_BYTES = Limits().bytes_per_session

    def import_sessions(self, sessions: list[Row]) -> Row:
        """Store sessions, or none when one cannot be used; return what was done.

        Raises ValueError for what is not a list, or has too many entries.
        """
        if not isinstance(sessions, list):
            raise ValueError("sessions must be a list")  # noqa: TRY004 - callers look at it
        if len(sessions) > self._IMPORT_MAX_SESSIONS:
            raise ValueError(f"sessions must contain at most {self._IMPORT_MAX_SESSIONS} entries")
        found, errors = checked_sessions(sessions, Limits())
        if errors:
            return {"ok": False, "imported": 0, "skipped": 0, "detached": 0, "errors": errors}
        return self._stored(found)

    def _stored(self, found: list[Row]) -> Row:
        by_id = {each["id"]: each for each in found}
        cut = _cut_circles(found)
        done = self._repo.import_sessions(self._session(each, by_id) for each in found)
        skipped = set(done.skipped)
        imported = [each["id"] for each in found if each["id"] not in skipped]
        return {
            "ok": True,
            "imported": len(imported),
            "skipped": len(skipped),
            "detached": len({*done.orphaned, *cut} - skipped),
            "imported_ids": imported,
            "skipped_ids": [each["id"] for each in found if each["id"] in skipped],
            "errors": [],
        }

    def _session(self, given: Row, by_id: dict[str, Row]) -> Row:
        """A session as the store imports it."""
        started = when(given.get("started_at"), time.time())
        session: Row = {"id": given["id"], "source": given.get("source") or "import"}
        session |= {name: given.get(name) or None for name in (*TEXTS, "model_config")}
        session |= {name: count_of(given.get(name)) for name in _COUNTS}
        session |= {name: number_or(given.get(name), None, float) for name in COSTS}
        session |= {"started_at": started, "ended_at": when(given.get("ended_at"), None)}
        session["archived"] = started if given.get("archived") else None
        extra = {name: given.get(name) or None for name in _FACTS}
        session["key"] = key_of(given.get("session_key"), extra)
        session["extra"] = merged(None, extra)
        session |= as_taken(session, lambda **columns: session_columns(columns))
        session["link"] = self._link(session, given.get("model_config"), by_id)
        session["messages"] = _exported(given["messages"])
        return session

    def _link(self, session: Row, config: Any, by_id: dict[str, Row]) -> str | None:
        name = session["parent_session_id"]
        if name is None:
            return None
        parent: Any = by_id.get(name) or self._repo.get_session(name)
        above = parent and {"id": name, **{k: parent.get(k) for k in ("ended_at", "end_reason")}}
        return link_of(config, above, session["started_at"])


def _cut_circles(found: list[Row]) -> list[str]:
    """Take the parent from the first session of each circle of parents; return the ids of those."""
    parents = {each["id"]: each.get("parent_session_id") for each in found}
    cut = []
    for session in found:
        seen, name = set[str](), parents[session["id"]]
        while name is not None and name in parents and name not in {session["id"], *seen}:
            seen.add(name)
            name = parents[name]
        if name is not None and name == session["id"]:
            parents[name] = session["parent_session_id"] = None
            cut.append(name)
    return cut


def _exported(messages: list[Row]) -> list[Row]:
    read = [{**each, **{name: decoded(each.get(name)) for name in _JSON}} for each in messages]
    rows = [as_core_takes(row) for row in new_messages(read)]
    for row, message in zip(rows, messages, strict=True):
        row["state"] = state_of_flags(message.get("active"), message.get("compacted"))
    return rows
