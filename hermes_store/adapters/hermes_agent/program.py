"""What Hermes itself does with text that was stored; without the program nothing is done."""

from __future__ import annotations

import logging
from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["repaired", "without_memory"]

_log = logging.getLogger(__name__)


@cache
def _of_program(module: str, name: str) -> Any:
    """A function of the program that runs this class; None outside of it."""
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def without_memory(text: str) -> str:
    """A text without what Hermes' memory put into it for the model."""
    clean = _of_program("agent.memory_manager", "sanitize_context")
    return str(clean(text)) if clean else text


def repaired(messages: list[dict[str, Any]], session_id: str) -> list[dict[str, Any]]:
    """Messages in which user and assistant take turns, as providers ask; the same list."""
    repair = _of_program("agent.agent_runtime_helpers", "repair_message_sequence")
    changes = repair(None, messages) if repair and messages else 0
    if changes:
        _log.info("%d messages of session %s do not take turns; stored they stay", changes, session_id)
    return messages
