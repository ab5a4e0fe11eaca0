"""A repair of something beside the messages, so that its fault costs no message."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hermes_store.database.connection import OpenConnection

__all__ = ["Repair"]


class Repair(NamedTuple):
    """What to do when an operation fails for a reason that must not cost the operation.

    When the operation fails after the repair, too, the reason was another: the repair is undone.
    """

    applies: Callable[[BaseException], bool]
    apply: Callable[[OpenConnection, BaseException], None]
