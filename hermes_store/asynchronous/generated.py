"""The methods of a repository, awaited. Written by `make asynchronous` from `hermes_store.api`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from hermes_store.asynchronous.doors import Doors, said
from hermes_store.asynchronous.export import AsyncExport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import tzinfo
    from os import PathLike
    from typing import Any, Literal, Unpack

    from hermes_store.errors import InvalidArgumentError
    from hermes_store.filters import SessionFilter
    from hermes_store.queries.message_pages import Included
    from hermes_store.queries.retention_rules import RetentionDone, RetentionDue, RetentionRule
    from hermes_store.records import (
        Backup,
        Content,
        ConversationMessage,
        ImportResult,
        LeaseRecord,
        MessageRecord,
        NewMessage,
        SearchHit,
        SearchPage,
        SessionExport,
        SessionFacets,
        SessionListing,
        SessionMatch,
        SessionProperties,
        SessionRecord,
        SourceUsage,
        UsageBy,
        UsageSum,
    )
    from hermes_store.search.running import Progress

__all__ = ["AsyncLeases", "AsyncMeta", "AsyncRetention", "AwaitedOperations"]

_UNSAID = float(90)


class AsyncLeases:
    """Names that one holder at a time can have, among all processes and hosts of a store.

    A lease ends by `release`, or by itself `seconds` after it was last acquired or refreshed: then
    it is free, also when its holder was killed. `name` and `holder` are texts of at most 500
    characters; two holders must not have the same text. The clock is the server's, or for a file
    that of the machine.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def acquire(self, name: str, holder: str, seconds: float) -> bool:
        """Take a free lease for `seconds`, at most a day; return whether `holder` has it now.

        A holder that has it already has it for `seconds` from now on.
        """
        return await self._doors._write(lambda asked: asked.leases.acquire(name, holder, seconds))

    async def refresh(self, name: str, holder: str, seconds: float) -> bool:
        """Keep a lease for `seconds` from now on, at most a day.

        Returns False when `holder` does not have it any more: it expired, or was released.
        """
        return await self._doors._write(lambda asked: asked.leases.refresh(name, holder, seconds))

    async def release(self, name: str, holder: str) -> bool:
        """Give a lease back; return False when `holder` does not have it any more."""
        return await self._doors._write(lambda asked: asked.leases.release(name, holder))

    async def holder(self, name: str) -> str | None:
        """Return who has a lease now; None when it is free."""
        return await self._doors._read(lambda asked: asked.leases.holder(name))

    async def held(self) -> list[LeaseRecord]:
        """Return the leases that are held now, in the order of their names."""
        return await self._doors._read(lambda asked: asked.leases.held())


class AsyncMeta:
    """Values under keys: the settings, positions and marks of a program.

    A key is a text of at most 500 characters, a value whatever JSON can hold. Programs that share
    a store begin their keys with their names.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key; `default` when there is no such key."""
        return await self._doors._read(lambda asked: asked.meta.get(key, default))

    async def set(self, key: str, value: Any) -> None:
        """Store a value under a key, in place of the one that is there."""
        await self._doors._write(lambda asked: asked.meta.set(key, value))

    async def delete(self, key: str) -> bool:
        """Delete a key with its value; return False when it is not there."""
        return await self._doors._write(lambda asked: asked.meta.delete(key))

    async def items(self, prefix: str = "") -> list[tuple[str, Any]]:
        """Return the keys that begin with `prefix`, each with its value, in the order of keys.

        Case matters, and no character is a wildcard.
        """
        return await self._doors._read(lambda asked: asked.meta.items(prefix))


class AsyncRetention:
    """Rules that are kept in the store, by name, and applied when a program asks for it.

    A pinned conversation is never touched. Rules that end come first, then those that archive,
    then those that delete.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def add(
        self,
        name: str,
        action: Literal["end", "archive", "delete"],
        days: float,
        filter: SessionFilter | None = None,
    ) -> None:
        """Store a rule, in place of the one of this name.

        It means the sessions of `filter` (all without one, archived ones too) that were last active
        more than `days` ago. "end" marks them as ended, at their last activity. "archive" and
        "delete" mean conversations by their last session; only ended ones are deleted. Raises
        `InvalidArgumentError`, also for a filter with times or of pinned sessions.
        """
        await self._doors._write(lambda asked: asked.retention.add(name, action, days, filter))

    async def remove(self, name: str) -> bool:
        """Remove a rule; return False when it is not there."""
        return await self._doors._write(lambda asked: asked.retention.remove(name))

    async def rules(self) -> list[RetentionRule]:
        """Return the rules, in the order in which they are applied."""
        return await self._doors._read(lambda asked: asked.retention.rules())

    async def due(self) -> list[RetentionDue]:
        """Return what `run` would do now, rule by rule, and change nothing.

        What a rule would end is not yet among what another one would delete.
        """
        return await self._doors._read(lambda asked: asked.retention.due())

    async def run(self) -> list[RetentionDone]:
        """Apply the rules; return what each did.

        Works in short transactions, so that other processes write in between. A conversation is
        archived or deleted whole or not at all.
        """
        return await self._doors._other(lambda asked: asked.retention.run())


class AwaitedOperations(Doors):
    """What a `SessionRepository` can do, awaited."""

    async def create_session(
        self,
        session_id: str,
        source: str,
        model: str | None = None,
        model_config: dict[str, Any] | None = None,
        system_prompt: str | None = None,
        user_id: str | None = None,
        parent_session_id: str | None = None,
        *,
        link: str | None = None,
        cwd: str | None = None,
        key: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> str:
        """Store a session that starts now; return its id.

        When the session exists, fills what is not known yet and overwrites nothing.
        `source` says where it comes from: "cli", "telegram" and so on. `link` says what the
        parent is to it: "compression", "branch", "delegate" or "reset". A session that continues
        another by compression gets its title, and is pinned and archived as that one. `cwd` is the
        folder the agent works in, `key` what a gateway finds the session of a chat by; `extra`
        holds what else is known. Raises `SessionNotFoundError` for an unknown parent,
        `InvalidArgumentError` for a parent that descends from the session.
        """
        return await self._write(
            lambda asked: asked.create_session(
                session_id,
                source,
                model,
                model_config,
                system_prompt,
                user_id,
                parent_session_id,
                link=link,
                cwd=cwd,
                key=key,
                extra=extra,
            )
        )

    async def ensure_session(
        self, session_id: str, source: str = "unknown", model: str | None = None
    ) -> None:
        """Store a session unless it exists: `create_session` for callers who know little."""
        await self._write(lambda asked: asked.ensure_session(session_id, source, model))

    async def end_session(self, session_id: str, end_reason: str | None) -> None:
        """Mark a session as ended now. An ended session keeps its first time and reason.

        Raises `SessionNotFoundError`.
        """
        await self._write(lambda asked: asked.end_session(session_id, end_reason))

    async def end_sessions(
        self,
        inactive_since: float,
        end_reason: str | None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[str]:
        """End the open sessions that were last active before a time; return their ids.

        Each ends at its last activity. `inactive_since` is in epoch seconds. With a filter only
        those that it means; without one archived ones, too. A session that an import is still
        storing stays open. Works in short transactions.
        """
        return await self._other(
            lambda asked: asked.end_sessions(inactive_since, end_reason, filter=filter)
        )

    async def reopen_session(self, session_id: str) -> None:
        """Take back the end of a session. Raises `SessionNotFoundError`."""
        await self._write(lambda asked: asked.reopen_session(session_id))

    async def set_session_model(self, session_id: str, model: str | None) -> None:
        """Say which model a session uses from now on. Raises `SessionNotFoundError`."""
        await self._write(lambda asked: asked.set_session_model(session_id, model))

    async def update_system_prompt(self, session_id: str, system_prompt: str | None) -> None:
        """Store the whole system prompt as it was sent. Raises `SessionNotFoundError`."""
        await self._write(lambda asked: asked.update_system_prompt(session_id, system_prompt))

    async def get_session(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None. Its `model_config` is decoded, its counters are numbers."""
        return await self._read(lambda asked: asked.get_session(session_id))

    async def resolve_session_id(self, session_id_or_prefix: str) -> str | None:
        """Return the id that is the argument, or the only one that begins with it, else None.

        Upper and lower case differ, and no character is a wildcard.
        """
        return await self._read(lambda asked: asked.resolve_session_id(session_id_or_prefix))

    async def find_sessions(self, name: str, limit: int | None = 20) -> list[SessionMatch]:
        """Return the sessions that a person may mean by `name`, the last active first.

        Their ids begin with it, or their titles hold all its words, in any case and order.
        """
        return await self._read(lambda asked: asked.find_sessions(name, limit))

    async def session_count(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        *,
        filter: SessionFilter | None = None,
        include: Literal["conversations", "all"] = "all",
    ) -> int:
        """Return how many sessions there are, or how many that a filter and the keywords mean.

        Without a filter archived sessions count, too. `include="conversations"` counts what
        `list_sessions_rich` lists.
        """
        return await self._read(
            lambda asked: asked.session_count(
                source,
                exclude_sources,
                filter=filter,
                include=include,
            )
        )

    async def list_sessions_rich(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
        include_system_prompt: bool = False,
        *,
        filter: SessionFilter | None = None,
        after: str | None = None,
        include: Literal["conversations", "all"] = "conversations",
    ) -> list[SessionListing]:
        """Return a page of conversations with a preview: the last started, or active, first.

        A conversation that was compressed stands there once, as its tip, with the start of its
        root and the sums of all its sessions. Delegates are left out. `include="all"` gives each
        session by itself, and so does a filter that asks for a link. A filter is asked of the tip.

        The preview is the first 60 characters of the first user message. System prompts are left
        out unless asked for: they are long. `limit=None` means all. Without a filter archived
        sessions are left out. `after` is the id of the last session of the page before: the list
        goes on behind it. Raises `InvalidArgumentError`.
        """
        return await self._read(
            lambda asked: asked.list_sessions_rich(
                source,
                exclude_sources,
                limit,
                offset,
                order_by_last_active,
                include_system_prompt,
                filter=filter,
                after=after,
                include=include,
            )
        )

    async def search_sessions(
        self,
        source: str | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
        *,
        filter: SessionFilter | None = None,
        after: str | None = None,
    ) -> list[SessionRecord]:
        """Return a page of whole sessions, each by itself: the last started, or active, first.

        Parts of a conversation and delegates are among them, as by `list_sessions_rich` with
        `include="all"`. Without a filter archived sessions are left out. `limit`, `offset` and
        `after` are those of `list_sessions_rich`. Raises `InvalidArgumentError`.
        """
        return await self._read(
            lambda asked: asked.search_sessions(
                source,
                limit,
                offset,
                order_by_last_active,
                filter=filter,
                after=after,
            )
        )

    async def session_facets(
        self,
        *,
        filter: SessionFilter | None = None,
        among: int = 1000,
        include: Literal["conversations", "all"] = "conversations",
        timezone: tzinfo | None = UTC,
    ) -> SessionFacets:
        """Return which sources, models, users and months conversations have, and how many each.

        They are counted among the last active `among` of those that a filter means, which an index
        finds; the rest of the store is not read. Months are those of `timezone`, None being the
        local time of the machine. `filter` and `include` are as for `list_sessions_rich`. Raises
        `InvalidArgumentError`.
        """
        return await self._read(
            lambda asked: asked.session_facets(
                filter=filter,
                among=among,
                include=include,
                timezone=timezone,
            )
        )

    async def longest_sessions(
        self, limit: int | None = 10, *, filter: SessionFilter | None = None
    ) -> list[SessionListing]:
        """Return the sessions that lasted longest, from their start to their last activity.

        Each session stands by itself, with a preview and without its system prompt. `limit=None`
        means all. Without a filter all sessions count, archived ones too. Raises
        `InvalidArgumentError`.
        """
        return await self._read(lambda asked: asked.longest_sessions(limit, filter=filter))

    async def get_root(self, session_id: str) -> str:
        """Return the id of the session in which the conversation began."""
        return await self._read(lambda asked: asked.get_root(session_id))

    async def get_tip(self, session_id: str) -> str:
        """Return the id of the session in which the conversation goes on: the one to resume.

        Of two that continue the same session it is the one begun last.
        """
        return await self._read(lambda asked: asked.get_tip(session_id))

    async def get_lineage(self, session_id: str) -> list[str]:
        """Return the ids of the conversation's sessions from the root to the tip.

        A branch, a delegate and what came after a reset are conversations of their own: their
        lineage begins with them, and `get_ancestors` says what they came from. Where two sessions
        continue the same one, the lineage follows the one begun last and leaves the other out.
        """
        return await self._read(lambda asked: asked.get_lineage(session_id))

    async def get_ancestors(self, session_id: str) -> list[str]:
        """Return the ids of the session's parent, its parent and so on, the first one first.

        Whatever the links are: of a branch also the conversation that it was branched off.
        """
        return await self._read(lambda asked: asked.get_ancestors(session_id))

    async def list_lineage(
        self, session_id: str, *, include: Literal["conversations", "all"] = "conversations"
    ) -> list[SessionListing]:
        """Return the sessions of the conversation and of its delegates, each by itself.

        That is what `delete_session` deletes, in the order of their begin, with previews. With
        `include="all"` also everything else that parents join to it: what it came from, branches,
        what began after a reset. Raises `InvalidArgumentError` for another `include`.
        """
        return await self._read(lambda asked: asked.list_lineage(session_id, include=include))

    async def set_archived(self, session_id: str, archived: bool = True) -> None:
        """Archive a conversation: lists leave it out. With False take that back.

        `session_id` is any session of the conversation, and all of them are archived. What is
        archived already keeps its time. Raises `SessionNotFoundError`.
        """
        await self._write(lambda asked: asked.set_archived(session_id, archived))

    async def archive_sessions(self, filter: SessionFilter) -> list[str]:
        """Archive the conversations that a filter means; return the ids of their last sessions.

        A conversation is meant when the session in which it goes on is; then all its sessions are
        archived. Works in short transactions. Raises `InvalidArgumentError`, also for a filter of
        archived sessions.
        """
        return await self._other(lambda asked: asked.archive_sessions(filter))

    async def set_pinned(self, session_id: str, pinned: bool = True) -> None:
        """Pin a conversation, or with False take that back.

        `session_id` is any session of the conversation, and all of them are pinned. Raises
        `SessionNotFoundError`.
        """
        await self._write(lambda asked: asked.set_pinned(session_id, pinned))

    async def update_session(
        self, session_id: str, **properties: Unpack[SessionProperties]
    ) -> None:
        """Store properties of a session in place of what is there, and leave the others.

        They are the keys of `SessionProperties`. None takes one away, and an `extra` replaces the
        whole stored one. Raises `SessionNotFoundError`, and `InvalidArgumentError` that names the
        keywords for another one.
        """
        await self._write(lambda asked: asked.update_session(session_id, **properties))

    async def newest_session(self, key: str) -> str | None:
        """Return the id of the session with this key that began last, or None.

        Archived sessions do not count; ended ones do.
        """
        return await self._read(lambda asked: asked.newest_session(key))

    MAX_TITLE_LENGTH = 100

    @staticmethod
    def sanitize_title(title: str | None) -> str | None:
        """Return a title as it is stored: in one line, without invisible characters.

        None when nothing is left. Raises `InvalidArgumentError` above `MAX_TITLE_LENGTH`.
        """
        from hermes_store.api.titles import Titles

        return Titles.sanitize_title(title)

    async def set_session_title(self, session_id: str, title: str | None) -> bool:
        """Give a conversation its title; None or blanks take it away.

        Returns False when there is no such session. Raises `TitleInUseError` when a session of
        another conversation has the title; an earlier session of the same one loses it.
        """
        return await self._write(lambda asked: asked.set_session_title(session_id, title))

    async def get_session_title(self, session_id: str) -> str | None:
        """Return the title of a conversation; None when it has none or does not exist."""
        return await self._read(lambda asked: asked.get_session_title(session_id))

    async def get_session_by_title(self, title: str) -> SessionRecord | None:
        """Return the session with exactly this title, or None."""
        return await self._read(lambda asked: asked.get_session_by_title(title))

    async def resolve_session_by_title(self, title: str) -> str | None:
        """Return the id of the session to resume by a title, or None.

        That is the tip of the conversation titled "title #N" with the highest N, else of the one
        titled "title".
        """
        return await self._read(lambda asked: asked.resolve_session_by_title(title))

    async def get_next_title_in_lineage(self, base_title: str) -> str:
        """Return a free title to continue under: "title", then "title #2", "title #3".

        A number that the argument ends with is not part of the base. The result always fits
        `MAX_TITLE_LENGTH`; it is free until another session takes it.
        """
        return await self._read(lambda asked: asked.get_next_title_in_lineage(base_title))

    async def append_message(
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
        return await self._write(
            lambda asked: asked.append_message(
                session_id,
                role,
                content,
                tool_name,
                tool_calls,
                tool_call_id,
                token_count,
                finish_reason,
                reasoning,
                reasoning_details,
                codex_reasoning_items,
                timestamp,
                name=name,
                external_id=external_id,
                extra=extra,
            )
        )

    async def append_messages(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Store messages at the end of a session, all or none; return their ids in order.

        Each is a dict with the keywords of `append_message`. Its other keys, unless their value is
        None, are kept in `extra`: a message comes back as a provider sent it. Raises
        `SessionNotFoundError`.
        """
        return await self._write(lambda asked: asked.append_messages(session_id, messages))

    async def get_messages(
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
        return await self._read(
            lambda asked: asked.get_messages(
                session_id,
                limit=limit,
                before_id=before_id,
                after_id=after_id,
                around_id=around_id,
                newest=newest,
                include=include,
            )
        )

    async def count_messages(
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
        return await self._read(
            lambda asked: asked.count_messages(
                session_id,
                before_id=before_id,
                after_id=after_id,
                include=include,
            )
        )

    async def get_messages_as_conversation(
        self, session_id: str, *, strict: bool = False, include: Included = "live"
    ) -> list[ConversationMessage]:
        """Return the messages of a session as a provider's API takes them.

        Reasoning is replayed on assistant messages, byte for byte as stored. What has no column
        stands beside the other keys. `strict` leaves out what a provider may refuse: id, timestamp,
        tool_name, finish_reason, and what others than the assistant hold in `extra`.
        """
        return await self._read(
            lambda asked: asked.get_messages_as_conversation(
                session_id,
                strict=strict,
                include=include,
            )
        )

    async def message_count(self, session_id: str | None = None) -> int:
        """Return how many messages a session has, or how many there are."""
        return await self._read(lambda asked: asked.message_count(session_id))

    async def clear_messages(self, session_id: str) -> None:
        """Delete the messages of a session and reset its counters of them.

        Raises `SessionNotFoundError`.
        """
        await self._write(lambda asked: asked.clear_messages(session_id))

    async def replace_messages(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Delete the live messages of a session and store others in one step; return their ids.

        Messages are given as to `append_messages`. Raises `SessionNotFoundError`.
        """
        return await self._write(lambda asked: asked.replace_messages(session_id, messages))

    async def compact(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Let a conversation go on with other messages, a summary; return the ids of those.

        The messages that were live are compacted: the conversation goes on without them, and
        searches still find them. Raises `SessionNotFoundError`.
        """
        return await self._write(lambda asked: asked.compact(session_id, messages))

    async def rewind(self, session_id: str, message_id: int) -> MessageRecord:
        """Take back a message of the user and all behind it; return it, so that it can be edited.

        Nothing is deleted: `restore` gives the messages back. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` for a message that is not live or not the user's.
        """
        return await self._write(lambda asked: asked.rewind(session_id, message_id))

    async def restore(self, session_id: str, message_id: int) -> int:
        """Give back what was taken back from a message on; return how many came back.

        What was compacted stays compacted. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` when two live messages would have one `external_id`.
        """
        return await self._write(lambda asked: asked.restore(session_id, message_id))

    async def pop_message(self, session_id: str) -> MessageRecord | None:
        """Delete the newest live message of a session and return it; None when there is none."""
        return await self._write(lambda asked: asked.pop_message(session_id))

    async def delete_messages(self, session_id: str, ids: Sequence[int]) -> int:
        """Delete messages of a session, in whatever state; return how many were there.

        Raises `SessionNotFoundError`.
        """
        return await self._write(lambda asked: asked.delete_messages(session_id, ids))

    async def replace_message(
        self, session_id: str, message_id: int, **fields: Any
    ) -> MessageRecord:
        """Give a message other fields, by the keywords of `append_message`; return it as it is now.

        Its id, its place and its state stay. Raises `MessageNotFoundError`, and
        `InvalidArgumentError` also for the `external_id` of another live message.
        """
        return await self._write(
            lambda asked: asked.replace_message(session_id, message_id, **fields)
        )

    async def search_messages(
        self,
        query: str,
        source_filter: Sequence[str] | None = None,
        exclude_sources: Sequence[str] | None = None,
        role_filter: Sequence[str] | None = None,
        limit: int | None = 20,
        offset: int = 0,
        *,
        session_id: str | None = None,
        exclude_session_id: str | None = None,
        since: float | None = None,
        until: float | None = None,
        sort: Literal["relevance", "newest", "oldest"] = "relevance",
        markers: tuple[str, str] = (">>>", "<<<"),
        include: Literal["live", "found", "all"] = "found",
        filter: SessionFilter | None = None,
    ) -> list[SearchHit]:
        """Return a page of the messages that hold what `query` asks for, the best first.

        Of more than 8,000 hits, on PostgreSQL 1,000, the newest are ranked; older ones follow. In
        SQLite it is 500 where words or phrases stand in so many messages that to count them takes
        long.

        Any text is a query: words that must all be there, "exact phrases", AND, OR and NOT
        between operands, prefix*, parentheses; everything else is looked for as written. A query
        with nothing to look for finds nothing. An empty filter filters nothing; `since` (included)
        and `until` (excluded) are epoch seconds of the message. `filter` says in which sessions;
        without one, archived sessions are searched, too. Each hit has a `snippet`, the hits in it
        set in `markers`, and under `context` the messages before and after it. Messages that were
        compacted are found too, as `state` says; those that were taken back only with
        `include="all"`. Raises `SearchIndexError` when the index cannot answer, and
        `SearchTooBroadError` after `search_timeout` seconds.
        """
        return await self._read(
            lambda asked: asked.search_messages(
                query,
                source_filter,
                exclude_sources,
                role_filter,
                limit,
                offset,
                session_id=session_id,
                exclude_session_id=exclude_session_id,
                since=since,
                until=until,
                sort=sort,
                markers=markers,
                include=include,
                filter=filter,
            )
        )

    async def search_page(
        self,
        query: str,
        limit: int | None = 20,
        offset: int = 0,
        *,
        from_id: int | None = None,
        sort: Literal["relevance", "newest", "oldest"] = "relevance",
        markers: tuple[str, str] = (">>>", "<<<"),
        include: Literal["live", "found", "all"] = "found",
        filter: SessionFilter | None = None,
    ) -> SearchPage:
        """Return a page of hits among so many messages as take a bounded time to look at.

        Where the index alone cannot tell the hits (phrases, symbols, NOT, a filter), the newest
        8,000 messages with the words of the query are looked at, on PostgreSQL 1,000; fewer with a
        filter or more than three words, and 500 with symbols or, in SQLite, beginnings of very many
        words. With the order "oldest" they are the oldest. `next_id` and `next_at` are of
        the first message that was not looked at: the same search with it as `from_id` goes on
        there. They are None where all was looked at. Arguments and errors are those of
        `search_messages`.
        """
        return await self._read(
            lambda asked: asked.search_page(
                query,
                limit,
                offset,
                from_id=from_id,
                sort=sort,
                markers=markers,
                include=include,
                filter=filter,
            )
        )

    async def update_token_counts(
        self,
        session_id: str,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        model: str | None = None,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
        cost_status: str | None = None,
        cost_source: str | None = None,
        pricing_version: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        billing_mode: str | None = None,
        absolute: bool = False,
    ) -> None:
        """Add tokens and costs to a session, or with `absolute` put them in place of the stored.

        None counts as 0 tokens; a cost of None leaves the stored one. The last known cost status,
        source and pricing version are kept, of model and billing the first known. Raises
        `SessionNotFoundError`.
        """
        await self._write(
            lambda asked: asked.update_token_counts(
                session_id,
                input_tokens,
                output_tokens,
                model,
                cache_read_tokens,
                cache_write_tokens,
                reasoning_tokens,
                estimated_cost_usd,
                actual_cost_usd,
                cost_status,
                cost_source,
                pricing_version,
                billing_provider,
                billing_base_url,
                billing_mode,
                absolute,
            )
        )

    async def set_token_counts(
        self,
        session_id: str,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        model: str | None = None,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
        cost_status: str | None = None,
        cost_source: str | None = None,
        pricing_version: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        billing_mode: str | None = None,
    ) -> None:
        """`update_token_counts` with `absolute=True`, for callers who hold running totals."""
        await self._write(
            lambda asked: asked.set_token_counts(
                session_id,
                input_tokens,
                output_tokens,
                model,
                cache_read_tokens,
                cache_write_tokens,
                reasoning_tokens,
                estimated_cost_usd,
                actual_cost_usd,
                cost_status,
                cost_source,
                pricing_version,
                billing_provider,
                billing_base_url,
                billing_mode,
            )
        )

    async def usage_by_source(self, *, filter: SessionFilter | None = None) -> list[SourceUsage]:
        """Return sums over the sessions of each source, the one with the most messages first.

        Of a session without an actual cost the estimated one counts. Without a filter all
        sessions count, archived ones too.
        """
        return await self._read(lambda asked: asked.usage_by_source(filter=filter))

    async def record_usage(
        self,
        session_id: str,
        *,
        task: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        mode: str | None = None,
        calls: int | None = 1,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
    ) -> None:
        """Note what a call of a model used, or several calls: `usage_report` adds it up.

        `task` is which work of the agent it was; None is the conversation itself. A cost of None is
        not known. What a session used in one hour for the same task, model, provider, base URL and
        mode is one record. These texts have at most 500 characters each. Raises
        `SessionNotFoundError`.
        """
        await self._write(
            lambda asked: asked.record_usage(
                session_id,
                task=task,
                model=model,
                provider=provider,
                base_url=base_url,
                mode=mode,
                calls=calls,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cache_read_tokens=cache_read_tokens,
                cache_write_tokens=cache_write_tokens,
                reasoning_tokens=reasoning_tokens,
                estimated_cost_usd=estimated_cost_usd,
                actual_cost_usd=actual_cost_usd,
            )
        )

    async def usage_report(
        self,
        by: UsageBy = "day",
        filter: SessionFilter | None = None,
        *,
        timezone: tzinfo | None = UTC,
        since: float | None = None,
        until: float | None = None,
        last: int | None = None,
    ) -> list[UsageSum]:
        """Return what was recorded by `record_usage`, summed up by day, model, user and so on.

        Days, weeks (2026-W09, from Monday on) and months are those of `timezone`, None being the
        local time of the machine; they come in their order, without those that have no records. So
        do hours of the day (14:00), each summed over all days. Of other groups the one with the
        most input and output tokens comes first; '' is not known.

        Without a filter the usage of all sessions counts, of archived ones too. `since` (included)
        and `until` (excluded) are Unix seconds: hours that begin between them count. `last` is how
        many days, weeks or months are returned at most: the last that have records.

        By tool, it counts the calls that messages name, without tokens and costs, which no provider
        tells by tool; this reads all messages with tool calls.
        """
        return await self._read(
            lambda asked: asked.usage_report(
                by,
                filter,
                timezone=timezone,
                since=since,
                until=until,
                last=last,
            )
        )

    async def newest_usage_since(self, records: int) -> float | None:
        """Return since when the newest `records` records of usage were made, in Unix seconds.

        With it as `since`, `usage_report` reads about so many records, however many are stored: one
        more, and all of its hour. None when no record is older.
        """
        return await self._read(lambda asked: asked.newest_usage_since(records))

    async def export_session(self, session_id: str) -> SessionExport | None:
        """Return a session with all its messages under "messages", or None."""
        return await self._read(lambda asked: asked.export_session(session_id))

    async def export_lineage(self, session_id: str) -> list[SessionExport]:
        """Return all sessions of a conversation and of its delegates, with their messages.

        That is what `delete_session` deletes, in the order of their begin. The id of any session
        of the conversation will do. Raises `SessionNotFoundError`.
        """
        return await self._read(lambda asked: asked.export_lineage(session_id))

    async def export_all(
        self,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[SessionExport]:
        """Return every session with its messages, the last started first: one snapshot.

        Without a filter archived sessions are exported, too. Holds all of it in memory;
        `SessionRepository.iter_export` does not.
        """
        return await self._read(lambda asked: asked.export_all(source, filter=filter))

    async def import_sessions(
        self,
        sessions: Iterable[Mapping[str, Any]],
        *,
        result: ImportResult | None = None,
        on_bad: Callable[[InvalidArgumentError], object] | None = None,
    ) -> ImportResult:
        """Store sessions that export wrote, each whole or not at all; return what was done.

        A session whose id is there already is skipped, so an import can be repeated. A session of
        more than 1,000 messages or 2,000,000 characters is stored in several transactions; until
        the last one it is open with the end_reason "importing", and the same import goes on with
        it. Its messages may be anything that can be iterated more than once.

        Messages keep their ids where those are free, else all of the session's get new ones in the
        same order. A title in use gets a number; one that is too long is cut. A parent is linked
        when it is there at the end.

        `result` is filled while the call runs, and holds what was stored when it is interrupted.
        `on_bad` is called with the error of each session that is not well-formed, which is left
        out. Without it the call raises `InvalidArgumentError`; sessions before that are stored.
        """
        return await self._other(
            lambda asked: asked.import_sessions(sessions, result=result, on_bad=on_bad)
        )

    @property
    def leases(self) -> AsyncLeases:
        """Names that one holder at a time can have: `acquire`, `refresh`, `release`, `holder`."""
        return AsyncLeases(self)

    @property
    def meta(self) -> AsyncMeta:
        """What a program keeps under keys of its own: `get`, `set`, `delete`, `items`."""
        return AsyncMeta(self)

    @property
    def retention(self) -> AsyncRetention:
        """Rules for what nobody has used for long: `add`, `remove`, `rules`, `due`, `run`."""
        return AsyncRetention(self)

    async def delete_session(self, session_id: str) -> bool:
        """Delete a conversation and its messages; False when there is no such session.

        The id of any session of the conversation will do: all of them are deleted, and their
        delegates with them. Sessions that were branched off or began after a reset stay, without
        a parent.
        """
        return await self._write(lambda asked: asked.delete_session(session_id))

    async def delete_sessions(self, ids: Sequence[str]) -> int:
        """Delete the conversations of some sessions; return how many conversations there were.

        Each goes as `delete_session` deletes it. Works in short transactions, as `prune_sessions`
        does. Raises `InvalidArgumentError` for a list with a value that is not an id; then nothing
        is deleted.
        """
        return await self._other(lambda asked: asked.delete_sessions(ids))

    async def list_prune_candidates(
        self,
        older_than_days: float = _UNSAID,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> list[SessionListing]:
        """Return the conversations that `prune_sessions` would delete now."""
        return await self._read(
            lambda asked: asked.list_prune_candidates(
                source=source,
                filter=filter,
                **said(older_than_days=(older_than_days, _UNSAID)),
            )
        )

    async def prune_sessions(
        self,
        older_than_days: float = _UNSAID,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> int:
        """Delete ended conversations older than `older_than_days`; return how many.

        The end and the start of the tip count. A conversation stays when its tip is open, or a
        session that was left when two continued the same one. Delegates go with their conversation
        only. With a filter only those whose tip it means; one that says times of its own replaces
        the 90 days. Without a filter archived sessions are deleted, too. Works in short
        transactions, so that other processes can write in between. A conversation is deleted whole
        or not at all. Raises `InvalidArgumentError`, also for a filter of open sessions.
        """
        return await self._other(
            lambda asked: asked.prune_sessions(
                source=source,
                filter=filter,
                **said(older_than_days=(older_than_days, _UNSAID)),
            )
        )

    async def get_stats(self) -> dict[str, Any]:
        """Return counts of this process's writes, of sessions and messages, and what is in force.

        `library` and `version` name the database library. `wal_reset_bug` says whether it has that
        bug of SQLite. `journal_mode` and `synchronous` say how commits are kept, and `file_bytes`
        is the size. `log_bytes` is the length of SQLite's log, and `log_held_by` names the exports
        of this process that keep it from being cut back. Reads only.
        """
        return await self._other(lambda asked: asked.get_stats())

    async def check(self) -> list[str]:
        """Return what is wrong with the file, its references, counters and search index, in words.

        An empty list when all is well. Reads everything, and compares the index with every
        message. On SQLite other processes cannot write while it does that, and what is read only
        is checked without that comparison. Raises `UpgradeRequiredError` when another process
        took the schema down.
        """
        return await self._other(lambda asked: asked.check())

    async def reindex(self, progress: Progress | None = None) -> None:
        """Build the search index anew, in short transactions between those of others.

        Goes on where an earlier call was interrupted. `progress` is called with how many messages
        are indexed and how many there are. Raises `StoreBusyError` while another process does it,
        and `UpgradeRequiredError` when another process took the schema down.
        """
        await self._other(lambda asked: asked.reindex(progress))

    async def optimize(self) -> None:
        """Merge the search index and give unused space back; deleted text is in no byte any more.

        On SQLite the file is rewritten (VACUUM), which takes as much free disk as it is long, and
        others cannot write meanwhile. PostgreSQL frees the space for its own use only. Raises
        `StoreBusyError` while a reader or writer is in the way, and `SearchIndexError`.
        """
        await self._other(lambda asked: asked.optimize())

    async def backup(
        self,
        path: str | PathLike[str],
        *,
        keep: int | None = None,
        replace: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Backup:
        """Write all that the store holds at this moment into one file, while others go on writing.

        `path` is a file, or a folder that gets a file with the time in its name. With `keep` it is
        a folder, and the oldest backups of this store there are deleted, so that `keep` are left.
        The file is checked and gets its name at the end, for its owner only; an earlier backup
        stays until then. Another file is replaced only with `replace`. `progress` is called with a
        step, how much of it is done, and how much there is. Raises `InvalidArgumentError` for a
        path that holds something else, `BackupError` for a store that is damaged, and
        `StoreUnavailableError` for a full disk.
        """
        return await self._other(
            lambda asked: asked.backup(path, keep=keep, replace=replace, progress=progress)
        )

    def iter_export(
        self,
        source: str | None = None,
        *,
        filter: SessionFilter | None = None,
    ) -> AsyncExport:
        """Yield every session with its messages, the last started first, from one snapshot.

        Without a filter archived sessions are exported, too. Holds one session in memory at a
        time. Exhaust or close it: it keeps a read connection.
        """
        return AsyncExport(self._repository.iter_export(source, filter=filter))
