"""Lineage: the sessions that one conversation went through, and which one to resume."""

from __future__ import annotations

from sqlalchemy import and_, func, not_, select

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.links import has_marker
from hermes_store.models.stored import messages, sessions

__all__ = ["Lineage"]

_MOST_STEPS = 100
_GOES_ON = and_(
    ~func.coalesce(has_marker("_branched_from"), False),
    ~func.coalesce(has_marker("_delegate_from"), False),
    not_(sessions.c.source == "tool"),
)


class Lineage(Base):
    """The way from any session of a conversation to the one in which it goes on."""

    def get_compression_tip(self, session_id: str) -> str | None:
        """Return the id of the session in which a conversation goes on; itself when unknown."""
        return self._if_there(self._repo.get_tip, session_id) or session_id

    def get_conversation_root(self, session_id: str) -> str:
        """Return the id of the first ancestor of a session, whatever links them."""
        return self._lineage(session_id)[0]

    def resolve_resume_session_id(self, session_id: str) -> str:
        """Return the id of the session to resume: the last one with messages on the way down."""
        if not session_id:
            return session_id
        current = start = self.get_compression_tip(session_id) or session_id
        best, seen = None, set[str]()
        while current and current not in seen and len(seen) < _MOST_STEPS:
            seen.add(current)
            if self._has_messages(current):
                best = current
            current = self._child(current)
        return best or start

    def get_compression_lineage(self, session_id: str) -> list[str]:
        """Return the ids of a conversation's sessions from the root to the tip; [] when unknown."""
        line = self._if_there(self._repo.get_lineage, session_id)
        if line is None:
            return []
        return line if session_id in line else [session_id]

    # --- steps ----------------------------------------------------------------------------------

    def _lineage(self, session_id: str) -> list[str]:
        """A session and what it comes from, the first one first."""
        return [*(self._if_there(self._repo.get_ancestors, session_id) or ()), session_id]

    def _has_messages(self, session_id: str) -> bool:
        found = select(messages.c.id).where(messages.c.session_id == session_id).limit(1)
        return bool(self._rows(found))

    def _child(self, session_id: str) -> str:
        """The child begun last that is neither a branch nor another agent's work."""
        found = self._rows(
            select(sessions.c.id)
            .where(sessions.c.parent_session_id == session_id, _GOES_ON)
            .order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
            .limit(1)
        )
        return found[0]["id"] if found else ""
