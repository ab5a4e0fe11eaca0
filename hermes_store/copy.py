"""Copy a whole store into another database: SQLite to PostgreSQL, back, or to its own kind.

Ids, times, order and texts are kept. The source is read as one snapshot and the target written in
short transactions in the order of ids, so a copy that was interrupted goes on where it stopped,
and one that is repeated brings along what is new. At the end both sides are read and compared,
value by value. Memory holds one batch, whatever the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from itertools import islice, zip_longest
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from hermes_store import engine as engines
from hermes_store.copy_rows import Rows
from hermes_store.errors import CopyError, InvalidArgumentError
from hermes_store.models import messages, sessions
from hermes_store.schema_change import Progress
from hermes_store.settings import make_settings
from hermes_store.store import Store

__all__ = ["Copied", "copy"]

_ROWS_AT_ONCE = 500
_CHARACTERS_AT_ONCE = 2_000_000

Row = dict[str, Any]


class Copied(NamedTuple):
    """What the target holds now."""

    sessions: int
    messages: int
    digest: str
    """BLAKE2b of every value in the order of ids; equal stores have equal digests."""
    repaired: dict[str, int]
    """What the target could not hold as it was, and how often that was so."""


def copy(
    source: engines.Address, target: engines.Address, *, progress: Progress | None = None
) -> Copied:
    """Copy the store at `source` into the database at `target`, or finish an interrupted copy.

    Creates or upgrades the schema of the target. Raises `CopyError` when the target holds
    something else, or when what was written is not what was read.
    """
    origin, goal = engines.url_of(source), engines.url_of(target)
    if origin == goal:
        raise InvalidArgumentError("target", "is the source itself", "name another database")
    with (
        closing(Store(origin, make_settings())) as read,
        closing(Store(goal, make_settings(auto_migrate=True))) as written,
        read.reading() as connection,
        engines.undecodable_text_replaced(connection),
    ):
        copying = _Copying(connection, written, progress or _tell_nobody)
        copying.run()
        return copying.verified()


def _tell_nobody(_step: str, _done: int, _total: int) -> None:
    pass


class _Copying:
    """Where one run reads, where it writes, and to whom it reports."""

    def __init__(self, source: Connection, target: Store, report: Progress) -> None:
        self._source = Rows(source, keeps_nul=engines.keeps_nul(target.url))
        self._target = target
        self._report = report

    def run(self) -> None:
        """Write what the target lacks."""
        self._target.read(self._require_nothing_else)
        self._target.write(engines.reserve_ids, messages.name, self._source.last_message_id())
        self._copy_sessions()
        self._copy_messages()
        self._name_and_link_sessions()

    def verified(self) -> Copied:
        """Compare both sides. Raises `CopyError` at the first difference."""
        digest = blake2b(digest_size=16)
        repaired: dict[str, int] = {}
        with self._target.reading() as connection:
            written = Rows(connection)
            for table in (sessions, messages):
                total = self._source.count(table)
                pairs = zip_longest(self._source.each(table, repaired), written.each(table))
                for done, (expected, found) in enumerate(pairs, start=1):
                    if expected != found:
                        raise CopyError(_difference(table, expected, found))
                    digest.update(repr(tuple(found.values())).encode())
                    if done % _ROWS_AT_ONCE == 0 or done == total:
                        self._report(f"comparing {table.name}", done, total)
            held = written.count(sessions), written.count(messages)
        return Copied(*held, digest.hexdigest(), repaired)

    def _require_nothing_else(self, target: Connection) -> None:
        """Refuse a target with rows that are not of this source."""
        there = Rows(target)
        for some in _in_pieces(there.each(sessions)):
            unknown = {row["id"] for row in some} - self._source.known_sessions(some)
            if unknown:
                raise CopyError(f"the target holds session {min(unknown)}, which the source lacks")
        last = there.last(messages)
        if there.count(messages) != self._source.count(messages, until=last):
            raise CopyError(f"of the messages up to {last}, the target holds others")

    def _copy_sessions(self) -> None:
        """Without titles and parents: those of others may have to change first."""
        total = self._source.count(sessions)
        for done, some in _counted(_in_pieces(self._source.each(sessions))):
            bare = [{**row, "title": None, "parent_session_id": None} for row in some]
            self._target.write(_store_sessions, bare)
            self._report("sessions", done, total)

    def _copy_messages(self) -> None:
        last = self._target.read(lambda connection: Rows(connection).last(messages))
        total, there = self._source.count(messages), self._source.count(messages, until=last)
        for done, some in _counted(_in_pieces(self._source.each(messages, after=last))):
            self._target.write(_insert, messages, some)
            self._report("messages", there + done, total)

    def _name_and_link_sessions(self) -> None:
        named = (
            row
            for row in self._source.each(sessions)
            if row["title"] is not None or row["parent_session_id"] is not None
        )
        for some in _in_pieces(named):
            self._target.write(_name_and_link, some)


# --- writing ------------------------------------------------------------------------------------

_OF_ID = sessions.c.id == bindparam("of_id")
_NAME_AND_LINK = (
    update(sessions)
    .where(_OF_ID)
    .values(title=bindparam("new_title"), parent_session_id=bindparam("new_parent"))
)


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    connection.execute(insert(table), rows)


def _store_sessions(connection: Connection, rows: list[Row]) -> None:
    ids = [row["id"] for row in rows]
    there = set(connection.scalars(select(sessions.c.id).where(sessions.c.id.in_(ids))))
    new = [row for row in rows if row["id"] not in there]
    if new:
        _insert(connection, sessions, new)
    old = [row for row in rows if row["id"] in there]
    if old:
        names: dict[str, Any] = {name: bindparam(f"new_{name}") for name in old[0] if name != "id"}
        renamed = [
            {"of_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in old
        ]
        connection.execute(update(sessions).where(_OF_ID).values(names), renamed)


def _name_and_link(connection: Connection, rows: list[Row]) -> None:
    given = [
        {"of_id": row["id"], "new_title": row["title"], "new_parent": row["parent_session_id"]}
        for row in rows
    ]
    connection.execute(_NAME_AND_LINK, given)


# --- pieces -------------------------------------------------------------------------------------


def _in_pieces(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Lists of rows, bounded in number and in length of text."""
    piece: list[Row] = []
    characters = 0
    for row in rows:
        piece.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(piece) == _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield piece
            piece, characters = [], 0
    if piece:
        yield piece


def _counted(pieces: Iterable[list[Row]]) -> Iterator[tuple[int, list[Row]]]:
    """Each piece with the number of rows up to its end."""
    done = 0
    for piece in pieces:
        done += len(piece)
        yield done, piece


def _difference(table: Table, expected: Row | None, found: Row | None) -> str:
    if expected is None or found is None or expected["id"] != found["id"]:
        return f"{table.name}: expected {_id(expected)}, found {_id(found)}"
    names = [name for name in expected if expected[name] != found[name]]
    return f"{table.name}: {', '.join(islice(names, 3))} of {_id(expected)} differ"


def _id(row: Row | None) -> str:
    return "nothing" if row is None else str(row["id"])
