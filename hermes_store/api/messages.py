"""Messages: append, read, count and clear them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.models import visibility
from hermes_store.queries import appends, message_pages, messages
from hermes_store.queries.conversation import conversation
from hermes_store.queries.message_pages import Included
from hermes_store.queries.rows import new_row, new_rows
from hermes_store.records import Content, ConversationMessage, MessageRecord, NewMessage

__all__ = ["Messages"]


class Messages(Topic):
    """The messages of a session, in the order they were stored."""

    def append_message(
        self,
        session_id: str,
        role: str,
        content: Content = None,
        tool_name: str | None = None,
        tool_calls: Any = None,
        tool_call_id: str | None = None,
        token_count: int | None = None,
        finish_reason: str | None = None,
        reasoning: str | None = None,
        reasoning_details: Any = None,
        codex_reasoning_items: Any = None,
        timestamp: float | None = None,
        *,
        name: str | None = None,
        external_id: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> int:
        """Store a message at the end of a session; return its id.

        `content` is text, or the list or dict of a multimodal message; `tool_calls`,
        `reasoning_details` and `codex_reasoning_items` are what JSON can hold. All come back as
        they were given, but for lone surrogates, which become U+FFFD. `timestamp` (default: now)
        does not change the order. `name` says who speaks; of a tool message it is the tool.
        `external_id` is the id that another system gave the message: when the session has one with
        that id, nothing is stored and its id is returned. `extra` holds what has no keyword here.
        Counts the message and its tool calls in the session. Raises `SessionNotFoundError`.
        """
        row = new_row(
            session_id=checked_id(session_id),
            role=role,
            content=content,
            tool_name=tool_name,
            tool_calls=tool_calls,
            tool_call_id=tool_call_id,
            token_count=token_count,
            finish_reason=finish_reason,
            reasoning=reasoning,
            reasoning_details=reasoning_details,
            codex_reasoning_items=codex_reasoning_items,
            timestamp=timestamp,
            name=name,
            external_id=external_id,
            extra=extra,
        )
        return self._write(appends.append if external_id is None else appends.append_once, row)

    def append_messages(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Store messages at the end of a session, all or none; return their ids in order.

        Each is a dict with the keywords of `append_message`. Its other keys, unless their value is
        None, are kept in `extra`: a message comes back as a provider sent it. Raises
        `SessionNotFoundError`.
        """
        rows = new_rows(checked_id(session_id), messages)
        return self._write(appends.append_many, session_id, rows)

    def get_messages(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        before_id: int | None = None,
        after_id: int | None = None,
        around_id: int | None = None,
        newest: bool = False,
        include: Included = "live",
    ) -> list[MessageRecord]:
        """Return the messages of a session, or a page of them, whole, in the order of their ids.

        `before_id` and `after_id` leave out the message itself. `limit` gives the first ones, with
        `newest` the last ones. `around_id` gives that message and `limit` on each side of it.
        `include="all"` also gives those that were compacted or taken back. Raises
        `InvalidArgumentError`.
        """
        page = message_pages.checked(limit, before_id, after_id, around_id, newest, include)
        if page == message_pages.MessagePage():
            return self._read(messages.get, checked_id(session_id))
        if page.around is not None:
            return self._read(message_pages.get_around, checked_id(session_id), page.around, page)
        return self._read(message_pages.get, checked_id(session_id), page)

    def count_messages(
        self,
        session_id: str,
        *,
        before_id: int | None = None,
        after_id: int | None = None,
        include: Included = "live",
    ) -> int:
        """Return how many messages a session has, or how many lie before or after an id.

        `include` is as for `get_messages`. Raises `InvalidArgumentError`.
        """
        page = message_pages.checked(None, before_id, after_id, None, False, include)
        return self._read(message_pages.count, checked_id(session_id), page)

    def get_messages_as_conversation(
        self, session_id: str, *, strict: bool = False, include: Included = "live"
    ) -> list[ConversationMessage]:
        """Return the messages of a session as a provider's API takes them.

        Reasoning is replayed on assistant messages, byte for byte as stored. What has no column
        stands beside the other keys. `strict` leaves out what a provider may refuse: id, timestamp,
        tool_name, finish_reason, and what others than the assistant hold in `extra`.
        """
        seen = visibility.checked(include, "live", "all")
        only = values.truth("strict", strict)
        return self._read(conversation, checked_id(session_id), strict=only, include=seen)

    def message_count(self, session_id: str | None = None) -> int:
        """Return how many messages a session has, or how many there are."""
        only = values.optional_session_id("session_id", session_id)
        return self._read(messages.count, only)

    def clear_messages(self, session_id: str) -> None:
        """Delete the messages of a session and reset its counters of them.

        Raises `SessionNotFoundError`.
        """
        self._write(messages.clear, checked_id(session_id))
