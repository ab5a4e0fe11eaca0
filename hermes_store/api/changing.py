"""Changes of a conversation: replaced, compacted, taken back, given back, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.queries import changes
from hermes_store.queries.rows import new_rows
from hermes_store.records import MessageRecord, NewMessage

__all__ = ["Changing"]


class Changing(Topic):
    """What agents do with messages that are there. The counters of the session follow."""

    def replace_messages(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Delete the live messages of a session and store others in one step; return their ids.

        Messages are given as to `append_messages`. Raises `SessionNotFoundError`.
        """
        rows = new_rows(checked_id(session_id), messages)
        return self._write(changes.replace_all, session_id, rows)

    def compact(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Let a conversation go on with other messages, a summary; return the ids of those.

        The messages that were live are compacted: the conversation goes on without them, and
        searches still find them. Raises `SessionNotFoundError`.
        """
        rows = new_rows(checked_id(session_id), messages)
        return self._write(changes.compact, session_id, rows)

    def rewind(self, session_id: str, message_id: int) -> MessageRecord:
        """Take back a message of the user and all behind it; return it, so that it can be edited.

        Nothing is deleted: `restore` gives the messages back. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` for a message that is not live or not the user's.
        """
        return self._write(changes.rewind, checked_id(session_id), _id(message_id))

    def restore(self, session_id: str, message_id: int) -> int:
        """Give back what was taken back from a message on; return how many came back.

        What was compacted stays compacted. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` when two live messages would have one `external_id`.
        """
        return self._write(changes.restore, checked_id(session_id), _id(message_id))

    def pop_message(self, session_id: str) -> MessageRecord | None:
        """Delete the newest live message of a session and return it; None when there is none."""
        return self._write(changes.pop, checked_id(session_id))

    def delete_messages(self, session_id: str, ids: Sequence[int]) -> int:
        """Delete messages of a session, in whatever state; return how many were there.

        Raises `SessionNotFoundError`.
        """
        given = [_id(each) for each in values.listed("ids", ids)]
        return self._write(changes.delete_messages, checked_id(session_id), given)

    def replace_message(self, session_id: str, message_id: int, **fields: Any) -> MessageRecord:
        """Give a message other fields, by the keywords of `append_message`; return it as it is now.

        Its id, its place and its state stay. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` also for the `external_id` of another live message.
        """
        return self._write(changes.replace_one, checked_id(session_id), _id(message_id), fields)


def _id(value: Any) -> int:
    return values.message_id("message_id", value)
