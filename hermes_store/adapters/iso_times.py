"""The times that frameworks write as text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

__all__ = ["seconds"]


def seconds(written: Any) -> float | None:
    """The time of ISO 8601 in epoch seconds; None, which is now, for one that cannot be read."""
    try:
        moment = datetime.fromisoformat(written).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment >= 0 else None
