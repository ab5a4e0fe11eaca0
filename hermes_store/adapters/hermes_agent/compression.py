"""Compression: who may compress a session now, and how its last attempts went."""

from __future__ import annotations

import logging
import time
from typing import Any

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.errors import HermesStoreError

__all__ = ["LOCK", "Compression"]

_log = logging.getLogger(__name__)
LOCK = "hermes.compression/"
"""The name of a lease begins so; then comes the session."""
_LONGEST = 86_400.0


class Compression(Base):
    """A lock that cannot be asked for is not held; what cannot be noted is told in the log."""

    # --- the lock -------------------------------------------------------------------------------

    def try_acquire_compression_lock(
        self, session_id: str, holder: str, ttl_seconds: float = 300.0
    ) -> bool:
        """Take the lock of a session for some seconds; whether `holder` has it now."""
        return self._ask("acquire", session_id, holder, ttl_seconds)

    def refresh_compression_lock(
        self, session_id: str, holder: str, ttl_seconds: float = 300.0
    ) -> bool:
        """Keep the lock for some seconds from now on; whether `holder` still has it."""
        return self._ask("refresh", session_id, holder, ttl_seconds)

    def release_compression_lock(self, session_id: str, holder: str) -> None:
        """Give the lock back."""
        self._ask("release", session_id, holder)

    def get_compression_lock_holder(self, session_id: str) -> str | None:
        """Return who has the lock now, or None."""
        return self._repo.leases.holder(LOCK + session_id) if session_id else None

    def _ask(self, what: str, session_id: str, holder: str, *seconds: float) -> bool:
        if not session_id or not holder:
            return False
        if any(each <= 0 for each in seconds):
            return self._try_for_nothing(what, session_id, holder)
        given = [min(float(each), _LONGEST) for each in seconds]
        try:
            return bool(getattr(self._repo.leases, what)(LOCK + session_id, holder, *given))
        except HermesStoreError as exc:
            _log.warning("the compression lock of %s: %s failed: %s", session_id, what, exc)
            return False

    def _try_for_nothing(self, what: str, session_id: str, holder: str) -> bool:
        """A lock for no time at all is had and at once free again."""
        done = self._ask(what, session_id, holder, 1.0)
        self._ask("release", session_id, holder)
        return done

    # --- attempts that failed -------------------------------------------------------------------

    def record_compression_failure_cooldown(
        self, session_id: str, cooldown_until: float, error: str | None = None, **more: Any
    ) -> None:
        """Note until when a session is not compressed again, and why."""
        self._note(session_id, until=cooldown_until, error=error)
        self._keep("record_compression_failure_cooldown", session_id, more)

    def clear_compression_failure_cooldown(self, session_id: str) -> None:
        """Forget that note."""
        self._note(session_id, until=None, error=None)

    def get_compression_failure_cooldown(self, session_id: str) -> Row | None:
        """Return that note while it holds: the time, the seconds until then and the reason."""
        extra = self._extra(session_id)
        until, now = extra.get("compression_failure_cooldown_until"), time.time()
        if until is None or float(until) <= now:
            return None
        return {
            "cooldown_until": float(until),
            "remaining_seconds": float(until) - now,
            "error": extra.get("compression_failure_error"),
        }

    def get_compression_fallback_streak(self, session_id: str) -> int:
        """Return how often in a row a session was compressed by the simple means."""
        value = self._extra(session_id).get("compression_fallback_streak")
        return max(int(value), 0) if isinstance(value, (int, float)) else 0

    def set_compression_fallback_streak(self, session_id: str, streak: int) -> None:
        """Store that number."""
        self._put_extra(session_id, compression_fallback_streak=max(int(streak), 0) or None)

    def _extra(self, session_id: str) -> Row:
        session: Any = self._repo.get_session(session_id) if session_id else None
        return (session["extra"] or {}) if session else {}

    def _note(self, session_id: str, *, until: float | None, error: str | None) -> None:
        try:
            self._put_extra(
                session_id,
                compression_failure_cooldown_until=until,
                compression_failure_error=error,
            )
        except HermesStoreError as exc:
            _log.warning("the compression cooldown of %s is not stored: %s", session_id, exc)
