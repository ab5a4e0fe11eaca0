"""What upkeep of the index is handed: how to run a step, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hermes_store.database.connection import OpenConnection

__all__ = ["Progress", "Run"]

Run = Callable[[Callable[[OpenConnection], Any]], Any]
"""Runs an operation in a write transaction of its own, like `Writer.run`."""

Progress = Callable[[int, int], None]
"""Called with how many messages are indexed, and how many there are."""
