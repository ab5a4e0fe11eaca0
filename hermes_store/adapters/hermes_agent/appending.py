"""Append a message: what Hermes calls most often."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from hermes_store.adapters.hermes_agent.base import Base
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.new_messages import (
    as_core_takes,
    keep_aside,
    keep_beside,
    new_message,
)
from hermes_store.adapters.hermes_agent.unknown import kept
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages

__all__ = ["Appending"]


class Appending(Base):
    """A message at the end of a session."""

    def append_message(
        self,
        session_id: str,
        role: str,
        content: Any = None,
        tool_name: str | None = None,
        tool_calls: Any = None,
        tool_call_id: str | None = None,
        token_count: int | None = None,
        finish_reason: str | None = None,
        reasoning: str | None = None,
        reasoning_content: str | None = None,
        reasoning_details: Any = None,
        codex_reasoning_items: Any = None,
        codex_message_items: Any = None,
        platform_message_id: str | None = None,
        observed: bool = False,
        effect_disposition: str | None = None,
        timestamp: Any = None,
        api_content: str | None = None,
        **more: Any,
    ) -> int:
        """Store a message at the end of a session; return its id.

        Raises `SessionNotFoundError`.
        """
        row = new_message(
            role,
            content,
            tool_name,
            tool_calls,
            tool_call_id,
            token_count,
            finish_reason,
            reasoning,
            reasoning_content,
            reasoning_details,
            codex_reasoning_items,
            codex_message_items,
            platform_message_id,
            observed,
            effect_disposition,
            timestamp,
            api_content,
        )
        if more and (found := kept("append_message", more)):
            keep_beside(row, **found)
        if "external_id" in row:
            return self._append_with_id(session_id, row)
        try:
            return self._repo.append_message(session_id, **row)
        except InvalidArgumentError:
            return self._repo.append_message(session_id, **as_core_takes(row))

    def _append_with_id(self, session_id: str, row: Row) -> int:
        """A second message with an id of its platform is stored, too."""
        taken = as_core_takes(row)
        with self._repo.transaction() as tx:
            if tx.execute(_with_platform_id(session_id, taken["external_id"])).first():
                keep_aside(taken)
            return tx.append_message(session_id, **taken)


def _with_platform_id(session_id: str, name: str) -> Select[Any]:
    return select(messages.c.id).where(
        messages.c.session_id == session_id,
        messages.c.external_id == name,
        messages.c.state.is_(None),
    )
