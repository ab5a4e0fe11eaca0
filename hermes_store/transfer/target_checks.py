"""Which database a store may be copied into: an empty one, or an earlier copy of the same store."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Table

from hermes_store.database.connection import OpenConnection
from hermes_store.errors import CopyError
from hermes_store.models.stored import messages, sessions
from hermes_store.transfer.copy_rows import Row, Source, in_pieces, key_in_words, keys_of
from hermes_store.transfer.target_rows import OTHERS, count, last_message_id, rows_of
from hermes_store.values import written

__all__ = ["require_different_keys", "require_nothing_else", "require_something_in_common"]

_NEITHER_EMPTY_NOR_A_COPY = (
    "copy into an empty database, or make an earlier copy equal with delete=True (--delete)"
)


def require_nothing_else(source: Source, target: OpenConnection) -> None:
    """Refuse a target with rows that are not of this source."""
    for table in (sessions, *OTHERS):
        _require_no_others(source, target, table)
    last = last_message_id(target)
    if last is None:
        return
    newest = [*source.each(messages, after=last - 1, until=last)]
    same_number = count(target, messages) == source.count(messages, until=last)
    if not newest or not same_number or rows_of(target, messages, newest) != newest:
        problem = f"of the messages up to {last}, the target holds others"
        raise CopyError(problem, _NEITHER_EMPTY_NOR_A_COPY)


def _require_no_others(source: Source, target: OpenConnection, table: Table) -> None:
    if not (held := count(target, table)):
        return
    pieces = in_pieces(table, source.each(table))
    known = sum(len(rows_of(target, table, some)) for some in pieces)
    if held > known:
        what = "" if table is sessions else f" of {table.name}"
        more = written.count(held - known, "session" if table is sessions else "row")
        problem = f"the target holds {more}{what} that the source lacks"
        raise CopyError(problem, _NEITHER_EMPTY_NOR_A_COPY)


def require_something_in_common(source: Source, target: OpenConnection) -> None:
    """Refuse to make a store equal that was never a copy of this source."""
    if not count(target, sessions):
        return
    pieces = in_pieces(sessions, source.each(sessions))
    if not any(rows_of(target, sessions, some) for some in pieces):
        raise CopyError("the target holds no session of the source: it is not a copy of it")


def require_different_keys(table: Table, rows: list[Row]) -> None:
    """Refuse keys of the source that become one, as when they differ by a NUL alone."""
    keys = Counter(tuple(row[name] for name in keys_of(table)) for row in rows)
    for key in (key for key, number in keys.items() if number > 1):
        problem = f"{table.name}: in the target two rows would have the key {key_in_words(key)}"
        raise CopyError(problem, "give one of them another key in the source")
