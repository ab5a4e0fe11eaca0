"""Conversations as Hermes resumes them: without its own notes, each prompt of a user once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from hermes_store.adapters.hermes_agent.lineage import Lineage
from hermes_store.adapters.hermes_agent.program import has_times, repaired, without_memory

__all__ = ["Conversations"]

_ASKED_FOR_REVIEW = (
    "Review the conversation above and update the skill library",
    "Review the conversation above and consider saving to memory",
)
"""How the prompts begin that Hermes gives itself; older versions stored them in the session."""
_FACTS = ("tool_call_id", "tool_name", "tool_calls")
_OF_ASSISTANT = ("finish_reason", "reasoning", "reasoning_details", "codex_reasoning_items")
_IN_EXTRA = ("api_content", "effect_disposition")

Message = dict[str, Any]


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
        line = self._lineage(session_id) if include_ancestors else [session_id]
        records = self._records(line, include_inactive=include_inactive)
        found = _conversation(records, once=include_ancestors)
        return repaired(found, session_id) if repair_alternation else found

    def get_resume_conversations(self, session_id: str) -> tuple[list[Message], list[Message]]:
        """Return what the model is sent of a session, and what the user sees of its whole line."""
        records = self._records(self._lineage(session_id))
        of_tip = [each for each in records if each["session_id"] == session_id]
        to_model = repaired(_conversation(of_tip, once=False), session_id)
        return to_model, _conversation(records, once=True)

    def get_ancestor_display_prefix(self, session_id: str) -> list[Message]:
        """Return what the user sees of the sessions that a session comes from."""
        return _conversation(self._records(self._lineage(session_id)[:-1]), once=True)

    def _records(self, line: Iterable[str], *, include_inactive: bool = False) -> list[Any]:
        """Messages of some sessions in the order they were stored."""
        include: Any = "all" if include_inactive else "live"
        found = [m for each in line for m in self._repo.get_messages(each, include=include)]
        return sorted(found, key=itemgetter("id"))


def _conversation(records: Iterable[Any], *, once: bool) -> list[Message]:
    facts = ("timestamp", *_FACTS) if has_times() else _FACTS
    found: list[Message] = []
    for record in records:
        message = _sent(record, facts)
        if not (once and _is_said_again(found, message)):
            found.append(message)
    return _without_reviews(found)


def _sent(record: Mapping[str, Any], facts: tuple[str, ...]) -> Message:
    """A message as Hermes holds it while it runs: what is empty has no key."""
    role, content = record["role"], record["content"]
    if content.__class__ is str and (role == "user" or role == "assistant"):  # noqa: PLR1714 - faster
        content = without_memory(content).strip()
    message: Message = {"role": role, "content": content}
    for name in facts:
        if value := record[name]:
            message[name] = value
    if role == "assistant":
        for name in _OF_ASSISTANT:
            if value := record[name]:
                message[name] = value
    if record["external_id"]:
        message["message_id"] = record["external_id"]
    if record["extra"]:
        message |= _beside(role, record["extra"])
    return message


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
    left: list[Message] = []
    asked = False
    for message in found:
        is_answer, asked = asked and message["role"] == "assistant", _asks_for_review(message)
        if not (asked or is_answer):
            left.append(message)
    return left


def _asks_for_review(message: Message) -> bool:
    content = message["content"]
    asks = message["role"] in {"user", "system"} and isinstance(content, str)
    return asks and content.lstrip().startswith(_ASKED_FOR_REVIEW)
