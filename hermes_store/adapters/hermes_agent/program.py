"""The program that runs this class: what it does with stored text, and which version it is.

Without the program nothing is done with the text, and the version is the newest that is known.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["cleaner", "has_times", "repaired", "schema_version", "tell_failure"]

_log = logging.getLogger(__name__)
_NEWEST = 22
_WITH_TIMES = 16
"""The first schema whose program takes the time of each message in a conversation."""


@cache
def _of_program(module: str, name: str) -> Any:
    """A function of the program that runs this class; None outside of it."""
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def cleaner() -> Callable[[str], str]:
    """What takes out of a text what Hermes' memory put into it for the model, and outer blanks."""
    clean = _of_program("agent.memory_manager", "sanitize_context")
    return str.strip if clean is None else lambda text: str(clean(text)).strip()


def repaired(messages: list[dict[str, Any]], session_id: str) -> list[dict[str, Any]]:
    """Messages in which user and assistant take turns, as providers ask; the same list."""
    repair = _of_program("agent.agent_runtime_helpers", "repair_message_sequence")
    changes = repair(None, messages) if repair and messages else 0
    if changes:
        _log.info(
            "%d messages of session %s do not take turns; stored they stay", changes, session_id
        )
    return messages


def schema_version() -> int:
    """The schema that the program's own class writes."""
    version = getattr(sys.modules.get("hermes_state"), "SCHEMA_VERSION", _NEWEST)
    return int(version)


def has_times() -> bool:
    """Whether the program takes the times of messages."""
    return schema_version() >= _WITH_TIMES


def tell_failure(error: Exception) -> None:
    """Let the program say why its sessions cannot be used."""
    module = sys.modules.get("hermes_state")
    if hasattr(module, "_last_init_error"):
        module._last_init_error = f"{type(error).__name__}: {error}"  # type: ignore[union-attr]  # noqa: SLF001 - what it reads
