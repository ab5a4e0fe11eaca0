"""The gateway: which chat a session belongs to, and how the chats are routed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import func, or_, select

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.base import Base, merged
from hermes_store.adapters.hermes_agent.columns import Row, stored_session
from hermes_store.adapters.hermes_agent.taken import (
    as_taken,
    key_of,
    meta_key,
    meta_prefix,
    text_of_id,
)
from hermes_store.models.stored import messages, sessions

__all__ = ["Gateway"]

_ROUTES = "hermes.gateway_routing/"
"""A route is kept in `meta` where an import of a Hermes file puts its row."""
_c = sessions.c
_GOES_ON = or_(_c.ended_at.is_(None), _c.end_reason.in_(["agent_close", "ws_orphan_reap"]))
_HAS_MESSAGES = or_(
    _c.message_count > 0, select(messages.c.id).where(messages.c.session_id == _c.id).exists()
)


class Gateway(Base):
    """What a gateway finds a session again by."""

    def record_gateway_session_peer(
        self,
        session_id: str,
        *,
        source: str,
        user_id: str | None = None,
        session_key: str | None = None,
        chat_id: str | None = None,
        chat_type: str | None = None,
        thread_id: str | None = None,
        display_name: str | None = None,
        origin_json: str | None = None,
        **more: Any,
    ) -> None:
        """Say which chat a session belongs to; a name or origin of None keeps the stored one."""
        if not session_id or not session_key:
            return
        chat = {
            "chat_id": text_of_id(chat_id),
            "chat_type": chat_type,
            "thread_id": text_of_id(thread_id),
        }
        told = {"display_name": display_name, "origin_json": origin_json}
        chat |= {name: value for name, value in told.items() if value is not None}

        def put(tx: Transaction, session: Any) -> None:
            key = key_of(session_key, chat)
            given: Row = {"source": source, "user_id": user_id}
            given |= {"extra": merged(session["extra"], chat), **({"key": key} if key else {})}
            as_taken(given, partial(tx.update_session, session_id))

        self._change(session_id, put, missing=None)
        self._keep("record_gateway_session_peer", session_id, more)

    def set_expiry_finalized(self, session_id: str, finalized: bool = True) -> None:
        """Note that what follows from a session's expiry was done."""
        self._put_extra(session_id, expiry_finalized=1 if finalized else None)

    # --- finding --------------------------------------------------------------------------------

    def list_gateway_sessions(
        self, *, platform: str | None = None, active_only: bool = True
    ) -> list[Row]:
        """Return the newest session of each chat, the last active first."""
        later = sessions.alias("later")
        newest = select(func.max(later.c.started_at)).where(later.c.key == _c.key)
        which = [_c.key.is_not(None), _c.started_at == newest.correlate(sessions).scalar_subquery()]
        if platform:
            which.append(func.lower(_c.source) == platform.lower())
        if active_only:
            which.append(_c.ended_at.is_(None))
        rows = self._rows(select(sessions).where(*which).order_by(_c.last_active.desc()))
        return [{**stored_session(row), "last_active": row["last_active"]} for row in rows]

    def find_session_by_origin(
        self,
        *,
        platform: str,
        chat_id: str,
        thread_id: str | None = None,
        user_id: str | None = None,
    ) -> str | None:
        """Return the id of the open session of a chat; None when it cannot be told whose it is."""
        if not platform or chat_id in (None, ""):
            return None
        of_chats = (func.lower(_c.source) == platform.lower(), _c.key.is_not(None))
        found = self._newest_first(*of_chats, _c.ended_at.is_(None))
        asked = {"chat_id": chat_id}
        if thread_id is not None:
            asked["thread_id"] = thread_id
        found = [row for row in found if _is_of(row, asked)]
        if user_id:
            own = [row for row in found if str(row["user_id"] or "") == str(user_id)]
            found = own[:1] or found
        elif len({str(row["user_id"]) for row in found if str(row["user_id"] or "").strip()}) <= 1:
            found = found[:1]
        return str(found[0]["id"]) if len(found) == 1 else None

    def find_latest_gateway_session_for_peer(
        self,
        *,
        source: str,
        user_id: str | None = None,
        session_key: str | None = None,
        chat_id: str | None = None,
        chat_type: str | None = None,
        thread_id: str | None = None,
    ) -> Row | None:
        """Return the newest session with messages in a chat: by its key, else by its parts."""
        if not session_key:
            return None
        of_source = (_c.source == source, _GOES_ON, _HAS_MESSAGES)
        found = self._newest_first(_c.key == session_key, *of_source)
        if not found and chat_id is not None and chat_type is not None:
            of_user = func.coalesce(_c.user_id, "") == (user_id or "")
            asked = {"chat_id": chat_id, "chat_type": chat_type, "thread_id": thread_id}
            found = [row for row in self._newest_first(of_user, *of_source) if _is_of(row, asked)]
        return found[0] if found else None

    def _newest_first(self, *which: Any) -> list[Row]:
        rows = self._rows(select(sessions).where(*which).order_by(_c.started_at.desc()))
        return [stored_session(row) for row in rows]

    # --- routes ---------------------------------------------------------------------------------

    def save_gateway_routing_entry(
        self, session_key: str, entry_json: str, *, scope: str = ""
    ) -> None:
        """Store where the messages of a chat go."""
        if session_key and entry_json:
            self._repo.meta.set(*_route(scope, session_key, entry_json))

    def replace_gateway_routing_entries(
        self, entries: Mapping[str, str], *, scope: str = ""
    ) -> None:
        """Store the routes of a scope in place of all that are there."""
        with self._repo.transaction() as tx:
            for key, value in tx.meta.items(meta_prefix(f"{_ROUTES}{scope}/")):
                if value.get("scope", "") == scope:  # a scope is a folder, and may hold another
                    tx.meta.delete(key)
            for name, entry in entries.items():
                if name and entry:
                    tx.meta.set(*_route(scope, name, entry))

    def load_gateway_routing_entries(self, *, scope: str = "") -> dict[str, str]:
        """Return the routes of a scope by the keys of chats."""
        found = [value for _key, value in self._repo.meta.items(meta_prefix(f"{_ROUTES}{scope}/"))]
        return {
            row["session_key"]: row["entry_json"] for row in found if row.get("scope", "") == scope
        }

    def delete_gateway_routing_entries(
        self, session_keys: Iterable[str], *, scope: str = ""
    ) -> None:
        """Forget the routes of some chats."""
        with self._repo.transaction() as tx:
            for name in session_keys:
                tx.meta.delete(meta_key(f"{_ROUTES}{scope}/{name}"))


def _route(scope: str, session_key: str, entry_json: str) -> tuple[str, Row]:
    row = {"scope": scope, "session_key": session_key, "entry_json": entry_json}
    return meta_key(f"{_ROUTES}{scope}/{session_key}"), {**row, "updated_at": time.time()}


def _is_of(row: Row, asked: Mapping[str, Any]) -> bool:
    """Whether a session is of a chat; what is not known is the same as an empty text."""
    return all(str(row[name] or "") == str(value or "") for name, value in asked.items())
