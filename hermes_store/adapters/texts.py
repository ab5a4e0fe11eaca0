"""Texts that not every database gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["comes_back"]


def comes_back(columns: Mapping[str, Any]) -> bool:
    """Whether every database gives the texts of a message back: PostgreSQL keeps no NUL in one.

    JSON keeps it, so that an adapter stores such an item whole in `extra`, beside its text.
    """
    return not any(isinstance(each, str) and "\0" in each for each in columns.values())
