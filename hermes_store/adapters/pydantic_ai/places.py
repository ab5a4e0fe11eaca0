"""Where entries are: `meta` tells of each by which message of which conversation it is held."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from hermes_store.adapters.pydantic_ai.messages import MINE
from hermes_store.errors import HermesStoreError
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys
from hermes_store.shapes.kept import extra_of, place_of

if TYPE_CHECKING:
    from hermes_store.asynchronous.repository import AsyncSessionRepository
    from hermes_store.records import MessageRecord
    from hermes_store.repository import Transaction

__all__ = [
    "SOURCE",
    "EntryNotFoundError",
    "Place",
    "conversations",
    "note",
    "page",
    "place_key",
    "place_noted",
]

SOURCE = "pydantic-ai"

Page = dict[Any, "MessageRecord"]


class EntryNotFoundError(HermesStoreError, KeyError):
    """An entry is not in the store: it, or the session that held it, was deleted."""

    __str__ = Exception.__str__  # that of KeyError shows the quotes and escapes of a repr

    def __init__(self, entry_id: str, after: MessageRecord | None) -> None:
        self.entry_id = entry_id
        goes_on = "" if after is None else f", from which {place_of(after)} goes on"
        super().__init__(
            f"there is no entry {entry_id!r}{goes_on}: it was deleted; load fewer messages with "
            "limit=, restore a backup, or delete the conversation"
        )


class Place(NamedTuple):
    """The message that holds an entry."""

    message_id: int
    session_id: str


def place_key(entry_id: str) -> str:
    """Where `meta` tells which message holds an entry: `[message id, session id]`."""
    return keys.joined(SOURCE, "entry", entry_id)


def conversations(**others: Any) -> SessionFilter:
    """The sessions of all conversations, archived ones too."""
    return SessionFilter(id_prefix=keys.prefix(SOURCE), archived=None, **others)


async def page(
    repository: AsyncSessionRepository,
    entry_id: str,
    limit: int | None,
    after: MessageRecord | None,
) -> Page:
    """An entry and those stored before it by the same conversation, at most `limit`, by id.

    `after` is the message that goes on from it. Raises `EntryNotFoundError`.
    """
    place = place_noted(await repository.meta.get(place_key(entry_id)))
    found = {} if place is None else await _before(repository, place, limit)
    if entry_id not in found:
        found = await _looked_for(repository, entry_id)
    if entry_id not in found:
        raise EntryNotFoundError(entry_id, after)
    return found


def place_noted(value: Any) -> Place | None:
    """The place that a value of `meta` tells; None when it is none."""
    if not isinstance(value, list) or [type(each) for each in value] != [int, str]:
        return None
    return Place(*value)


def note(transaction: Transaction, entry_id: str, place: Place) -> None:
    """Note the place of an entry."""
    transaction.meta.set(place_key(entry_id), [*place])


async def _before(repository: AsyncSessionRepository, place: Place, limit: int | None) -> Page:
    records = await repository.get_messages(
        place.session_id, before_id=place.message_id + 1, newest=True, limit=limit, include="all"
    )
    return _entries(records)


async def _looked_for(repository: AsyncSessionRepository, entry_id: str) -> Page:
    """The entries of the conversation that holds one, their places noted: an import brings none."""
    for session in await repository.search_sessions(limit=None, filter=conversations()):
        found = _entries(await repository.get_messages(session["id"], include="all"))
        if entry_id in found:
            await repository.run(partial(_note, session_id=session["id"], found=found))
            return found
    return {}


def _entries(records: Iterable[MessageRecord]) -> Page:
    return {each["external_id"]: each for each in records if MINE in extra_of(each)}


def _note(transaction: Transaction, session_id: str, found: Page) -> None:
    for entry_id, record in found.items():
        note(transaction, entry_id, Place(record["id"], session_id))
