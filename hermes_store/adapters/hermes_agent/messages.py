"""Messages: replace, compact, read and count them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Select, func, select

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.appending import Appending
from hermes_store.adapters.hermes_agent.base import merged
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.message_rows import AS_ROWS
from hermes_store.adapters.hermes_agent.new_messages import (
    as_core_takes,
    content_of,
    new_messages,
)
from hermes_store.adapters.hermes_agent.taken import text_of_id
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.models.stored import messages
from hermes_store.queries.message_pages import MessagePage

__all__ = ["Messages"]

T = TypeVar("T")

_NOTHING: Row = {"window": [], "messages_before": 0, "messages_after": 0}


class Messages(Appending):
    """The messages of a session, in the order they were stored."""

    def replace_messages(
        self, session_id: str, messages: Sequence[Row], active_only: bool = False, **more: Any
    ) -> None:
        """Store other messages in place of a session's; with `active_only` of the live ones.

        Raises `SessionNotFoundError` when there are messages for a session that is nowhere.
        """
        rows = new_messages(messages)

        def replace(tx: Transaction, _session: Any) -> bool:
            _all_taken(partial(tx.replace_messages, session_id), rows)
            if not active_only:
                hidden = tx.get_messages(session_id, include="all")
                tx.delete_messages(session_id, [m["id"] for m in hidden if m["state"] is not None])
            return True

        if not self._change(session_id, replace, missing=False) and session_id and rows:
            raise SessionNotFoundError(session_id)
        self._keep("replace_messages", session_id, more)

    def has_archived_messages(self, session_id: str) -> bool:
        """Whether a session has messages that are not live."""
        if not session_id:
            return False
        every = self._repo.count_messages(session_id, include="all")
        return every > self._repo.count_messages(session_id)

    def archive_and_compact(
        self, session_id: str, compacted_messages: Sequence[Row], **more: Any
    ) -> int:
        """Let a conversation go on with other messages; return how many those are."""
        if not session_id:
            return 0
        self._keep("archive_and_compact", session_id, more)
        rows = new_messages(compacted_messages)
        return len(_all_taken(partial(self._repo.compact, session_id), rows))

    def set_latest_user_api_content(self, session_id: str, content: Any, api_content: str) -> int:
        """Note what was sent for the newest user message, if it is `content`; how many it was."""

        def put(tx: Transaction, _session: Any) -> int:
            newest = _newest_of_user(session_id)
            found = [tx_message(tx, session_id, row[0]) for row in tx.execute(newest)]
            if not found or found[0]["content"] != content_of(content):
                return 0
            extra = merged(found[0]["extra"], {"api_content": api_content})
            tx.replace_message(session_id, found[0]["id"], extra=extra)
            return 1

        return self._change(session_id, put, missing=0)

    def clear_messages(self, session_id: str) -> None:
        """Delete the messages of a session."""
        self._if_there(self._repo.clear_messages, session_id)

    # --- reads ----------------------------------------------------------------------------------

    def get_messages(
        self,
        session_id: str,
        include_inactive: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Row]:
        """Return the messages of a session as Hermes' rows, or a page of them."""
        page = MessagePage(include="all" if include_inactive else "live")
        if limit is not None and limit >= 0:
            page = page._replace(limit=limit + offset)
        found = self._page(session_id, page)
        return found[offset:] if offset else found

    def get_messages_around(
        self, session_id: str, around_message_id: int, window: int = 5
    ) -> dict[str, Any]:
        """Return a message with its neighbours, and how many stand before and after it there."""
        found = self._around(session_id, around_message_id, max(window, 0))
        if not found:
            return {**_NOTHING, "window": []}
        before = sum(each["id"] < around_message_id for each in found)
        after = sum(each["id"] > around_message_id for each in found)
        return {"window": found, "messages_before": before, "messages_after": after}

    def get_anchored_view(
        self,
        session_id: str,
        around_message_id: int,
        window: int = 5,
        bookend: int = 3,
        keep_roles: tuple[str, ...] | None = ("user", "assistant"),
    ) -> dict[str, Any]:
        """Return a window around a message, and the beginning and end of its session beside it."""
        view = self.get_messages_around(session_id, around_message_id, window)
        shown = view["window"]
        begin: list[Row] = []
        end: list[Row] = []
        if shown and bookend > 0:
            begin = self._some(session_id, keep_roles, bookend, before=shown[0]["id"])
            end = self._some(session_id, keep_roles, bookend, after=shown[-1]["id"])
        view["window"] = [
            each
            for each in shown
            if keep_roles is None or each["role"] in keep_roles or each["id"] == around_message_id
        ]
        return {**view, "bookend_start": begin, "bookend_end": end}

    def message_count(self, session_id: str | None = None) -> int:
        """Return how many messages a session has, in any state, or how many there are."""
        if session_id:
            return self._repo.count_messages(session_id, include="all")
        return int(
            self._rows(select(func.count().label("number")).select_from(messages))[0]["number"]
        )

    def has_platform_message_id(self, session_id: str, platform_message_id: str) -> bool:
        """Whether a session has a message that a platform gave this id, in any state."""
        if not platform_message_id:
            return False
        named = messages.c.external_id == text_of_id(platform_message_id)
        return bool(self._rows(_ids(session_id).where(named).limit(1)))

    def _around(self, session_id: str, message_id: int, window: int) -> list[Row]:
        """A message, whatever its state, with its live neighbours."""
        one = self._rows(_ids(session_id).where(messages.c.id == message_id))
        if not one:
            return []
        page = MessagePage(limit=window)
        return [
            *self._page(session_id, page._replace(before=message_id, newest=True)),
            *self._one(session_id, message_id),
            *self._page(session_id, page._replace(after=message_id)),
        ]

    def _one(self, session_id: str, message_id: int) -> list[Row]:
        page = MessagePage(limit=1, after=message_id - 1, include="all")
        return self._page(session_id, page)

    def _page(self, session_id: str, page: MessagePage) -> list[Row]:
        return self._tables.messages(session_id, AS_ROWS, page)

    def _some(
        self,
        session_id: str,
        roles: tuple[str, ...] | None,
        number: int,
        *,
        before: int | None = None,
        after: int | None = None,
    ) -> list[Row]:
        """The first live messages before one, or the last ones after it, that say something."""
        which = _ids(session_id).where(
            messages.c.state.is_(None), func.length(messages.c.content) > 0
        )
        if roles is not None:
            which = which.where(messages.c.role.in_(roles))
        if before is not None:
            which = which.where(messages.c.id < before).order_by(messages.c.id)
        else:
            which = which.where(messages.c.id > after).order_by(messages.c.id.desc())
        ids = sorted(row["id"] for row in self._rows(which.limit(number)))
        return [each for one in ids for each in self._one(session_id, one)]


def tx_message(tx: Transaction, session_id: str, message_id: int) -> Any:
    """A message that is there, as the store gives it."""
    page: Row = {"after_id": message_id - 1} if message_id > 1 else {}
    return tx.get_messages(session_id, limit=1, include="all", **page)[0]


def _all_taken(store: Callable[[Any], T], rows: list[Row]) -> T:
    """Store messages; when the core refuses one, as it takes them."""
    try:
        return store(rows)
    except InvalidArgumentError:
        return store([as_core_takes(row) for row in rows])


def _ids(session_id: str) -> Select[Any]:
    return select(messages.c.id).where(messages.c.session_id == session_id)


def _newest_of_user(session_id: str) -> Select[Any]:
    of_user = _ids(session_id).where(messages.c.role == "user", messages.c.state.is_(None))
    return of_user.order_by(messages.c.id.desc()).limit(1)
