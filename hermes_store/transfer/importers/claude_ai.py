"""The export of Claude.ai: `conversations.json`, and the zip that holds it.

Anthropic does not document the format. What is read here, an array of conversations with
`chat_messages`, is as Sinity/polylogue (docs/providers/claude-ai.md) and
withLinda/claude-conversation-exporter describe it; newer exports name the parent of each message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hermes_store.transfer.importers import anthropic_blocks
from hermes_store.transfer.importers.log_fields import (
    id_of,
    list_of,
    made_id,
    object_of,
    rest_of,
    text_of,
    time_of,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session
from hermes_store.transfer.importers.log_trees import Branch, branches, session_of

__all__ = ["looks", "read"]

_SOURCE = "claude-ai"
_ROLES = {"human": "user"}
_OF_SESSION = frozenset({"uuid", "name", "created_at", "chat_messages", "model", "is_starred"})
_OF_MESSAGE = frozenset(
    {"uuid", "sender", "created_at", "content", "text", "attachments", "files", "stop_reason"}
)


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is a conversation."""
    return isinstance(value.get("chat_messages"), list)


def read(reading: Reading) -> Iterator[Session]:
    """The conversations of a file; each branch of one is a session."""
    for _, value in reading.records():
        if looks(value):
            yield from _sessions(value, reading)
        else:
            reading.bad("not a conversation: it has no list 'chat_messages'")


def _sessions(value: dict[str, Any], reading: Reading) -> Iterator[Session]:
    own_id = id_of(value.get("uuid")) or made_id(_SOURCE, value)
    said = _by_id(value["chat_messages"])
    parents = _parents(said)
    current = text_of(value.get("current_leaf_message_uuid")) or next(reversed(said), None)
    found = branches(own_id, parents, current, reading.known(own_id))
    for branch in found or [Branch(own_id, None, None, [])]:
        yield _session(value, branch, said)


def _by_id(messages: list[Any]) -> dict[str, dict[str, Any]]:
    """The messages by their ids; one without, or with that of another, by its place."""
    said: dict[str, dict[str, Any]] = {}
    for place, each in enumerate(map(object_of, messages)):
        own_id = id_of(each.get("uuid")) or str(place)
        if each:
            said[own_id if said.get(own_id, each) == each else f"{own_id[:100]}/{place}"] = each
    return said


def _parents(said: dict[str, Any]) -> dict[str, str | None]:
    """What each message answers: what it says, or in older exports the message before it."""
    if any("parent_message_uuid" in each for each in said.values()):
        return {key: text_of(each.get("parent_message_uuid")) for key, each in said.items()}
    return dict(zip(said, [None, *said], strict=False))


def _session(value: dict[str, Any], branch: Branch, said: dict[str, Any]) -> Session:
    tools: dict[str, str] = {}
    messages = [
        each for key in branch.nodes for each in _messages(key, object_of(said[key]), tools)
    ]
    return session_of(
        _SOURCE,
        branch,
        messages,
        title=value.get("name"),
        created=time_of(value.get("created_at")),
        extra=rest_of(value, _OF_SESSION),
        model=text_of(value.get("model")),
        pinned=value.get("is_starred") is True,
    )


def _messages(key: str, message: dict[str, Any], tools: dict[str, str]) -> Iterator[Message]:
    """One for each turn of a message: what it says, and what its tools gave back."""
    sender = text_of(message.get("sender")) or "user"
    content = message.get("content") or message.get("text")
    if files := _files(message):
        said = content if isinstance(content, list) else [{"type": "text", "text": content}]
        content = [*(each for each in said if each != {"type": "text", "text": ""}), *files]
    found = anthropic_blocks.messages_of(_ROLES.get(sender, sender), content, tools)
    for place, (columns, blocks) in enumerate(found):
        rest = rest_of(message, _OF_MESSAGE) if place == 0 else {}
        extra = {**rest, **({"blocks": blocks} if blocks else {})}
        yield {
            **columns,
            "external_id": key if place == 0 else f"{key}/{place}",
            "timestamp": time_of(message.get("created_at")),
            "finish_reason": text_of(message.get("stop_reason")),
            "extra": {_SOURCE: extra} if extra else None,
        }


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What was attached: texts that were taken out of it are found by a search."""
    attached = [
        {
            "type": "document",
            "text": text_of(each.get("extracted_content")) or "",
            **rest_of(each, {"extracted_content", "type", "text"}),
        }
        for each in map(object_of, list_of(message.get("attachments")))
        if each
    ]
    files = map(object_of, list_of(message.get("files")))
    return [*attached, *({**each, "type": "file"} for each in files if each)]
