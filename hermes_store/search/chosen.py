"""The sessions whose messages are searched."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement

__all__ = ["ChosenSessions"]


class ChosenSessions(NamedTuple):
    """A condition on `m.session_id`, and its parameters.

    A statement is kept by the condition, so equal ones must be one object.
    """

    condition: ColumnElement[bool]
    parameters: dict[str, Any]
