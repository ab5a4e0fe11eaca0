"""Where entries are: `meta` tells of each by which message of which conversation it is held."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from hermes_store.adapters.pydantic_ai.messages import MINE
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys

if TYPE_CHECKING:
    from hermes_store.asynchronous.repository import AsyncSessionRepository
    from hermes_store.records import MessageRecord
    from hermes_store.repository import Transaction

__all__ = ["SOURCE", "conversations", "page", "place_key"]

SOURCE = "pydantic-ai"

Page = dict[Any, "MessageRecord"]


def place_key(entry_id: str) -> str:
    """Where `meta` tells which message holds an entry: `[message id, session id]`."""
    return keys.joined(SOURCE, "entry", entry_id)


def conversations(**others: Any) -> SessionFilter:
    """The sessions of all conversations, archived ones too."""
    return SessionFilter(id_prefix=keys.prefix(SOURCE), archived=None, **others)


async def page(repository: AsyncSessionRepository, entry_id: str, limit: int | None) -> Page:
    """An entry and those stored before it by the same conversation, at most `limit`, by id.

    Raises `KeyError` when it is nowhere.
    """
    place = await repository.meta.get(place_key(entry_id))
    found = {} if place is None else await _before(repository, place, limit)
    if entry_id not in found:
        found = await _looked_for(repository, entry_id)
    return found


async def _before(repository: AsyncSessionRepository, place: Any, limit: int | None) -> Page:
    message_id, session_id = place
    return _entries(
        await repository.get_messages(
            session_id, before_id=message_id + 1, newest=True, limit=limit, include="all"
        )
    )


async def _looked_for(repository: AsyncSessionRepository, entry_id: str) -> Page:
    """The entries of the conversation that holds one, their places noted: an import brings none."""
    for session in await repository.search_sessions(limit=None, filter=conversations()):
        found = _entries(await repository.get_messages(session["id"], include="all"))
        if entry_id in found:
            await repository.run(partial(_note, session_id=session["id"], found=found))
            return found
    raise KeyError(entry_id)


def _entries(records: Iterable[MessageRecord]) -> Page:
    return {each["external_id"]: each for each in records if MINE in (each["extra"] or {})}


def _note(transaction: Transaction, session_id: str, found: Page) -> None:
    for entry_id, record in found.items():
        transaction.meta.set(place_key(entry_id), [record["id"], session_id])
