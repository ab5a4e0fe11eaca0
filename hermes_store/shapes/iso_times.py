"""The times that frameworks write as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hermes_store import values

__all__ = ["seconds"]


def seconds(written: Any) -> float | None:
    """The time of ISO 8601 in epoch seconds; one without a zone is of UTC.

    None, which is now, for one that cannot be read, is before 1970 or rounds up to the year 10000.
    """
    try:
        moment = datetime.fromisoformat(written)
        found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found < values.YEAR_10000 else None
