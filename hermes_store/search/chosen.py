"""The sessions whose messages are searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

from hermes_store.database.connection import OpenConnection

__all__ = ["Choosing", "ChosenSessions"]


class ChosenSessions(NamedTuple):
    """A condition on `m.session_id`, and its parameters.

    A statement is kept by the condition, so equal ones must be one object.
    """

    condition: ColumnElement[bool]
    parameters: dict[str, Any]


Choosing = Callable[[OpenConnection, Sequence[int] | None], ChosenSessions]
"""Finds out which sessions are searched; given ids, only of the sessions of these messages."""
