"""The session and memory services of Google's Agent Development Kit. Needs the extra `google-adk`.

A session of the kit is a session, each event a message. Events come back equal: what a message has
no column for stands in its `extra`. State that sessions share stands in the store's `meta`.
"""

from hermes_store.adapters.google_adk.memory import HermesMemoryService
from hermes_store.adapters.google_adk.registry import register
from hermes_store.adapters.google_adk.sessions import HermesSessionService

__all__ = ["HermesMemoryService", "HermesSessionService", "register"]
