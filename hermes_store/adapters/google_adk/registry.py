"""URIs of the kit's command line: `adk web --session_service_uri=hermes:///srv/state.db`."""

from __future__ import annotations

from typing import Any

from hermes_store.adapters.google_adk.memory import HermesMemoryService
from hermes_store.adapters.google_adk.sessions import HermesSessionService

__all__ = ["register"]


def register(scheme: str = "hermes") -> None:
    """Make the kit's command line know URIs of a scheme, for sessions and for memory.

    Behind `hermes://` stands a path or a URL, as `SessionRepository` takes them; without one it is
    the default path. Call it in `services.py`, in the folder of the agents.
    """
    from google.adk.cli.service_registry import get_service_registry  # noqa: PLC0415 - the command line

    def sessions(uri: str, **_: Any) -> HermesSessionService:
        return HermesSessionService(_place(uri, scheme))

    def memory(uri: str, **_: Any) -> HermesMemoryService:
        return HermesMemoryService(_place(uri, scheme))

    registry = get_service_registry()
    registry.register_session_service(scheme, sessions)
    registry.register_memory_service(scheme, memory)


def _place(uri: str, scheme: str) -> str | None:
    return uri[len(scheme) :].removeprefix("://") or None
