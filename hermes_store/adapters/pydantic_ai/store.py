"""The conversation store: its five primitives, and a whole history at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter
from pydantic_ai.conversation_store import (
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
)

from hermes_store import values
from hermes_store.adapters.opened import Given, Opened
from hermes_store.adapters.pydantic_ai import log, places
from hermes_store.adapters.pydantic_ai.messages import message_of, model_message_of, parent_of
from hermes_store.adapters.pydantic_json import dumped_json
from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes.exact import dumped
from hermes_store.shapes.kept import checked, place_of, unless_altered

if TYPE_CHECKING:
    from hermes_store.records import MessageRecord, SessionRecord

__all__ = ["HermesConversationStore"]

_RECORDS = TypeAdapter(ConversationRecord)


class HermesConversationStore(ConversationStore):
    """Keeps conversations of Pydantic AI.

    Raises `ConversationConflict` as the protocol says, else the errors of `hermes_store`, for an
    entry that is not there a `KeyError`. Deleting a conversation deletes the entries that no other
    conversation reaches.
    """

    def __init__(self, repository: Given = None) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self._repository = Opened(repository)

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """Return the record of a conversation, or None. Raises `AlteredError`."""
        repository = await self._repository.awaited()
        session = await repository.get_session(log.conversation_key(conversation_id))
        return None if session is None else _record(session)

    async def read_records(
        self, *, scope: str | None = None, limit: int | None = None
    ) -> Sequence[ConversationRecord]:
        """Return the records, or those with a scope, the last saved first.

        Those that another program altered so that they cannot be read are left out.
        """
        most = values.limit(limit)
        repository = await self._repository.awaited()
        which = places.conversations(user_id=scope or None)
        sessions = await repository.search_sessions(limit=None, filter=which)
        found = [unless_altered(partial(_read, each)) for each in sessions]
        records = [each for each in found if each and (scope is None or each.scope == scope)]
        records.sort(key=_saved_at, reverse=True)
        return records[:most]

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """Store a record and its new entries together.

        Raises `ConversationConflict`, and `InvalidArgumentError` for what would not be read again.
        """
        _refuse_circles(new_entries)
        whole = _record_in_json(record)
        messages = [message_of(each.id, each.parent_id, each.message) for each in new_entries]
        models = (getattr(each.message, "model_name", None) for each in new_entries)
        model = next((each for each in models if each), None)
        repository = await self._repository.awaited()
        await repository.run(log.Writing(whole, messages, model, expected_revision).store)

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Delete a record, and the entries nothing reaches. Raises `ConversationConflict`."""
        repository = await self._repository.awaited()
        await repository.run(
            partial(
                log.delete, conversation_id=conversation_id, expected_revision=expected_revision
            )
        )

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """Return an entry. Raises `KeyError`."""
        [entry] = await self.read_history(entry_id, limit=1)
        return entry

    async def read_history(
        self, head_id: str | None, *, limit: int | None = None
    ) -> list[ConversationEntry]:
        """Return the entries up to `head_id` in their order, or the last `limit` of them.

        Raises `EntryNotFoundError`, a `KeyError`, when one of them is not there, `AlteredError`
        when another program altered one, `InvalidArgumentError` when one comes before itself.
        """
        repository = await self._repository.awaited()
        most = values.limit(limit)
        entries: dict[str, ConversationEntry] = {}
        loaded: dict[Any, MessageRecord] = {}
        if head_id is not None:
            places.place_key(head_id)  # which refuses what is no text
        at, after = head_id, None
        while at is not None and len(entries) < most:
            if at in entries:
                raise _circle(at)
            if at not in loaded:
                left = None if limit is None else most - len(entries)
                loaded |= await places.page(repository, at, left, after)
            after = loaded[at]
            entries[at] = _entry(at, after)
            at = entries[at].parent_id
        return [*entries.values()][::-1]

    async def close(self) -> None:
        """Close what was opened for a path or a URL."""
        await self._repository.close()


def _entry(entry_id: str, record: MessageRecord) -> ConversationEntry:
    message = model_message_of(record)
    return ConversationEntry(id=entry_id, parent_id=parent_of(record), message=message)


def _record(session: SessionRecord) -> ConversationRecord | None:
    return checked(place_of(session), partial(_read, session))


def _read(session: SessionRecord) -> ConversationRecord | None:
    record = log.kept_of(session)["record"]
    return None if record is None else _RECORDS.validate_python(record)


def _saved_at(record: ConversationRecord) -> datetime:
    """When a record was saved; a time without a zone is of UTC."""
    at: datetime = record.updated_at
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _record_in_json(record: ConversationRecord) -> dict[str, Any]:
    """The JSON of a record. Raises `NotJsonError`, also for one that would not be read again."""
    whole = dumped_json("record", partial(_RECORDS.dump_python, record))
    dumped("record", partial(_RECORDS.validate_python, whole))
    return cast("dict[str, Any]", whole)


def _refuse_circles(new_entries: Sequence[ConversationEntry]) -> None:
    """Each entry stands after the one it points at, so none comes before itself."""
    later = {each.id for each in new_entries}
    for entry in new_entries:
        if entry.parent_id in later:
            raise _circle(entry.id)
        later.discard(entry.id)


def _circle(entry_id: str) -> InvalidArgumentError:
    problem = f"{entry_id!r} comes before itself, or before its parent"
    return InvalidArgumentError("entries", problem, "give each after the one it points at")
