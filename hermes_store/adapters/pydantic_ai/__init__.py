"""The conversation store of Pydantic AI. Needs the extra `pydantic-ai-slim`.

A conversation is a session, an entry of its log a message. Forks share entries, so an entry stays
as long as any conversation reaches it.
"""

from hermes_store.adapters.pydantic_ai.store import HermesConversationStore

__all__ = ["HermesConversationStore"]
