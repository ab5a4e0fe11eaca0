"""Export of sessions as Hermes writes them."""

from __future__ import annotations

from typing import Any

from hermes_store.adapters.hermes_agent.columns import Row, session_of
from hermes_store.adapters.hermes_agent.lineage import Lineage
from hermes_store.adapters.hermes_agent.message_rows import message_of

__all__ = ["Exporting"]


class Exporting(Lineage):
    """Sessions with their messages."""

    def export_session(self, session_id: str) -> Row | None:
        """Return a session with its messages in any state under "messages", or None."""
        record: Any = self._repo.export_session(session_id) if session_id else None
        return _exported(record) if record else None

    def export_session_lineage(self, session_id: str) -> Row | None:
        """Return a conversation as one session: its last, with the messages of all under it."""
        line = self.get_compression_lineage(session_id)
        segments = [each for each in map(self.export_session, line) if each]
        if not segments:
            return None
        messages = [message for each in segments for message in each["messages"]]
        return {
            **segments[-1],
            "segments": segments,
            "lineage_session_ids": [each["id"] for each in segments],
            "message_count": len(messages),
            "messages": messages,
        }

    def export_all(self, source: str | None = None) -> list[Row]:
        """Return every session with its messages: one snapshot, all in memory."""
        return [_exported(each) for each in self._repo.export_all(source)]


def _exported(record: Any) -> Row:
    found = [message_of(each) for each in record["messages"]]
    return {**session_of(record), "last_active": record["last_active"], "messages": found}
