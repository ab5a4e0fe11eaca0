"""What an adapter keeps in `extra`, read where others may have altered it.

A store is open to other programs, to its command and to SQL. A message of which the shape that was
kept no longer fits is read as one that another program stored. What a framework refuses, and cannot
be read so, is an error that names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from hermes_store.errors import HermesStoreError
from hermes_store.records import MessageRecord, SessionRecord

__all__ = [
    "AlteredError",
    "checked",
    "extra_of",
    "kept_of",
    "likely_kept_of",
    "place_of",
    "unless_altered",
]

R = TypeVar("R")
_UNFIT = (AttributeError, LookupError, StopIteration, TypeError, ValueError)
"""What taking apart data of another form raises; pydantic's `ValidationError` is the last one."""


class AlteredError(HermesStoreError):
    """What an adapter stored was altered by another program, and cannot be read; the rest can."""

    def __init__(self, place: str, problem: str) -> None:
        self.place = place
        """Which message of which session, which session, or which key of `meta`."""
        self.problem = problem
        super().__init__(
            f"{place} cannot be read ({problem}): another program altered it, or a newer "
            "version of the framework wrote it; put back what was there, restore a backup, or "
            "delete it"
        )


def place_of(record: MessageRecord | SessionRecord) -> str:
    """A message or a session, as an error names it."""
    session_id = record.get("session_id")
    if session_id is None:
        return f"session {record['id']!r}"
    return f"message {record['id']} of session {session_id!r}"


def extra_of(record: MessageRecord | SessionRecord) -> dict[str, Any]:
    """The `extra` of a message or a session; empty when there is none, or it is no object."""
    extra: Any = record["extra"]
    return extra if isinstance(extra, dict) else {}


def kept_of(record: MessageRecord | SessionRecord, mine: str) -> Any:
    """What stands there under the key of an adapter, of whatever type; None when nothing does."""
    return extra_of(record).get(mine)


def likely_kept_of(
    record: MessageRecord | SessionRecord, mine: str, likely: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that stand there, and what is `likely` in place of those of another type."""
    kept = kept_of(record, mine)
    found = kept if isinstance(kept, dict) else {}
    return {
        **likely,
        **{
            name: value
            for name, value in found.items()
            if name not in likely or _is_alike(value, likely[name])
        },
    }


def _is_alike(value: Any, likely: Any) -> bool:
    wanted = (int, float) if isinstance(likely, float) else type(likely)
    return isinstance(value, wanted) and isinstance(value, bool) == isinstance(likely, bool)


def unless_altered(read: Callable[[], R]) -> R | None:
    """What `read` makes of stored data; None when they have another form."""
    try:
        return read()
    except _UNFIT:
        return None


def checked(place: str, read: Callable[[], R]) -> R:
    """What `read` makes of stored data. Raises `AlteredError` when they have another form."""
    try:
        return read()
    except _UNFIT as exc:
        [problem, *_] = str(exc).splitlines() or [""]
        raise AlteredError(place, f"{type(exc).__name__}: {problem}") from exc
