"""Work that is right on the newest schema only: another process may have changed it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import UpgradeRequiredError
from hermes_store.schema.revisions import HEAD
from hermes_store.schema.state import look

__all__ = ["alone_at_head", "at_head"]

R = TypeVar("R")


def at_head(connection: OpenConnection, function: Callable[[OpenConnection], R]) -> R:
    """Return `function(connection)`.

    Raises `UpgradeRequiredError` when the transaction sees an older revision, else as `look`.
    """
    state = look(connection.core)
    if not state.is_current:
        raise UpgradeRequiredError(str(state), HEAD)
    return function(connection)


def alone_at_head(connection: OpenConnection, function: Callable[[OpenConnection], R]) -> R:
    """The same, while no other process changes the schema, until the transaction ends."""
    connection.backend.lock_schema(connection.core)
    return at_head(connection, function)
