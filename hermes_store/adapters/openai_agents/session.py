"""A session: the protocol is `agents.memory.session.Session`.

Two methods beside it are the SDK's own, without a promise of it: compaction and encryption ask for
them, and do without where they are missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from agents.memory.session_settings import (
    SessionSettings,
    coerce_session_settings,
    resolve_session_limit,
)

from hermes_store.adapters.opened import Given, Opened
from hermes_store.errors import SessionNotFoundError, StoreClosedError
from hermes_store.shapes.openai_items import item_of, message_of

if TYPE_CHECKING:
    from agents.items import TResponseInputItem
    from agents.memory.session import _CompactionSnapshot
    from agents.run_context import RunContextWrapper

    from hermes_store.asynchronous.repository import AsyncSessionRepository
    from hermes_store.records import MessageRecord, NewMessage
    from hermes_store.repository import Transaction

__all__ = ["HermesSession", "SessionClosedError"]

R = TypeVar("R")
_SOURCE = "openai-agents"
_AT_ONCE = 500


class SessionClosedError(StoreClosedError, RuntimeError):
    """The session was closed; the operation did not run."""

    def __init__(self, name: str) -> None:
        Exception.__init__(self, f"{name} is closed; make another with the same session_id")


class HermesSession:
    """The history of a conversation: `Runner.run(agent, …, session=HermesSession("chat-1", …))`.

    Raises the errors of `hermes_store`. A change that began ends, also when its task is cancelled;
    then `CancelledError` is raised.
    """

    def __init__(
        self,
        session_id: str,
        repository: Given = None,
        *,
        session_settings: SessionSettings | dict[str, Any] | None = None,
    ) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self.session_id = session_id
        self.session_settings: SessionSettings | None = coerce_session_settings(
            session_settings or SessionSettings()
        )
        self._repository = Opened(repository)
        self._is_closed = False

    async def get_items(
        self, limit: int | None = None, *, wrapper: RunContextWrapper[Any] | None = None
    ) -> list[TResponseInputItem]:
        """Return the items in their order, or the latest `limit` of them.

        Without a limit that of `session_settings` counts. A negative one means no limit.
        """
        repository = await self._usable()
        most = resolve_session_limit(limit, self.session_settings)
        most = None if isinstance(most, int) and most < 0 else most
        records = await repository.get_messages(self.session_id, limit=most, newest=True)
        return [item_of(record) for record in records]

    async def add_items(
        self, items: list[TResponseInputItem], *, wrapper: RunContextWrapper[Any] | None = None
    ) -> None:
        """Store items at the end, all or none. Raises `NotJsonError`, a `TypeError`."""
        repository = await self._usable()
        messages = [message_of(item) for item in items]
        if messages:
            await _finished(_add(repository, self.session_id, messages))

    async def pop_item(
        self, *, wrapper: RunContextWrapper[Any] | None = None
    ) -> TResponseInputItem | None:
        """Delete the latest item and return it; None when there is none."""
        return await self._pop_item_with_validation()

    async def clear_session(self, *, wrapper: RunContextWrapper[Any] | None = None) -> None:
        """Delete all items. The session itself stays, with its title and its usage."""
        repository = await self._usable()
        await _finished(repository.run(partial(_clear, session_id=self.session_id)))

    async def close(self) -> None:
        """Refuse later calls, and close what was opened for a path or a URL."""
        self._is_closed = True
        await self._repository.close()

    async def _usable(self) -> AsyncSessionRepository:
        if self._is_closed:
            raise SessionClosedError(type(self).__name__)
        return await self._repository.awaited()

    # --- what the SDK's wrappers of sessions ask for --------------------------------------------

    async def _pop_item_with_validation(
        self, validate: Callable[[TResponseInputItem], None] | None = None
    ) -> TResponseInputItem | None:
        """The same as `pop_item`; nothing is deleted when `validate` raises."""
        repository = await self._usable()
        popped = partial(_pop, session_id=self.session_id, validate=validate)
        return await _finished(repository.run(popped))

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Callable[[TResponseInputItem], bool] | None = None
    ) -> _CompactionSnapshot | None:
        """The latest items, and how to put others in place of the last of them in one step.

        None for a subclass that alters items: what is replaced here, it would not see.
        """
        from agents.memory.session import _CompactionSnapshot  # noqa: PLC0415 - a name of its own

        if any(getattr(type(self), name) is not method for name, method in _OWN.items()):
            return None
        repository = await self._usable()
        found = await repository.get_messages(self.session_id, limit=limit + 1, newest=True)
        shown = found[-limit:]

        async def replace_suffix(start: int, output: list[TResponseInputItem]) -> bool:
            new = [message_of(item) for item in output]
            replace = partial(_replace, session_id=self.session_id, expected=shown[start:], new=new)
            return await _finished(repository.run(partial(replace, is_expired=prune_prefix)))

        return _CompactionSnapshot(
            [item_of(each) for each in shown], len(found) <= limit, replace_suffix
        )


_OWN = {name: getattr(HermesSession, name) for name in ("get_items", "add_items", "pop_item")}


async def _finished(change: Awaitable[R]) -> R:
    """Await the end of a change, however often the task is cancelled; then raise that."""
    task = asyncio.ensure_future(change)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = cancelled or exc
    if cancelled is not None:
        task.exception()  # asked for, so that the loop does not report it
        raise cancelled
    return task.result()


async def _add(
    repository: AsyncSessionRepository, session_id: str, messages: Sequence[NewMessage]
) -> None:
    """Store messages, and before the first ones their session, together with other tasks'."""
    try:
        await repository.append_messages(session_id, messages)
    except SessionNotFoundError:
        await repository.ensure_session(session_id, _SOURCE)
        await repository.append_messages(session_id, messages)


# --- in one transaction ---------------------------------------------------------------------------


def _pop(
    transaction: Transaction, session_id: str, validate: Callable[[Any], None] | None
) -> TResponseInputItem | None:
    record = transaction.pop_message(session_id)
    if record is None:
        return None
    item: TResponseInputItem = item_of(record)
    if validate is not None:
        validate(item)
    return item


def _clear(transaction: Transaction, session_id: str) -> None:
    if transaction.get_session(session_id) is not None:
        transaction.clear_messages(session_id)


def _replace(
    transaction: Transaction,
    session_id: str,
    expected: Sequence[MessageRecord],
    new: Sequence[NewMessage],
    is_expired: Callable[[Any], bool] | None,
) -> bool:
    """Put messages in place of the last ones, unless these are not the expected ones any more."""
    if not expected or transaction.get_session(session_id) is None:
        return False
    transaction.delete_messages(session_id, [])  # locks the session: appends wait from here on
    if transaction.get_messages(session_id, limit=len(expected), newest=True) != expected:
        return False
    gone = [each["id"] for each in expected]
    if is_expired is not None:
        gone += _expired(transaction, session_id, gone[0], is_expired)
    transaction.delete_messages(session_id, gone)
    transaction.append_messages(session_id, new)
    return True


def _expired(
    transaction: Transaction, session_id: str, before: int, is_expired: Callable[[Any], bool]
) -> Iterator[int]:
    """The ids of the first messages, as long as they are expired."""
    earlier = _earlier(transaction, session_id, before)
    return (each["id"] for each in takewhile(lambda each: is_expired(item_of(each)), earlier))


def _earlier(transaction: Transaction, session_id: str, before: int) -> Iterator[MessageRecord]:
    last: int | None = None
    while page := transaction.get_messages(
        session_id, limit=_AT_ONCE, after_id=last, before_id=before
    ):
        yield from page
        last = page[-1]["id"]
