"""What Strands stores, as dicts of JSON, in columns and `extra`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from hermes_store import values
from hermes_store.adapters.strands.content_blocks import columns_of, message_of
from hermes_store.errors import InvalidArgumentError
from hermes_store.records import MessageRecord, NewMessage
from hermes_store.shapes.exact import dumped, exactly, whole_of
from hermes_store.shapes.iso_times import seconds
from hermes_store.shapes.kept import AlteredError, extra_of, kept_of, unless_altered

if TYPE_CHECKING:
    from strands.types.session import Session, SessionAgent, SessionMessage

    from hermes_store.repository import SessionRepository, Transaction

__all__ = [
    "MINE",
    "all_fields",
    "created",
    "data_of",
    "dict_of",
    "found",
    "numbered",
    "packed",
    "row_of",
    "state_of",
    "unpacked",
]

MINE = "strands_agents"
"""The key in `extra` of messages and sessions."""
_AT_ONCE = 50
_FIELDS = ("role", "content", "tool_calls", "tool_call_id", "reasoning", "timestamp", "extra")


def dict_of(argument: str, given: Session | SessionAgent | SessionMessage) -> dict[str, Any]:
    """What Strands writes of its own object. Raises `NotJsonError`."""
    return cast("dict[str, Any]", dumped(argument, given.to_dict))


def packed(argument: str, data: Any) -> dict[str, Any]:
    """Data as the store keeps it exactly. Raises `NotJsonError`."""
    return exactly(argument, data, {}, {"data": data})[1]


def unpacked(kept: Any) -> dict[str, Any]:
    """What was packed; empty when it is no object any more."""
    data = whole_of(kept) or unless_altered(lambda: kept["data"])
    return data if isinstance(data, dict) else {}


def state_of(key: str, kept: Any) -> dict[str, Any]:
    """What was packed under a key of `meta`. Raises `AlteredError` when it is no object."""
    if not (data := unpacked(kept)) and kept != packed("multi_agent", {}):
        raise AlteredError(f"the value of {key!r} in meta", "it is no state of a multi-agent")
    return data


def created(before: dict[str, Any]) -> dict[str, Any]:
    """What an update leaves as it was."""
    return {"created_at": before["created_at"]} if "created_at" in before else {}


# --- messages -------------------------------------------------------------------------------------


def row_of(data: dict[str, Any]) -> NewMessage:
    """The message that holds a `SessionMessage`: what is read of it stands in the columns.

    Raises `InvalidArgumentError`.
    """
    number, redacted = data["message_id"], data["redact_message"]
    if not isinstance(number, int) or isinstance(number, bool):
        problem = f"{values.shown(number)} is not a whole number"
        raise InvalidArgumentError("message_id", problem, "count the messages of an agent")
    columns, kept = columns_of(data["message"] if redacted is None else redacted)
    if redacted is not None:
        kept["original"] = data["message"]
    times = {name: data[name] for name in ("created_at", "updated_at")}
    columns, kept = exactly("session_message", data, columns, {**kept, **times})
    return cast(
        "NewMessage",
        {
            **columns,
            "external_id": str(number),
            "timestamp": seconds(data["created_at"]),
            "extra": {MINE: kept},
        },
    )


def all_fields(row: NewMessage) -> dict[str, Any]:
    """The fields that replace a message: those that the row lacks become empty."""
    fields = {**dict.fromkeys(_FIELDS), **row}
    return {name: value for name, value in fields.items() if name != "external_id"}


def data_of(record: MessageRecord, number: int) -> dict[str, Any]:
    """The `SessionMessage` that a message holds; of one that came another way, one like it."""
    kept = kept_of(record, MINE)
    whole = whole_of(kept)
    if isinstance(whole, dict) and "message" in whole:
        return {**whole, "message_id": number}
    return unless_altered(lambda: _data(record, number, kept)) or _data(record, number, {})


def _data(record: MessageRecord, number: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The same, of what is kept beside the columns."""
    shown = message_of(record, kept)
    is_redacted = "original" in kept
    data = {
        "message": kept["original"] if is_redacted else shown,
        "message_id": number,
        "redact_message": shown if is_redacted else None,
    }
    return {**data, **{name: kept[name] for name in ("created_at", "updated_at") if name in kept}}


def numbered(records: Iterable[MessageRecord]) -> list[tuple[MessageRecord, dict[str, Any]]]:
    """Messages and their data by ascending `message_id`.

    One that another program numbered stays behind the message that it was stored behind, and is
    counted on from there.
    """
    place, last = -1, -1
    placed = []
    for record in records:
        own = _own_number(record)
        place = place if own is None else own
        data = data_of(record, last + 1 if own is None else own)
        last = data["message_id"]
        placed.append((place, record, data))
    return [(record, data) for _, record, data in sorted(placed, key=itemgetter(0))]


def _own_number(record: MessageRecord) -> int | None:
    try:
        return int(record["external_id"] or 0) if MINE in extra_of(record) else None
    except ValueError:
        return None


def found(
    door: SessionRepository | Transaction, session_id: str, number: int
) -> MessageRecord | None:
    """The message with a `message_id`, looked for from the newest on; None when there is none.

    Raises `InvalidArgumentError` for one that cannot be written.
    """
    before: int | None = None
    wanted = _written(number)
    while page := door.get_messages(session_id, limit=_AT_ONCE, newest=True, before_id=before):
        for record in page[::-1]:
            if record["external_id"] == wanted:
                return record
        before = page[0]["id"]
    return None


def _written(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python writes 4,300 digits
        remedy = "count the messages of an agent"
        raise InvalidArgumentError("message_id", "has thousands of digits", remedy) from None
