"""A session of another program in the form that an import takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from hermes_store.queries.periods import SECONDS_AN_HOUR
from hermes_store.queries.usage_records import TOKENS
from hermes_store.transfer.importers.log_fields import count_of, id_of, made_id, text_of, time_of

__all__ = ["Messages", "Session", "Usage", "session"]

Session = dict[str, Any]
Message = dict[str, Any]


class Messages:
    """The messages of a session, read anew each time: each has a time and an id of its own.

    A message without a time has that of the message before it. One without an id has its place.
    Of messages with one id the later ones are left out, or get another id if they say other things.
    """

    def __init__(self, read: Callable[[], Iterable[Message]], started: float | None) -> None:
        self._read = read
        self._started = started

    def __iter__(self) -> Iterator[Message]:
        time, seen = self._started, dict[str, bytes]()
        for place, given in enumerate(self._read()):
            time = time_of(given.get("timestamp")) or time
            own_id = id_of(given.get("external_id")) or str(place)
            written = _digest(given)
            if seen.get(own_id, written) != written:
                own_id = made_id(own_id[:100], written.hex())
            if own_id not in seen:
                seen[own_id] = written
                yield {**given, "timestamp": time, "external_id": own_id}


def _digest(message: Message) -> bytes:
    return blake2b(repr(message).encode("utf-8", "replace"), digest_size=16).digest()


class Usage:
    """What the calls of a session used, summed up by hour and model."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], dict[str, Any]] = {}

    def add(self, at: float | None, model: str | None, **tokens: Any) -> None:
        """Count one call; tokens that are not known are 0."""
        moment, name = at or 0.0, (model or "")[:_LONGEST_MODEL]
        row = self._rows.setdefault(
            (int(moment // SECONDS_AN_HOUR), name),
            {"model": name, "calls": 0, "first_at": moment, "last_at": moment},
        )
        row["calls"] += 1
        row["first_at"], row["last_at"] = min(row["first_at"], moment), max(row["last_at"], moment)
        for kind, number in tokens.items():
            row[kind] = row.get(kind, 0) + count_of(number)

    def columns(self) -> dict[str, Any]:
        """The sums of a session, and its records of usage."""
        rows = [{"hour": hour, **row} for (hour, _), row in self._rows.items()]
        sums = {kind: sum(row.get(kind, 0) for row in rows) for kind in TOKENS}
        calls = sum(row["calls"] for row in rows)
        return {**sums, "api_call_count": calls, "usage": rows} if rows else {}


_LONGEST_MODEL = 400


def session(
    source: str,
    own_id: str,
    read: Callable[[], Iterable[Message]],
    *,
    started: float | None,
    ended: float | None,
    title: Any = None,
    extra: Mapping[str, Any] | None = None,
    **columns: Any,
) -> Session:
    """A session that ended with its last message; what has no column stands in `extra`."""
    begun = started or 0.0
    return {
        "id": own_id,
        "source": source,
        "title": text_of(title),
        "started_at": begun,
        "ended_at": max(ended or begun, begun),
        "end_reason": "imported",
        "extra": {source: dict(extra)} if extra else None,
        "messages": Messages(read, begun),
        **columns,
    }
