"""The session repository of Strands Agents. Needs the extra `strands-agents`.

The conversation of an agent is a session, each message of it a message. What Strands keeps of a
session as a whole, and of several agents that work together, stands in the store's `meta`.
"""

from hermes_store.adapters.strands.repository import HermesSessionRepository

__all__ = ["HermesSessionRepository"]
