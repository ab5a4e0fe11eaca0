"""What runs in one transaction: a record is written with its entries, or deleted.

An entry is a message of the conversation that stored it first; `meta` tells which. Two writers of
one conversation take turns by its row. A writer that touches entries of another conversation takes
turns with all such writers, and does so before it locks a row, so that no two wait in a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic_ai.conversation_store import ConversationConflict

from hermes_store.adapters.pydantic_ai.messages import MINE, parent_of
from hermes_store.adapters.pydantic_ai.places import SOURCE, Place, note, place_key, place_noted
from hermes_store.errors import SessionNotFoundError
from hermes_store.shapes import keys
from hermes_store.shapes.exact import exactly, whole_of
from hermes_store.shapes.kept import AlteredError, extra_of, place_of

if TYPE_CHECKING:
    from hermes_store.records import MessageRecord, NewMessage, SessionRecord
    from hermes_store.repository import Transaction

__all__ = ["Writing", "conversation_key", "delete", "kept_of"]

_SHARED = "pydantic-ai/shared"
"""The key in `meta` whose row is locked by who touches entries of several conversations."""
_NEEDED = {"head_id", "branches", "revision"}
"""What tells which entries a record reaches, and which state of it is stored."""


def conversation_key(conversation_id: str) -> str:
    """The id of the session of a conversation."""
    return keys.joined(SOURCE, conversation_id)


def kept_of(session: SessionRecord | None) -> dict[str, Any]:
    """What a session keeps: its `record`, None for a deleted one, and whom it `shares` with.

    Either may be anything where another program altered it.
    """
    kept = None if session is None else extra_of(session).get(MINE)
    kept = {"record": kept, "shares": []} if not isinstance(kept, dict) else kept
    record = kept.get("record")
    return {"record": whole_of(record) or record, "shares": kept.get("shares", [])}


def record_of(session: SessionRecord | None) -> dict[str, Any]:
    """The record of a session; empty when there is none. Raises `AlteredError`."""
    record = kept_of(session)["record"]
    if session is None or record is None:
        return {}
    is_whole = isinstance(record, dict) and record.keys() >= _NEEDED
    if not is_whole or not all(isinstance(each, str) for each in _tips(record)):
        raise AlteredError(place_of(session), "its record is none")
    return cast("dict[str, Any]", record)


def _shares_of(session: SessionRecord) -> list[str]:
    """The sessions that one shares entries with. Raises `AlteredError`."""
    shares = kept_of(session)["shares"]
    if not isinstance(shares, list) or not all(isinstance(each, str) for each in shares):
        raise AlteredError(place_of(session), "nobody can tell with whom it shares entries")
    return shares


def _tips(record: dict[str, Any]) -> list[Any]:
    """The last entries of a record and of its branches."""
    branches = record.get("branches", [])
    tips = [record.get("head_id"), *(branches if isinstance(branches, list) else [branches])]
    return [each for each in tips if each is not None]


class Writing(NamedTuple):
    """A record to be stored with its new entries, when the stored one is the expected one."""

    record: dict[str, Any]
    messages: list[NewMessage]
    model: str | None
    expected_revision: str | None

    def store(self, transaction: Transaction) -> None:
        """Store all of it, or raise `ConversationConflict` and store nothing."""
        conversation_id = self.record["conversation_id"]
        own = conversation_key(conversation_id)
        others = self._others(transaction, own)
        if others:
            transaction.meta.set(_SHARED, 1)
        session = self._locked(transaction, own)
        record, shares = record_of(session), _shares_of(session)
        if record.get("revision") != self.expected_revision:
            raise ConversationConflict(conversation_id)
        for message_id, message in zip(
            transaction.append_messages(own, self.messages), self.messages, strict=True
        ):
            note(transaction, str(message["external_id"]), Place(message_id, own))
        if not all(_is_there(transaction, each) for each in self._needed()):
            raise ConversationConflict(conversation_id)
        for other in others:
            _share(transaction, other, own)
        shares = sorted({*shares, *others})
        _keep(transaction, session, record=self.record, shares=shares)
        if session["archived"] and not record:  # it was deleted, and is there again
            transaction.set_archived(own, archived=False)

    def _others(self, transaction: Transaction, own: str) -> list[str]:
        """The sessions of others that hold the head, branches or parents."""
        places = [
            place_noted(transaction.meta.get(place_key(each)))
            for each in sorted({*self._needed(), *_tips(self.record)} - self._new)
        ]
        return sorted({place.session_id for place in places if place is not None} - {own})

    def _needed(self) -> set[str]:
        """The head and the parents, without the new entries: they must be there."""
        parents = {(each["extra"] or {})[MINE]["parent"] for each in self.messages}
        return {self.record.get("head_id"), *parents} - {*self._new, None}

    @property
    def _new(self) -> set[str]:
        return {str(message["external_id"]) for message in self.messages}

    def _locked(self, transaction: Transaction, own: str) -> SessionRecord:
        """The session of the record, which is made when it is missing; its row is locked."""
        parent = None
        forked_from = self.record.get("forked_from")
        if forked_from is not None and transaction.get_session(own) is None:
            parent = conversation_key(forked_from)
            parent = parent if transaction.get_session(parent) else None
        link = None if parent is None else "branch"
        transaction.create_session(own, SOURCE, self.model, parent_session_id=parent, link=link)
        transaction.update_session(own, user_id=self.record.get("scope"))
        session = transaction.get_session(own)
        assert session is not None
        return session


def _is_there(transaction: Transaction, entry_id: str) -> bool:
    """Whether there is a message where an entry is noted: others delete messages, too."""
    place = place_noted(transaction.meta.get(place_key(entry_id)))
    if place is None:
        return False
    at, session_id = place
    found = transaction.get_messages(session_id, around_id=at, limit=0, include="all")
    return [each["external_id"] for each in found] == [entry_id]


def delete(transaction: Transaction, conversation_id: str, expected_revision: str) -> None:
    """Delete a record, and the entries that no record of its forks and origins reaches.

    Raises `ConversationConflict`, and `AlteredError` when nobody can tell what is reached.
    """
    own = conversation_key(conversation_id)
    transaction.meta.set(_SHARED, 1)
    group = _group(transaction, own)
    record = record_of(group.get(own))
    if not record or record.get("revision") != expected_revision:
        raise ConversationConflict(conversation_id)
    _keep(transaction, group[own], record=None, shares=_shares_of(group[own]))
    group[own] = _locked_session(transaction, own) or group[own]
    _sweep(transaction, group)


def _group(transaction: Transaction, own: str) -> dict[str, SessionRecord]:
    """The sessions that share entries with one, directly or not; their rows are locked."""
    group: dict[str, SessionRecord] = {}
    left = [own]
    while left:
        found = _locked_session(transaction, left.pop())
        if found is not None and found["id"] not in group:
            group[found["id"]] = found
            left += _shares_of(found)
    return group


def _locked_session(transaction: Transaction, session_id: str) -> SessionRecord | None:
    try:
        transaction.update_session(session_id, source=SOURCE)
    except SessionNotFoundError:
        return None
    return transaction.get_session(session_id)


def _sweep(transaction: Transaction, group: dict[str, SessionRecord]) -> None:
    messages = {each: transaction.get_messages(each, include="all") for each in group}
    reached = _reached(group, [message for each in messages.values() for message in each])
    for session_id, session in group.items():
        is_forgotten = kept_of(session)["record"] is None
        dead = [each for each in messages[session_id] if each["external_id"] not in reached]
        for message in dead:
            transaction.meta.delete(place_key(str(message["external_id"])))
        if is_forgotten and len(dead) == len(messages[session_id]):
            transaction.delete_session(session_id)
            continue
        if dead:
            transaction.delete_messages(session_id, [message["id"] for message in dead])
        if is_forgotten:
            transaction.set_archived(session_id)  # others reach what is left


def _reached(group: dict[str, SessionRecord], messages: list[MessageRecord]) -> set[Any]:
    """The entries on the branches of the records, and None, the parent of the first ones."""
    parents = {each["external_id"]: parent_of(each) for each in messages if MINE in extra_of(each)}
    reached: set[Any] = {None}
    for session in group.values():
        for entry in _tips(record_of(session)):
            at = entry
            while at not in reached:
                reached.add(at)
                at = parents.get(at)
    return reached


def _share(transaction: Transaction, other: str, own: str) -> None:
    session = _locked_session(transaction, other)
    if session is not None:
        shares = sorted({*_shares_of(session), own})
        _keep(transaction, session, kept_of(session)["record"], shares)


def _keep(
    transaction: Transaction,
    session: SessionRecord,
    record: dict[str, Any] | None,
    shares: list[str],
) -> None:
    _, kept = exactly("record", record, {}, record or {})
    extra = {**extra_of(session), MINE: {"record": kept or None, "shares": shares}}
    transaction.update_session(session["id"], extra=extra)
