"""The sessions of the OpenAI Agents SDK. Needs the extra `openai-agents`.

A session of the SDK is a session, each item a message. Items come back equal: what a message has no
column for stands in its `extra`.
"""

from hermes_store.adapters.openai_agents.session import HermesSession, SessionClosedError

__all__ = ["HermesSession", "SessionClosedError"]
