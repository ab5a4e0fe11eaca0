"""The managed data layer for AI-agent conversations: sessions, messages and search.

A name is imported when it is first used: the command's `--help`, a completion and Ctrl-C do not
wait for SQLAlchemy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hermes_store import errors
    from hermes_store.repository import SessionRepository, Transaction
    from hermes_store.settings import Settings

__all__ = ["SessionRepository", "Settings", "Transaction", "errors"]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("hermes_store.errors")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "settings" if name == "Settings" else "repository"
    value = globals()[name] = getattr(import_module(f"hermes_store.{module}"), name)
    return value
