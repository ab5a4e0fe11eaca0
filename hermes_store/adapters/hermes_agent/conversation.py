"""Conversations as Hermes resumes them: without its own notes, each prompt of a user once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from operator import itemgetter
from typing import Any

from hermes_store import values
from hermes_store.adapters.hermes_agent.lineage import Lineage
from hermes_store.adapters.hermes_agent.program import cleaner, has_times, repaired
from hermes_store.models.stored import messages
from hermes_store.queries.message_pages import MessagePage
from hermes_store.queries.messages import Form

__all__ = ["Conversations"]

_ASKED_FOR_REVIEW = (
    "Review the conversation above and update the skill library",
    "Review the conversation above and consider saving to memory",
)
"""How the prompts begin that Hermes gives itself; older versions stored them in the session."""
_READ = (
    "role",
    "content",
    "content_format",
    "timestamp",
    "tool_call_id",
    "tool_name",
    "tool_calls",
    "finish_reason",
    "reasoning",
    "reasoning_details",
    "codex_reasoning_items",
    "external_id",
    "extra",
)
_ROWS = Form(tuple(messages.c[name] for name in _READ), list)
_WITH_IDS = Form((*_ROWS.columns, messages.c.id), list)
"""For several sessions, whose messages are put in order."""
_LIVE, _ALL = MessagePage(), MessagePage(include="all")
_ASKING = frozenset({"user", "system"})
_IN_EXTRA = ("api_content", "effect_disposition")

Message = dict[str, Any]
Rows = list[Any]


class Conversations(Lineage):
    """What the model is sent again, and what a user is shown of it."""

    def get_messages_as_conversation(
        self,
        session_id: str,
        include_ancestors: bool = False,
        include_inactive: bool = False,
        repair_alternation: bool = False,
    ) -> list[Message]:
        """Return the messages of a session as Hermes sends them, with those of its ancestors."""
        page = _ALL if include_inactive else _LIVE
        if include_ancestors:
            parts = self._messages_of(self._lineage(session_id), page)
            found = _conversation(_in_order(parts), once=True)
        else:
            found = _conversation(self._tables.messages(session_id, _ROWS, page), once=False)
        return repaired(found, session_id) if repair_alternation else found

    def get_resume_conversations(self, session_id: str) -> tuple[list[Message], list[Message]]:
        """Return what the model is sent of a session, and what the user sees of its whole line."""
        parts = self._messages_of(self._lineage(session_id))
        to_model = repaired(_conversation(_in_order(parts[-1:]), once=False), session_id)
        return to_model, _conversation(_in_order(parts), once=True)

    def get_ancestor_display_prefix(self, session_id: str) -> list[Message]:
        """Return what the user sees of the sessions that a session comes from."""
        parts = self._messages_of(self._lineage(session_id)[:-1])
        return _conversation(_in_order(parts), once=True)

    def _messages_of(self, line: Iterable[str], page: MessagePage = _LIVE) -> list[Rows]:
        """The messages of each of some sessions, as `_WITH_IDS`."""
        return [self._tables.messages(each, _WITH_IDS, page) for each in line]


def _in_order(parts: list[Rows]) -> Rows:
    """The messages of several sessions in the order they were stored, as `_READ`."""
    return [row[:-1] for row in sorted(chain.from_iterable(parts), key=itemgetter(-1))]


def _conversation(rows: Rows, *, once: bool) -> list[Message]:
    found, asked = _sent(rows)
    if once:
        found = _said_once(found)
    return _without_reviews(found) if asked else found


def _sent(rows: Rows) -> tuple[list[Message], bool]:  # noqa: C901 - each test by itself, as below
    """Messages as Hermes holds them while it runs, and whether it asked itself for a review.

    What is empty has no key.
    """
    with_times, cleaned, decode = has_times(), cleaner(), values.decode_json
    found: list[Message] = []
    asked = False
    # Each column by its name and each test by itself: loops would take twice as long.
    for (
        role, content, form, at, call, tool, calls, reason,
        reasoning, details, items, external_id, extra,
    ) in rows:  # fmt: skip
        if form is not None:
            content = decode(content)  # noqa: PLW2901 - the value of the column
        elif content and role != "tool":
            if role == "assistant":
                content = cleaned(content)  # noqa: PLW2901 - as above
            else:
                if role == "user":
                    content = cleaned(content)  # noqa: PLW2901 - as above
                asked = asked or content.lstrip().startswith(_ASKED_FOR_REVIEW)
        message: Message = {"role": role, "content": content}
        if at and with_times:
            message["timestamp"] = at
        if call:
            message["tool_call_id"] = call
        if tool:
            message["tool_name"] = tool
        if calls and (made := decode(calls)):
            message["tool_calls"] = made
        if reason and role == "assistant":
            message["finish_reason"] = reason
        if reasoning or details or items or external_id or extra:
            _add_beside(message, reasoning, details, items, external_id, extra)
        found.append(message)
    return found, asked


def _add_beside(
    message: Message, reasoning: Any, details: Any, items: Any, external_id: Any, extra: Any
) -> None:
    """Add what few messages have."""
    if message["role"] == "assistant":
        if reasoning:
            message["reasoning"] = reasoning
        for name, value in (("reasoning_details", details), ("codex_reasoning_items", items)):
            if value is not None and (decoded := values.decode_json(value)):
                message[name] = decoded
    if external_id:
        message["message_id"] = external_id
    if extra:
        message |= _beside(message["role"], values.decode_json(extra))


def _beside(role: str, extra: Mapping[str, Any]) -> Message:
    """What the message holds besides the columns, and Hermes reads again."""
    found = {name: extra[name] for name in _IN_EXTRA if extra.get(name)}
    if name := extra.get("platform_message_id"):
        found["message_id"] = name
    if extra.get("observed"):
        found["observed"] = True
    if role == "assistant":
        if extra.get("reasoning_content") is not None:
            found["reasoning_content"] = extra["reasoning_content"]
        if extra.get("codex_message_items"):
            found["codex_message_items"] = extra["codex_message_items"]
    return found


def _said_once(messages: list[Message]) -> list[Message]:
    found: list[Message] = []
    for message in messages:
        if not _is_said_again(found, message):
            found.append(message)
    return found


def _is_said_again(before: list[Message], message: Message) -> bool:
    """Whether the user's last prompts hold this one: a continuation stores it once more."""
    content = message["content"]
    if message["role"] != "user" or not isinstance(content, str) or not content:
        return False
    for each in reversed(before):
        if each["role"] == "user" and each["content"] == content:
            return True
        if each["role"] == "assistant" and (each["content"] or each.get("tool_calls")):
            return False
    return False


def _without_reviews(found: list[Message]) -> list[Message]:
    """Leave out what Hermes asked itself after a conversation, and the answer to it."""
    asked = [
        place
        for place, message in enumerate(found)
        if message["role"] in _ASKING and _asks_for_review(message["content"])
    ]
    after = (n + 1 for n in asked if n + 1 < len(found) and found[n + 1]["role"] == "assistant")
    left_out = {*asked, *after}
    return [message for place, message in enumerate(found) if place not in left_out]


def _asks_for_review(content: Any) -> bool:
    return isinstance(content, str) and content.lstrip().startswith(_ASKED_FOR_REVIEW)
