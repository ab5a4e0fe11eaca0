"""The API that agent code calls, a method a question. Read it as a table of contents.

Each method checks its arguments and hands one statement function to `_read` or `_write`. Times
are Unix epoch seconds, costs US dollars, token counts whole tokens. Every method raises
`InvalidArgumentError` for an argument that cannot be used and other errors of
`hermes_store.errors` for a database that cannot be used; in either case nothing was changed.
"""

# ruff: noqa: PLR0917 - existing callers pass these arguments by position
# (the file is longer than others because it is the whole API with its documentation)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

from hermes_store import values
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import listing, messages, retention, sessions, titles, usage
from hermes_store.queries.listing import Filter
from hermes_store.queries.messages import append_many
from hermes_store.queries.rows import new_row, new_rows
from hermes_store.records import (
    Content,
    ConversationMessage,
    ImportResult,
    MessageRecord,
    NewMessage,
    SearchHit,
    SessionExport,
    SessionListing,
    SessionRecord,
    SourceUsage,
)
from hermes_store.transfer import sessions as transfer

__all__ = ["Operations"]

_SECONDS_A_DAY = 86_400

P = ParamSpec("P")
R = TypeVar("R")


class Operations(ABC):
    """What can be asked of a store, and told to it."""

    @abstractmethod
    def _read(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return `function(connection, …)`, run on a snapshot of the database."""

    @abstractmethod
    def _write(
        self,
        function: Callable[Concatenate[OpenConnection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return `function(connection, …)`, run in a transaction that is committed."""

    # --- sessions -------------------------------------------------------------------------------

    def create_session(
        self,
        session_id: str,
        source: str,
        model: str | None = None,
        model_config: dict[str, Any] | None = None,
        system_prompt: str | None = None,
        user_id: str | None = None,
        parent_session_id: str | None = None,
    ) -> str:
        """Store a session that starts now; return its id.

        Of a session that exists already, fills what is not known yet and overwrites nothing.
        `source` says where it comes from: "cli", "telegram" and so on. Raises
        `SessionNotFoundError` for an unknown parent, `InvalidArgumentError` for a parent that
        descends from the session.
        """
        started = values.now()
        parent = values.optional_session_id("parent_session_id", parent_session_id)
        session = {
            "id": values.session_id("session_id", session_id),
            "source": values.text("source", source),
            "model": values.optional_text("model", model),
            "model_config": values.encode_json("model_config", model_config),
            "system_prompt": values.optional_text("system_prompt", system_prompt),
            "user_id": values.optional_text("user_id", user_id),
            "parent_session_id": parent,
            "started_at": started,
            "last_active": started,
        }
        self._write(sessions.create, session)
        return session_id

    def ensure_session(
        self, session_id: str, source: str = "unknown", model: str | None = None
    ) -> None:
        """Store a session unless it exists: `create_session` for callers who know little."""
        self.create_session(session_id, source, model)

    def end_session(self, session_id: str, end_reason: str | None) -> None:
        """Mark a session as ended now. An ended session keeps its first time and reason.

        Raises `SessionNotFoundError`.
        """
        _checked(session_id)
        reason = values.optional_text("end_reason", end_reason)
        self._write(sessions.end, session_id, reason, values.now())

    def reopen_session(self, session_id: str) -> None:
        """Take back the end of a session. Raises `SessionNotFoundError`."""
        self._write(sessions.reopen, _checked(session_id))

    def update_system_prompt(self, session_id: str, system_prompt: str | None) -> None:
        """Store the whole system prompt as it was sent. Raises `SessionNotFoundError`."""
        prompt = values.optional_text("system_prompt", system_prompt)
        self._write(sessions.update_system_prompt, _checked(session_id), prompt)

    def get_session(self, session_id: str) -> SessionRecord | None:
        """Return a session, or None. Its `model_config` is decoded, its counters are numbers."""
        return self._read(sessions.get, _checked(session_id))

    def resolve_session_id(self, session_id_or_prefix: str) -> str | None:
        """Return the id that is the argument, or the only one that begins with it, else None.

        Upper and lower case differ, and no character is a wildcard.
        """
        prefix = values.optional_text("session_id_or_prefix", session_id_or_prefix)
        return self._read(sessions.resolve_id, prefix) if prefix else None

    def session_count(self, source: str | None = None) -> int:
        """Return how many sessions there are, or how many from one source."""
        return self._read(sessions.count, values.source_filter(source))

    # --- lists ----------------------------------------------------------------------------------

    def list_sessions_rich(
        self,
        source: str | None = None,
        exclude_sources: Sequence[str] | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
        include_system_prompt: bool = False,
    ) -> list[SessionListing]:
        """Return a page of sessions with a preview: the last started, or last active, first.

        The preview is the first 60 characters of the first user message. System prompts are left
        out unless asked for: they are long. `limit=None` means all.
        """
        which = Filter(
            values.source_filter(source),
            values.names("exclude_sources", exclude_sources),
            by_last_active=bool(order_by_last_active),
        )
        page = values.page(limit, offset)
        return self._read(listing.list_rich, which, page, system_prompt=bool(include_system_prompt))

    def search_sessions(
        self,
        source: str | None = None,
        limit: int | None = 20,
        offset: int = 0,
        order_by_last_active: bool = False,
    ) -> list[SessionRecord]:
        """Return a page of whole sessions: the last started, or last active, first."""
        which = Filter(values.source_filter(source), by_last_active=bool(order_by_last_active))
        return self._read(listing.search, which, values.page(limit, offset))

    # --- titles ---------------------------------------------------------------------------------

    MAX_TITLE_LENGTH = titles.MAX_LENGTH

    @staticmethod
    def sanitize_title(title: str | None) -> str | None:
        """Return a title as it is stored: in one line, without invisible characters.

        None when nothing is left. Raises `InvalidArgumentError` above `MAX_TITLE_LENGTH`.
        """
        return titles.sanitize(title)

    def set_session_title(self, session_id: str, title: str | None) -> bool:
        """Give a session its title; None or blanks take it away.

        Returns False when there is no such session. Raises `TitleInUseError` when another
        session has the title.
        """
        return self._write(titles.set_title, _checked(session_id), titles.sanitize(title))

    def get_session_title(self, session_id: str) -> str | None:
        """Return the title of a session; None when it has none or does not exist."""
        return self._read(titles.get, _checked(session_id))

    def get_session_by_title(self, title: str) -> SessionRecord | None:
        """Return the session with exactly this title, or None."""
        return self._read(titles.session_of, values.optional_text("title", title) or "")

    def resolve_session_by_title(self, title: str) -> str | None:
        """Return the id of the newest session of a lineage, or None.

        That is the one titled "title #N" with the highest N, else the one titled "title".
        """
        return self._read(titles.resolve, values.optional_text("title", title) or "")

    def get_next_title_in_lineage(self, base_title: str) -> str:
        """Return a free title to continue under: "title", then "title #2", "title #3".

        A number that the argument ends with is not part of the base. The result always fits
        `MAX_TITLE_LENGTH`; it is free until another session takes it.
        """
        return self._read(titles.next_in_lineage, titles.visible("base_title", base_title))

    # --- messages -------------------------------------------------------------------------------

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
    ) -> int:
        """Store a message at the end of a session; return its id.

        `content` is text, or the list or dict of a multimodal message; `tool_calls`,
        `reasoning_details` and `codex_reasoning_items` are what JSON can hold. All come back as
        they were given, but for lone surrogates, which become U+FFFD. `timestamp` (default: now)
        does not change the order. Counts the message and its tool calls in the session. Raises
        `SessionNotFoundError`.
        """
        row = new_row(
            session_id=_checked(session_id),
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
        )
        return self._write(messages.append, row)

    def append_messages(self, session_id: str, messages: Sequence[NewMessage]) -> list[int]:
        """Store messages at the end of a session, all or none; return their ids in order.

        Each is a dict with the keywords of `append_message`. Raises `SessionNotFoundError`.
        """
        rows = new_rows(_checked(session_id), messages)
        return self._write(append_many, session_id, rows)

    def get_messages(self, session_id: str) -> list[MessageRecord]:
        """Return the messages of a session, whole, in the order they were stored."""
        return self._read(messages.get, _checked(session_id))

    def get_messages_as_conversation(self, session_id: str) -> list[ConversationMessage]:
        """Return the messages of a session as a provider's API takes them.

        Reasoning is replayed on assistant messages, byte for byte as stored.
        """
        return self._read(messages.conversation, _checked(session_id))

    def message_count(self, session_id: str | None = None) -> int:
        """Return how many messages a session has, or how many there are."""
        only = values.optional_session_id("session_id", session_id)
        return self._read(messages.count, only)

    def clear_messages(self, session_id: str) -> None:
        """Delete the messages of a session and reset its counters of them.

        Raises `SessionNotFoundError`.
        """
        self._write(messages.clear, _checked(session_id))

    def search_messages(
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
    ) -> list[SearchHit]:
        """Return a page of the messages that hold what `query` asks for, the best first.

        Any text is a query: words that must all be there, "exact phrases", AND, OR and NOT
        between operands, prefix*, parentheses; everything else is looked for as written. A query
        with nothing to look for finds nothing. An empty filter filters nothing; `since` (included)
        and `until` (excluded) are epoch seconds. Each hit has a `snippet`, the hits in it set in
        `markers`, and under `context` the messages before and after it. Raises `SearchIndexError`
        when the index cannot answer.
        """
        from hermes_store.search.hits import search  # noqa: PLC0415 - a third of the import's time

        return self._read(
            search,
            values.optional_text("query", query) or "",
            sources=values.names("source_filter", source_filter),
            exclude_sources=values.names("exclude_sources", exclude_sources),
            roles=values.names("role_filter", role_filter),
            session_id=values.optional_session_id("session_id", session_id),
            exclude_session_id=values.optional_session_id("exclude_session_id", exclude_session_id),
            since=None if since is None else values.number("since", since),
            until=None if until is None else values.number("until", until),
            sort=sort,
            markers=values.markers(markers),
            **values.page(limit, offset),
        )

    # --- usage ----------------------------------------------------------------------------------

    def update_token_counts(
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
        given = usage.checked(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            model=model,
            cache_read_tokens=cache_read_tokens,
            cache_write_tokens=cache_write_tokens,
            reasoning_tokens=reasoning_tokens,
            estimated_cost_usd=estimated_cost_usd,
            actual_cost_usd=actual_cost_usd,
            cost_status=cost_status,
            cost_source=cost_source,
            pricing_version=pricing_version,
            billing_provider=billing_provider,
            billing_base_url=billing_base_url,
            billing_mode=billing_mode,
        )
        self._write(usage.record, _checked(session_id), given, absolute=bool(absolute))

    def set_token_counts(
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
        self.update_token_counts(
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
            absolute=True,
        )

    def usage_by_source(self) -> list[SourceUsage]:
        """Return sums over the sessions of each source, the one with the most messages first.

        Of a session without an actual cost the estimated one counts.
        """
        return self._read(usage.by_source)

    # --- export and import ----------------------------------------------------------------------

    def export_session(self, session_id: str) -> SessionExport | None:
        """Return a session with all its messages under "messages", or None."""
        return self._read(transfer.export_session, _checked(session_id))

    def export_all(self, source: str | None = None) -> list[SessionExport]:
        """Return every session with its messages, the last started first: one snapshot.

        Holds all of it in memory; `SessionRepository.iter_export` does not.
        """
        return self._read(transfer.export_all, Filter(values.source_filter(source)))

    def import_sessions(self, sessions: Iterable[Mapping[str, Any]]) -> ImportResult:
        """Store sessions that export wrote, each in a transaction of its own.

        A session whose id is there already is skipped, so an import can be repeated. Messages
        keep their ids where those are free, else all of the session's get new ones in the same
        order. A title in use gets a number. A parent is linked when it is there at the end. Raises
        `InvalidArgumentError` for a session that is not well-formed; those before it are stored.
        """
        return transfer.import_all(sessions, self._write)

    # --- delete ---------------------------------------------------------------------------------

    def delete_session(self, session_id: str) -> bool:
        """Delete a session and its messages; False when there is no such session.

        Sessions that continue it stay, without a parent.
        """
        return self._write(retention.delete_session, _checked(session_id))

    def list_prune_candidates(
        self, older_than_days: float = 90, source: str | None = None
    ) -> list[SessionListing]:
        """Return the sessions that `prune_sessions` would delete now."""
        which = _prunable(older_than_days, source)
        return self._read(listing.list_rich, which, values.page(None, 0))

    def prune_sessions(self, older_than_days: float = 90, source: str | None = None) -> int:
        """Delete ended sessions that started more than so many days ago; return how many.

        Goes in short transactions, so that others can write in between; a session goes with all
        its messages or not at all. Sessions that continue a deleted one stay, without a parent.
        """
        which = _prunable(older_than_days, source)
        return sum(iter(lambda: self._write(retention.prune_batch, which), 0))


def _checked(session_id: Any) -> str:
    return values.session_id("session_id", session_id)


def _prunable(older_than_days: Any, source: Any) -> Filter:
    days = values.number("older_than_days", older_than_days)
    if days < 0:
        raise InvalidArgumentError(
            "older_than_days", f"{days:g} is negative", "give days from 0 on"
        )
    before = values.now() - days * _SECONDS_A_DAY
    return Filter(values.source_filter(source), prunable_before=before)
