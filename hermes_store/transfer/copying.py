"""Copy a whole store into another database: SQLite to PostgreSQL, back, or to its own kind.

Ids, times, order and texts are kept. The source is read as one snapshot. The target is written in
short transactions, in the order of ids. So an interrupted copy goes on where it stopped, and a
repeated copy adds what is new. At the end both sides are read and compared, value by value. Memory
holds one batch, whatever the size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, select, update

from hermes_store import migrate
from hermes_store.database.address import Address, create_database, identity, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import CopyError, InvalidArgumentError, RefusedError
from hermes_store.execution.store import Store
from hermes_store.models.stored import TABLES, leases, messages, sessions
from hermes_store.schema.change import Progress
from hermes_store.settings import make_settings
from hermes_store.transfer.copy_rows import Row, Source, by_key, in_pieces, keys_of, with_keys

__all__ = ["Copied", "copy"]

_COPIED = tuple(table for table in TABLES if table is not leases)
"""Leases are of a moment: who had one works on the source, and would not know of the copy."""
_OTHERS = tuple(table for table in _COPIED if table not in (sessions, messages))
_ROWS_AT_ONCE = 500


_NEITHER_EMPTY_NOR_A_COPY = (
    "copy into an empty database, or make an earlier copy equal with delete=True (--delete)"
)


class Copied(NamedTuple):
    """What the target holds now."""

    sessions: int
    messages: int
    others: dict[str, int]
    """Rows of each other table."""
    digest: str
    """BLAKE2b of every value in the order of keys; equal stores have equal digests."""
    remarks: dict[str, int]
    """What could not come along as it was, and how often that was so."""
    deleted: dict[str, int]
    """Rows of each table that the target held and the source does not hold any more."""


def copy(
    source: Address,
    target: Address,
    *,
    delete: bool = False,
    progress: Progress | None = None,
) -> Copied:
    """Copy the store at `source` into the database at `target`, or finish an interrupted copy.

    Creates the target when it is missing, and its schema. Agents may go on writing to the source;
    a later call copies what they write after the beginning. With `delete` an earlier copy
    becomes equal to the source: rows that the source does not hold any more are deleted, and
    messages that changed are stored anew. Raises `CopyError` when there is no source, when the
    target holds something else, or when what was written is not what was read.
    """
    origin, goal = url_of(source), url_of(target)
    if migrate.inspect(origin).is_new:
        raise CopyError("the source holds no store", "name the database that holds one")
    create_database(goal)
    with (
        closing(Store(origin, make_settings(mmap_size=0))) as read,
        closing(Store(goal, make_settings(mmap_size=0, auto_migrate=True))) as written,
        read.reading() as connection,
        connection.backend.undecodable_as_bytes(connection.core),
    ):
        if identity(read.url) == identity(written.url):
            raise InvalidArgumentError("target", "is the source itself", "name another database")
        copying = _Copying(connection, written, progress or _tell_nobody)
        copying.run(delete=delete)
        return copying.verified()


def _tell_nobody(_step: str, _done: int, _total: int) -> None:
    pass


class _Copying:
    """Where one run reads, where it writes, and to whom it reports."""

    def __init__(self, source: OpenConnection, target: Store, report: Progress) -> None:
        self._source = Source(source, keeps_nul=backend_of(target.url).keeps_nul)
        self._target = target
        self._report = report
        self._deleted: dict[str, int] = {}

    def run(self, *, delete: bool) -> None:
        """Write what the target lacks; with `delete`, take away what it holds besides."""
        with self._target.reading() as connection:
            if delete:
                self._require_something_in_common(connection)
            else:
                self._require_nothing_else(connection)
            last = _last_message_id(connection)
        greatest = self._source.last_message_id()
        self._target.write(_reserve_ids, greatest)
        if delete:
            for table in (*_OTHERS, messages, sessions):
                self._delete_what_is_gone(table)
        self._copy_sessions()
        if delete and last is not None:
            self._copy_rows(messages, until=last)
        self._copy_messages(last)
        for table in _OTHERS:
            self._copy_rows(table)

    def verified(self) -> Copied:
        """Compare both sides. Raises `CopyError` at the first difference."""
        digest, held = blake2b(digest_size=16), dict[str, int]()
        remarks = Counter[str]()
        with self._target.reading() as connection:
            for table in _COPIED:
                remarks.update(self._source.left_out(table))
                held[table.name] = self._compare(connection, table, digest.update, remarks)
        return Copied(
            held.pop(sessions.name),
            held.pop(messages.name),
            others={name: number for name, number in held.items() if number},
            digest=digest.hexdigest(),
            remarks=dict(remarks),
            deleted=self._deleted,
        )

    def _compare(
        self,
        target: OpenConnection,
        table: Table,
        digest: Callable[[bytes], None],
        remarks: Counter[str],
    ) -> int:
        """Raise `CopyError` unless the target holds the rows of the source and no other."""
        total, done = self._source.count(table), 0
        for done, some in _counted(in_pieces(table, self._source.each(table, remarks=remarks))):
            there = by_key(table, _rows_of(target, table, some))
            for key, expected in by_key(table, some).items():
                found = there.get(key)
                if found != expected:
                    raise CopyError(_difference(table, expected, found))
                digest(repr(tuple(expected.values())).encode("utf-8", "surrogatepass"))
            self._report(f"comparing {table.name}", done, total)
        if (held := _count(target, table)) != done:
            raise CopyError(f"{table.name}: {done} were read, and the target holds {held}")
        return done

    def _require_nothing_else(self, target: OpenConnection) -> None:
        """Refuse a target with rows that are not of this source."""
        for table in (sessions, *_OTHERS):
            self._require_no_others(target, table)
        last = _last_message_id(target)
        if last is None:
            return
        newest = [*self._source.each(messages, after=last - 1, until=last)]
        same_number = _count(target, messages) == self._source.count(messages, until=last)
        if not newest or not same_number or _rows_of(target, messages, newest) != newest:
            problem = f"of the messages up to {last}, the target holds others"
            raise CopyError(problem, _NEITHER_EMPTY_NOR_A_COPY)

    def _require_no_others(self, target: OpenConnection, table: Table) -> None:
        if not (held := _count(target, table)):
            return
        pieces = in_pieces(table, self._source.each(table))
        known = sum(len(_rows_of(target, table, some)) for some in pieces)
        if held > known:
            what = "sessions" if table is sessions else f"rows of {table.name}"
            problem = f"the target holds {held - known} {what} that the source lacks"
            raise CopyError(problem, _NEITHER_EMPTY_NOR_A_COPY)

    def _require_something_in_common(self, target: OpenConnection) -> None:
        """Refuse to make a store equal that was never a copy of this source."""
        if not _count(target, sessions):
            return
        pieces = in_pieces(sessions, self._source.each(sessions))
        if not any(_rows_of(target, sessions, some) for some in pieces):
            raise CopyError("the target holds no session of the source: it is not a copy of it")

    def _delete_what_is_gone(self, table: Table) -> None:
        with self._target.reading() as connection:
            held = in_pieces(table, _keys_held(connection, table))
            gone = [key for some in held for key in self._source.lacks(table, some)]
        for done, some in _counted(in_pieces(table, gone)):
            self._target.write(_delete_rows, some, table=table)
            self._deleted[table.name] = done
            self._report(f"deleting {table.name}", done, len(gone))

    def _copy_sessions(self) -> None:
        """First without titles and parents: those of others may have to change before."""
        total = self._source.count(sessions)
        for done, some in _counted(in_pieces(sessions, self._source.each(sessions))):
            bare = [{**row, "title": None, "parent_session_id": None} for row in some]
            self._write(sessions, bare, _store_sessions)
            self._report("sessions", done, total)
        for some in in_pieces(sessions, self._source.each(sessions)):
            self._write(sessions, some, _name_and_link)

    def _copy_messages(self, last: int | None) -> None:
        total = self._source.count(messages)
        there = 0 if last is None else self._source.count(messages, until=last)
        for done, some in _counted(in_pieces(messages, self._source.each(messages, after=last))):
            self._write(messages, some, _store_messages)
            self._report("messages", there + done, total)

    def _copy_rows(self, table: Table, *, until: int | None = None) -> None:
        """Rows of a table that nothing else refers to: those that differ are stored anew."""
        total = self._source.count(table, until=until)
        for done, some in _counted(in_pieces(table, self._source.each(table, until=until))):
            self._write(table, some, partial(_store_rows, table=table))
            self._report(table.name, done, total)

    def _write(
        self, table: Table, rows: list[Row], store: Callable[[OpenConnection, list[Row]], None]
    ) -> None:
        """One short transaction. Raises `CopyError` when the target cannot hold a row."""
        try:
            self._target.write(store, rows)
        except RefusedError as exc:
            first, *_, last = [*by_key(table, rows), *by_key(table, rows)]
            where = f"{table.name} from {_shown(first)} to {_shown(last)}"
            raise CopyError(f"{where}: the target refuses one ({exc.reason})", "change it") from exc


# --- the target's rows ----------------------------------------------------------------------------


def _count(target: OpenConnection, table: Table) -> int:
    return target.core.execute(select(func.count()).select_from(table)).scalar_one()


def _reserve_ids(target: OpenConnection, greatest: int) -> None:
    target.backend.reserve_ids(target.core, messages.name, greatest)


def _last_message_id(target: OpenConnection) -> int | None:
    last: int | None = target.core.execute(select(func.max(messages.c.id))).scalar_one()
    return last


def _rows_of(target: OpenConnection, table: Table, like: list[Row]) -> list[Row]:
    """The rows with the keys of others."""
    found = target.core.execute(select(table).where(with_keys(table, like)))
    return [dict(row) for row in found.mappings()]


def _keys_held(target: OpenConnection, table: Table) -> Iterator[Row]:
    keys = select(*(table.c[name] for name in keys_of(table)))
    found = target.core.execute(keys.execution_options(yield_per=_ROWS_AT_ONCE))
    yield from map(dict, found.mappings())


def _delete_rows(target: OpenConnection, keys: list[Row], *, table: Table) -> None:
    if table is sessions:  # those that continue a deleted one get their parents later
        ids = [row["id"] for row in keys]
        orphans = update(sessions).where(sessions.c.parent_session_id.in_(ids))
        target.core.execute(orphans.values(parent_session_id=None))
    target.core.execute(delete(table).where(with_keys(table, keys)))


def _shown(key: tuple[Any, ...]) -> str:
    return ", ".join(map(str, key))


def _store_rows(target: OpenConnection, rows: list[Row], *, table: Table) -> None:
    """Store the rows that the target lacks or has with other values."""
    there = by_key(table, _rows_of(target, table, rows))
    new = {key: row for key, row in by_key(table, rows).items() if there.get(key) != row}
    for key in new.keys() & there.keys():
        same = [table.c[name] == value for name, value in zip(keys_of(table), key, strict=True)]
        target.core.execute(delete(table).where(*same))
    if new:
        target.core.execute(insert(table), list(new.values()))


def _store_messages(target: OpenConnection, rows: list[Row]) -> None:
    target.core.execute(insert(messages), rows)


def _store_sessions(target: OpenConnection, rows: list[Row]) -> None:
    there = {row["id"] for row in _rows_of(target, sessions, rows)}
    new = [row for row in rows if row["id"] not in there]
    if new:
        target.core.execute(insert(sessions), new)
    old = [row for row in rows if row["id"] in there]
    if old:
        _update_sessions(target, old, [name for name in old[0] if name != "id"])


def _name_and_link(target: OpenConnection, rows: list[Row]) -> None:
    _update_sessions(target, rows, ["title", "parent_session_id"])


def _update_sessions(target: OpenConnection, rows: list[Row], names: list[str]) -> None:
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    given = [{"of_id": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows]
    target.core.execute(
        update(sessions).where(sessions.c.id == bindparam("of_id")).values(new), given
    )


# --- pieces -------------------------------------------------------------------------------------


def _counted(pieces: Iterable[list[Row]]) -> Iterator[tuple[int, list[Row]]]:
    """Each piece with the number of rows up to its end."""
    done = 0
    for piece in pieces:
        done += len(piece)
        yield done, piece


def _difference(table: Table, expected: Row, found: Row | None) -> str:
    [key] = map(_shown, by_key(table, [expected]))
    if found is None:
        return f"{table.name}: {key} is missing"
    names = [name for name in expected if expected[name] != found[name]]
    return f"{table.name}: {', '.join(names)} of {key} differ"
