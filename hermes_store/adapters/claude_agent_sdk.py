"""The session store of the Claude Agent SDK on a repository. Needs the extra `claude-agent-sdk`.

A transcript is a session, each line of it a message. A subagent's transcript is a session of its
own, a delegate of the main one. Lines come back equal: what a message has no column for stands in
its `extra`. The protocol is `claude_agent_sdk.types.SessionStore`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from claude_agent_sdk import fold_session_summary

from hermes_store import values
from hermes_store.adapters.opened import Given, Opened
from hermes_store.errors import InvalidArgumentError
from hermes_store.filters import SessionFilter
from hermes_store.shapes import keys
from hermes_store.shapes.exact import exactly, whole_of
from hermes_store.shapes.iso_times import seconds
from hermes_store.shapes.kept import extra_of, kept_of, likely_kept_of, unless_altered

if TYPE_CHECKING:
    from claude_agent_sdk.types import (
        SessionKey,
        SessionListSubkeysKey,
        SessionStoreEntry,
        SessionStoreListEntry,
        SessionSummaryEntry,
    )

    from hermes_store.records import MessageRecord, NewMessage, SessionRecord
    from hermes_store.repository import Transaction

__all__ = ["HermesSessionStore"]

_SOURCE = "claude-agent-sdk"
_MINE = "claude_agent_sdk"
"""The key in `extra` of messages and sessions."""
_PREFIX = "claude"
_TEXT_AT = (("message", "content"), ("content",), ("summary",))
"""Where a line may have the text that is read: that becomes the content of the message."""
_ROLES = frozenset({"user", "assistant", "system"})


class HermesSessionStore:
    """Keeps transcripts of the Claude Agent SDK: `ClaudeAgentOptions(session_store=…)`.

    Raises the errors of `hermes_store`; the SDK tries a failed append again, and no line that has a
    `uuid` is stored twice.
    """

    def __init__(self, repository: Given = None) -> None:
        """Work on a repository of either kind, or open a path or a URL at the first use."""
        self._repository = Opened(repository)

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Store lines at the end of a transcript; one whose `uuid` is there already, not again."""
        if entries:
            if not all(isinstance(each, dict) for each in entries):
                raise InvalidArgumentError("entries", "one is no object", "give dicts, one a line")
            repository = await self._repository.awaited()
            await repository.run(partial(_append, key=key, entries=entries))

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """Return the lines of a transcript in their order; None when none was ever stored."""
        repository = await self._repository.awaited()
        lines = [_line(each) for each in await repository.get_messages(_id(key))]
        return cast("list[SessionStoreEntry]", lines) or None

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        """Return the ids of a project's main transcripts, each with when it was last written."""
        return [
            {"session_id": session_id, "mtime": kept["mtime"]}
            for session_id, kept in await self._main_transcripts(project_key)
        ]

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """Return what the SDK summed up of each main transcript of a project."""
        return [
            {"session_id": session_id, "mtime": kept["mtime"], "data": kept["summary"]}
            for session_id, kept in await self._main_transcripts(project_key)
        ]

    async def delete(self, key: SessionKey) -> None:
        """Delete a transcript, a main one with those of its subagents."""
        repository = await self._repository.awaited()
        await repository.delete_session(_id(key))

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Return the subpaths of a main transcript's subagents."""
        found = await self._sessions(keys.prefix(*_main(key)))
        return [keys.parted(each["id"])[3] for each in found]

    async def close(self) -> None:
        """Close what was opened for a path or a URL."""
        await self._repository.close()

    async def _main_transcripts(self, project_key: str) -> list[tuple[str, dict[str, Any]]]:
        found = await self._sessions(keys.prefix(_PREFIX, project_key))
        return [(keys.parted(each["id"])[2], _kept(each)) for each in found if not each["link"]]

    async def _sessions(self, beginning: str) -> list[SessionRecord]:
        """Sessions with messages whose ids begin so."""
        repository = await self._repository.awaited()
        which = SessionFilter(id_prefix=beginning, source=_SOURCE, min_messages=1, archived=None)
        return await repository.search_sessions(limit=None, filter=which)


def _id(key: SessionKey | SessionListSubkeysKey) -> str:
    subpath = key.get("subpath")
    if subpath == "":
        raise InvalidArgumentError("key", "has an empty subpath", "leave it out")
    return keys.joined(*_main(key), *([] if subpath is None else [subpath]))


def _main(key: SessionKey | SessionListSubkeysKey) -> tuple[str, Any, Any]:
    """The parts of a main transcript's id; a missing one is None, which no id is made of."""
    return _PREFIX, key.get("project_key"), key.get("session_id")


def _kept(session: SessionRecord) -> dict[str, Any]:
    """What this adapter keeps of a session: `mtime`, and of a main transcript `summary`."""
    return likely_kept_of(session, _MINE, {"mtime": 0, "summary": {}})


# --- in one transaction ---------------------------------------------------------------------------


def _append(transaction: Transaction, key: SessionKey, entries: Sequence[Any]) -> None:
    session_id = _id(key)
    _begin(transaction, key, entries)
    transaction.append_messages(session_id, [_message(entry) for entry in entries])
    session = transaction.get_session(session_id)  # its row is locked: appends take turns
    assert session is not None
    kept = _kept(session)
    now = max(time.time_ns() // 1_000_000, kept["mtime"] + 1)
    if key.get("subpath") is None:
        kept["summary"] = _summed_up(key, kept, entries)
    extra = {**extra_of(session), _MINE: kept | {"mtime": now}}
    transaction.update_session(session_id, extra=extra)


def _begin(transaction: Transaction, key: SessionKey, entries: Sequence[Any]) -> None:
    """Store what is not known of the session yet; a subagent's has its parent."""
    model, cwd = _first(entries, _model_of), _first(entries, lambda line: line.get("cwd"))
    main = None
    if key.get("subpath") is not None:
        main = keys.joined(*_main(key))
        transaction.ensure_session(main, _SOURCE)
    transaction.create_session(
        _id(key),
        _SOURCE,
        model,
        parent_session_id=main,
        link=None if main is None else "delegate",
        cwd=cwd,
    )


def _first(entries: Iterable[Any], read: Any) -> str | None:
    """The first text that `read` finds in a line."""
    return next((found for found in map(read, entries) if found and isinstance(found, str)), None)


def _model_of(entry: Any) -> Any:
    message = entry.get("message")
    return message.get("model") if isinstance(message, dict) else None


def _summed_up(key: SessionKey, kept: dict[str, Any], entries: Sequence[Any]) -> dict[str, Any]:
    before: Any = {"session_id": key["session_id"], "mtime": kept["mtime"], "data": kept["summary"]}
    after = fold_session_summary(before if kept["summary"] else None, key, list(entries))
    return cast("dict[str, Any]", after["data"])


# --- a line and a message -------------------------------------------------------------------------


def _message(entry: Any) -> NewMessage:
    """A message that holds a line of a transcript, whole."""
    place, content, rest = _taken_out(entry)
    kept = {"line": rest, "content_at": place}
    columns, kept = exactly("entries", entry, {"role": _role(entry), "content": content}, kept)
    if values.is_external_id(entry.get("uuid")):
        columns["external_id"] = entry["uuid"]
    moment = seconds(entry.get("timestamp"))
    return cast("NewMessage", {**columns, "timestamp": moment, "extra": {_MINE: kept}})


def _taken_out(entry: Any) -> tuple[Sequence[str], Any, Any]:
    """Where the content of a line stands, the content, and the line without it."""
    for place in _TEXT_AT:
        *outer, name = place
        holder = entry.get(outer[0]) if outer else entry
        content = holder.get(name) if isinstance(holder, dict) else None
        if isinstance(content, (str, list, dict)) and content:
            rest = {each: value for each, value in holder.items() if each != name}
            return place, content, {**entry, outer[0]: rest} if outer else rest
    return (), None, entry


def _line(record: MessageRecord) -> dict[str, Any]:
    """The line that a message holds; of a message that came another way, one like it."""
    mine = kept_of(record, _MINE)
    whole = whole_of(mine) or unless_altered(lambda: _line_again(record, mine))
    if isinstance(whole, dict):
        return whole
    said = {"role": record["role"], "content": record["content"]}
    return {"type": record["role"], "message": said}


def _line_again(record: MessageRecord, mine: Any) -> Any:
    """The line that was taken out into `mine` and the content."""
    line = mine["line"]
    if place := mine["content_at"]:
        *outer, name = place
        (line[outer[0]] if outer else line)[name] = record["content"]
    return line


def _role(entry: Any) -> str:
    """Who speaks; what nobody says, such as a summary or a snapshot, is the system's."""
    message = entry.get("message")
    said = message.get("role") if isinstance(message, dict) else None
    given = (each for each in (said, entry.get("type")) if isinstance(each, str))
    return next((each for each in given if each in _ROLES), "system")
