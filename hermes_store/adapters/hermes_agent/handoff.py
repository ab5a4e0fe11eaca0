"""Hand-over of a session from the terminal to a platform, step by step."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.base import Base, merged
from hermes_store.adapters.hermes_agent.columns import Row, stored_session
from hermes_store.models.stored import sessions

__all__ = ["Handoff"]

_LONGEST_ERROR = 500
_OVER = (None, "completed", "failed")


class Handoff(Base):
    """pending, then running, then completed or failed; then it may be asked for again."""

    def request_handoff(self, session_id: str, platform: str) -> bool:
        """Ask for a hand-over; False while another one is under way."""
        return self._step(session_id, _OVER, "pending", platform=platform)

    def claim_handoff(self, session_id: str) -> bool:
        """Begin a hand-over that was asked for; False when another process has begun it."""
        return self._step(session_id, ("pending",), "running", keep_error=True)

    def complete_handoff(self, session_id: str) -> None:
        """Say that it was done."""
        self._step(session_id, None, "completed")

    def fail_handoff(self, session_id: str, error: str) -> None:
        """Say that it failed, and why: the first 500 characters are kept."""
        self._step(session_id, None, "failed", error=error[:_LONGEST_ERROR])

    def get_handoff_state(self, session_id: str) -> Row | None:
        """Return the state, the platform and the error; None for an unknown session."""
        session: Any = self._repo.get_session(session_id) if session_id else None
        if session is None:
            return None
        extra = session["extra"] or {}
        return {name: extra.get(f"handoff_{name}") for name in ("state", "platform", "error")}

    def list_pending_handoffs(self) -> list[Row]:
        """Return the sessions that wait for a hand-over, the first started first."""
        waiting = sessions.c.extra.contains('"handoff_state": "pending"', autoescape=True)
        rows = self._rows(select(sessions).where(waiting).order_by(sessions.c.started_at))
        found = map(stored_session, rows)
        return [row for row in found if row["handoff_state"] == "pending"]

    def _step(
        self,
        session_id: str,
        allowed: tuple[str | None, ...] | None,
        state: str,
        *,
        platform: str | None = None,
        error: str | None = None,
        keep_error: bool = False,
    ) -> bool:
        def step(tx: Transaction, session: Any) -> bool:
            extra = session["extra"] or {}
            if allowed is not None and extra.get("handoff_state") not in allowed:
                return False
            told = {"handoff_state": state} | ({} if keep_error else {"handoff_error": error})
            if platform is not None:
                told["handoff_platform"] = platform
            tx.update_session(session_id, extra=merged(extra, told))
            return True

        return self._change(session_id, step, missing=False)
