"""The repository that agent code opens, and the transaction it can give."""

from hermes_store.api.repository import SessionRepository, Transaction

__all__ = ["SessionRepository", "Transaction"]
