"""Rewind: messages that the user takes back, and gives back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from hermes_store import Transaction, values
from hermes_store.adapters.hermes_agent.base import Base, merged
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.message_rows import message_of
from hermes_store.adapters.hermes_agent.messages import tx_message
from hermes_store.errors import MessageNotFoundError
from hermes_store.models.stored import messages

__all__ = ["Rewinding"]

_LONGEST_PREVIEW = 80


class Rewinding(Base):
    """Nothing is deleted by a rewind."""

    def rewind_to_message(self, session_id: str, target_message_id: int) -> dict[str, Any]:
        """Take back a message of the user and all behind it.

        Returns the message, how many were taken back and the id of the newest one left. Raises
        ValueError for a message that is not the session's or not the user's.
        """
        values.count("target_message_id", target_message_id)

        def rewind(tx: Transaction, session: Any) -> dict[str, Any]:
            target = _target(tx, session_id, target_message_id)
            live = tx.count_messages(session_id)
            first = _first_to_go(tx, session_id, target_message_id)
            if first is not None:
                tx.rewind(session_id, first)
            number = (session["extra"] or {}).get("rewind_count", 0) + 1
            tx.update_session(session_id, extra=merged(session["extra"], {"rewind_count": number}))
            return {
                "rewound_count": live - tx.count_messages(session_id),
                "target_message": target,
                "new_head_id": tx.execute(_newest(session_id)).scalar(),
            }

        done: Any = self._change(session_id, rewind, missing=None)
        if done is None:
            raise ValueError(f"message {target_message_id} not found in session {session_id}")
        return done  # type: ignore[no-any-return]  # the dict above

    def restore_rewound(self, session_id: str, since_message_id: int) -> int:
        """Give back what was taken back from a message on; return how many came back."""
        values.count("since_message_id", since_message_id)
        rewound = select(messages.c.id).where(
            messages.c.session_id == session_id,
            messages.c.id >= since_message_id,
            messages.c.state == "rewound",
        )
        first = self._rows(rewound.order_by(messages.c.id).limit(1))
        try:
            return self._repo.restore(session_id, first[0]["id"]) if first else 0
        except MessageNotFoundError:  # deleted meanwhile
            return 0

    def list_recent_user_messages(
        self, session_id: str, limit: int = 20, include_inactive: bool = False
    ) -> list[Row]:
        """Return the newest messages of the user, the last one first, each with a preview."""
        which = select(messages.c.id).where(
            messages.c.session_id == session_id, messages.c.role == "user"
        )
        if not include_inactive:
            which = which.where(messages.c.state.is_(None))
        found = self._rows(which.order_by(messages.c.id.desc()).limit(int(limit)))
        if not found:
            return []
        oldest = found[-1]["id"]
        page: Any = {"after_id": oldest - 1} if oldest > 1 else {}
        records = self._repo.get_messages(session_id, include="all", **page)
        by_id = {each["id"]: each for each in records}
        return [_shown(by_id[each["id"]]) for each in found if each["id"] in by_id]


def _target(tx: Transaction, session_id: str, message_id: int) -> Row:
    there = select(messages.c.id).where(
        messages.c.session_id == session_id, messages.c.id == message_id
    )
    if tx.execute(there).first() is None:
        raise ValueError(f"message {message_id} not found in session {session_id}")
    message = message_of(tx_message(tx, session_id, message_id))
    if message["role"] != "user":
        raise ValueError(
            f"message {message_id} cannot be rewound to: it must be a 'user' message, "
            f"and its role is {message['role']!r}"
        )
    return message


def _first_to_go(tx: Transaction, session_id: str, message_id: int) -> int | None:
    """The message itself, or the first live one of the user behind it."""
    which = select(func.min(messages.c.id)).where(
        messages.c.session_id == session_id,
        messages.c.id >= message_id,
        messages.c.role == "user",
        messages.c.state.is_(None),
    )
    return tx.execute(which).scalar()


def _newest(session_id: str) -> Any:
    of_session = messages.c.session_id == session_id
    return select(func.max(messages.c.id)).where(of_session, messages.c.state.is_(None))


def _shown(record: Any) -> Row:
    text = " ".join(_words(record["content"]).split())
    if len(text) > _LONGEST_PREVIEW:
        text = text[: _LONGEST_PREVIEW - 3] + "..."
    return {"id": record["id"], "timestamp": record["timestamp"], "preview": text}


def _words(content: Any) -> str:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    parts = [part.get("text") or "" for part in content if isinstance(part, dict)]
    return " ".join(filter(None, parts)) or "[multimodal content]"
