"""The export of ChatGPT: `conversations.json`, the parts of it, and the zip that holds them.

OpenAI does not document the format. What is read here: an array of conversations, each a `mapping`
of nodes with `parent` and `message`, as the field references of Sinity/polylogue
(docs/providers/chatgpt.md), whychose.com/seo/chatgpt-conversations-json-format and
difegam.github.io/chatgpt-to-markdown/reference/data-models describe it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hermes_store.transfer.importers.log_fields import (
    id_of,
    joined,
    list_of,
    made_id,
    object_of,
    rest_of,
    text_of,
    time_of,
    tool_call,
)
from hermes_store.transfer.importers.log_reading import Reading
from hermes_store.transfer.importers.log_sessions import Message, Session
from hermes_store.transfer.importers.log_trees import Branch, begin, branches, session_of

__all__ = ["looks", "read"]

_SOURCE = "chatgpt"
_TEXTS = ("text", "result", "content", "model_set_context", "user_profile")
"""Where kinds of content that are not lists of parts have what is read."""
_OF_SESSION = frozenset({"mapping", "id", "conversation_id", "title", "create_time"})


def looks(value: dict[str, Any]) -> bool:
    """Whether a record is a conversation."""
    return isinstance(value.get("mapping"), dict)


def read(reading: Reading) -> Iterator[Session]:
    """The conversations of a file; each branch of one is a session."""
    for _, value in reading.records():
        if looks(value):
            yield from _sessions(value, reading)
        else:
            reading.bad("not a conversation: it has no object 'mapping'")


def _sessions(value: dict[str, Any], reading: Reading) -> Iterator[Session]:
    own_id = id_of(value.get("conversation_id")) or id_of(value.get("id"))
    own_id = own_id or made_id(_SOURCE, value)
    nodes = {key: object_of(node) for key, node in value["mapping"].items()}
    said = {key: node["message"] for key, node in nodes.items() if _says_something(node)}
    parents = {key: _ancestor(key, nodes, said) for key in said}
    current = text_of(value.get("current_node"))
    if current is not None and current not in said and current in nodes:
        current = _ancestor(current, nodes, said)
    found = branches(own_id, parents, current, reading.known(own_id))
    for branch in found or [Branch(own_id, None, None, [])]:
        yield _session(value, branch, said, parents)


def _says_something(node: dict[str, Any]) -> bool:
    """Whether a node has a message, and not just the empty one that begins conversations."""
    message = object_of(node.get("message"))
    if not message:
        return False
    return bool(_content(message)) or object_of(message.get("author")).get("role") != "system"


def _ancestor(key: str, nodes: Mapping[str, dict[str, Any]], said: Mapping[str, Any]) -> str | None:
    """The nearest node above that says something."""
    seen = {key}
    parent = nodes[key].get("parent")
    while isinstance(parent, str) and parent in nodes and parent not in seen:
        if parent in said:
            return parent
        seen.add(parent)
        parent = nodes[parent].get("parent")
    return None


def _session(
    value: dict[str, Any],
    branch: Branch,
    said: dict[str, Any],
    parents: Mapping[str, str | None],
) -> Session:
    messages = [_message(key, said, parents.get(key)) for key in branch.nodes]
    created = time_of(value.get("create_time"))
    changed = time_of(value.get("update_time")) or begin(branch, messages, created)
    return session_of(
        _SOURCE,
        branch,
        messages,
        title=value.get("title"),
        created=created,
        extra=rest_of(value, _OF_SESSION),
        model=_model(value, messages),
        system_prompt=_instructions(said[key] for key in branch.nodes),
        archived=changed if value.get("is_archived") is True else None,
        pinned=value.get("is_starred") is True,
    )


def _model(value: dict[str, Any], messages: list[Message]) -> str | None:
    """The model that answered last."""
    kept = (object_of(each["extra"][_SOURCE].get("metadata")) for each in reversed(messages))
    slugs = (text_of(each.get("model_slug")) for each in kept)
    return next(filter(None, slugs), None) or text_of(value.get("default_model_slug"))


def _instructions(messages: Iterator[dict[str, Any]]) -> str | None:
    """The system prompt: what the user told the model about itself and about the answers."""
    for message in messages:
        content = object_of(message.get("content"))
        told = object_of(object_of(message.get("metadata")).get("user_context_message_data"))
        custom = joined(
            [*told.values()] or [content.get("user_profile"), content.get("user_instructions")]
        )
        is_system = object_of(message.get("author")).get("role") == "system"
        plain = _content(message) if is_system else None
        if found := custom or text_of(plain):
            return found
    return None


# --- a node and a message -------------------------------------------------------------------------


def _message(key: str, said: dict[str, Any], parent: str | None) -> Message:
    message = said[key]
    author = object_of(message.get("author"))
    role = text_of(author.get("role")) or "assistant"
    finish = object_of(object_of(message.get("metadata")).get("finish_details"))
    taken = {"id", "author", "create_time"}
    columns: Message = {
        "role": role,
        "external_id": key,
        "timestamp": time_of(message.get("create_time")),
        "finish_reason": text_of(finish.get("type")),
        **_said(key, message, role),
    }
    if role == "tool":
        columns["tool_name"] = text_of(author.get("name"))
        columns["tool_call_id"] = parent if _is_call(said.get(parent or "")) else None
    if columns.get("content") is not None or columns.get("tool_calls"):
        taken.add("content")
    rest = rest_of(message, taken)
    if any(rest_of(author, {"role"}).values()):
        rest["author"] = author
    if message.get("id") != key and message.get("id") is not None:
        rest["id"] = message["id"]
    if kept := _rest_of_content(message):
        rest["content"] = kept
    return {**columns, "extra": {_SOURCE: rest}}


def _said(key: str, message: dict[str, Any], role: str) -> Message:
    """What a message says, in columns: text, thoughts, or the call of a tool."""
    content, kind = _content(message), _kind(message)
    if kind == "thoughts":
        thoughts = list_of(object_of(message.get("content")).get("thoughts"))
        said = (each.get("content") or each.get("summary") for each in map(object_of, thoughts))
        return {"reasoning": joined(said), "reasoning_details": thoughts or None}
    if kind == "reasoning_recap":
        return {"reasoning": text_of(content)}
    if role == "assistant" and _is_call(message) and isinstance(content, str):
        return {"tool_calls": [tool_call(key, message["recipient"], content)]}
    return {"content": content}


def _is_call(message: Any) -> bool:
    """Whether a message of the assistant goes to a tool."""
    recipient = object_of(message).get("recipient")
    return text_of(recipient) is not None and recipient != "all"


def _kind(message: dict[str, Any]) -> Any:
    return object_of(message.get("content")).get("content_type")


def _content(message: dict[str, Any]) -> Any:
    """The text of a message, or its parts; None for nothing."""
    content = message.get("content")
    if not isinstance(content, dict):
        return text_of(content)
    parts = content.get("parts")
    if not isinstance(parts, list):
        return next((found for name in _TEXTS if (found := text_of(content.get(name)))), None)
    made = [_part(each) for each in parts if each is not None and each != ""]
    if all(each.keys() == {"type", "text"} for each in made) and len(made) < 2:  # noqa: PLR2004 - one text is a text
        return made[0]["text"] if made else None
    return made


def _part(part: Any) -> dict[str, Any]:
    """A part as providers write it; an image keeps the name of its file in the export."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return {"type": "other", "value": part}
    kind = text_of(part.get("content_type")) or "other"
    if kind == "image_asset_pointer" and text_of(part.get("asset_pointer")):
        return {**part, "type": "image_url", "image_url": {"url": part["asset_pointer"]}}
    return {**part, "type": kind}


def _rest_of_content(message: dict[str, Any]) -> dict[str, Any]:
    """What the columns do not hold of a content that has more than parts."""
    content = object_of(message.get("content"))
    taken = {"parts"} if isinstance(content.get("parts"), list) else set[str]()
    text = _content(message)
    taken |= {name for name in _TEXTS if content.get(name) is text and text is not None}
    if content.get("content_type") in ("text", "multimodal_text"):
        taken.add("content_type")
    if content.get("content_type") == "thoughts":
        taken.add("thoughts")
    return rest_of(content, taken)
