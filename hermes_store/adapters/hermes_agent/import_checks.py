"""Checks of sessions that are imported: a list of what is wrong, and nothing stored."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hermes_store import values
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.errors import InvalidArgumentError

__all__ = ["TEXTS", "Limits", "checked_sessions", "count_of", "number_or"]


class Limits(NamedTuple):
    """The most that one import takes."""

    sessions: int = 500
    messages_per_session: int = 10_000
    messages: int = 50_000
    bytes_per_session: int = 5 * 1024 * 1024
    bytes: int = 25 * 1024 * 1024


TEXTS = (
    "parent_session_id",
    "user_id",
    "model",
    "system_prompt",
    "end_reason",
    "cwd",
    "billing_provider",
    "billing_base_url",
    "billing_mode",
    "cost_status",
    "cost_source",
    "pricing_version",
    "title",
)
"""Texts of a session that are columns of the same name; an empty one is imported as None."""
_SESSION_TEXTS = (*TEXTS, "source", "git_branch", "git_repo_root")
_MESSAGE_TEXTS = (
    "tool_call_id",
    "tool_name",
    "effect_disposition",
    "finish_reason",
    "reasoning",
    "reasoning_content",
    "platform_message_id",
    "message_id",
)


class _RefusedError(ValueError):
    """Why a session is not imported."""


class _Sums:
    """What the sessions so far come to."""

    def __init__(self, most: Limits) -> None:
        self._most = most
        self.ids = set[str]()
        self.messages = 0
        self.bytes = 0

    def count(self, session: Any, session_id: str) -> Row:
        """A session that can be stored. Raises `_RefusedError`."""
        if session_id in self.ids:
            raise _RefusedError("duplicate session id")
        messages = _messages_of(session)
        if len(messages) > self._most.messages_per_session:
            raise _RefusedError("messages exceeds the per-session import limit")
        size = _size(session)
        self.bytes += size
        if size > self._most.bytes_per_session:
            raise _RefusedError("session exceeds the import size limit")
        if self.bytes > self._most.bytes:
            raise _RefusedError("import exceeds the total size limit")
        found = _session(session, session_id, messages)
        self.messages += len(messages)
        if self.messages > self._most.messages:
            raise _RefusedError("messages exceeds the total import limit")
        self.ids.add(session_id)
        return found


def checked_sessions(given: list[Any], limits: Limits) -> tuple[list[Row], list[Row]]:
    """The sessions that can be stored, and what is wrong with the others."""
    so_far = _Sums(limits)
    found: list[Row] = []
    errors: list[Row] = []
    for index, session in enumerate(given):
        session_id = ""
        try:
            session_id = _id(session)
            found.append(so_far.count(session, session_id))
        except _RefusedError as exc:
            named = {"session_id": session_id} if session_id else {}
            errors.append({"index": index, "error": str(exc), **named})
    return found, errors


def number_or(value: Any, otherwise: Any, kind: type = int) -> Any:
    """A number; what is none is `otherwise`."""
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise


def count_of(value: Any) -> int:
    """How many, as the core takes it; nothing for what is no number."""
    return int(min(max(number_or(value, 0), 0), values.GREATEST_COUNT))


def _id(session: Any) -> str:
    if not isinstance(session, dict):
        raise _RefusedError("session must be an object")
    session_id = str(session.get("id") or "").strip()
    if not session_id:
        raise _RefusedError("session id is required")
    try:
        return values.new_session_id("session id", session_id)
    except InvalidArgumentError as exc:
        raise _RefusedError(str(exc)) from None


def _messages_of(session: Row) -> list[Any]:
    messages = session.get("messages") or []
    if not isinstance(messages, list):
        raise _RefusedError("messages must be a list")
    if not all(isinstance(each, dict) for each in messages):
        raise _RefusedError("messages must contain only objects")
    return messages


def _size(session: Row) -> int:
    try:
        return len(json.dumps(session, ensure_ascii=False).encode("utf-8", "replace"))
    except (TypeError, ValueError, RecursionError):
        raise _RefusedError("session must be JSON serializable") from None


def _session(session: Row, session_id: str, messages: list[Any]) -> Row:
    config = session.get("model_config")
    texts = {name: _text(session.get(name), name) for name in _SESSION_TEXTS}
    return {
        **session,
        **texts,
        "id": session_id,
        "model_config": _object(config),
        "messages": [_message(each, number) for number, each in enumerate(messages)],
    }


def _message(message: Row, number: int) -> Row:
    role, tokens = message.get("role"), message.get("token_count")
    if not isinstance(role, str) or not role:
        raise _RefusedError(f"messages[{number}].role must be a non-empty string")
    texts = {name: _text(message.get(name), name) for name in _MESSAGE_TEXTS}
    if tokens is not None and (tokens := number_or(tokens, None)) is None:
        raise _RefusedError("token_count must be an integer")
    return {**message, **texts, "token_count": tokens}


def _text(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _RefusedError(f"{name} must be a string")


def _object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise _RefusedError("model_config must be valid JSON") from None
    if value is None or isinstance(value, dict):
        return value
    raise _RefusedError("model_config must be a JSON object")
