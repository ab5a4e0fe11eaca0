"""Copy a whole store into another database: SQLite to PostgreSQL, back, or to its own kind.

Ids, times, order and texts are kept. The source is read as one snapshot. The target is written in
short transactions, in the order of ids. So an interrupted copy goes on where it stopped, and a
repeated copy adds what is new. At the end both sides are read and compared, value by value. Memory
holds one batch, whatever the size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import URL, Table

from hermes_store import migrate
from hermes_store.database.address import Address, create_database, identity, url_of
from hermes_store.database.choice import backend_of
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import CopyError, InvalidArgumentError, RefusedError, StoreUnavailableError
from hermes_store.execution.store import Store
from hermes_store.models.stored import messages, sessions
from hermes_store.schema.change import Progress, told
from hermes_store.settings import make_settings
from hermes_store.transfer import target_rows
from hermes_store.transfer.ahead import ahead
from hermes_store.transfer.copy_rows import Row, Source, by_key, in_pieces, key_in_words
from hermes_store.transfer.digest import Digest
from hermes_store.transfer.target_checks import (
    require_different_keys,
    require_nothing_else,
    require_something_in_common,
)

__all__ = ["Copied", "Copying", "Target", "copy"]


class Copied(NamedTuple):
    """What the target holds now."""

    sessions: int
    messages: int
    others: dict[str, int]
    """Rows of each other table."""
    digest: str
    """Of every value, by BLAKE2b; equal stores have equal digests."""
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
        _told_to_go_on(),
        closing(Store(origin, make_settings(mmap_size=0))) as read,
        closing(Store(goal, make_settings(mmap_size=0, auto_migrate=True))) as written,
        read.reading() as connection,
        connection.backend.undecodable_as_bytes(connection.core),
    ):
        if identity(read.url) == identity(written.url):
            raise InvalidArgumentError("target", "is the source itself", "name another database")
        copying = Copying(connection, written, told(progress))
        copying.run(delete=delete)
        return copying.verified()


@contextmanager
def _told_to_go_on() -> Iterator[None]:
    """An error that leaves the beginning of a copy in the target says so."""
    try:
        yield
    except StoreUnavailableError as exc:
        exc.add_note("the copy stopped, and goes on when it is run again")
        raise


class Target(Protocol):
    """Where rows are written: a store with short transactions, or one transaction for all."""

    @property
    def url(self) -> URL:
        """Where the database is."""

    def reading(self) -> AbstractContextManager[OpenConnection]:
        """Give the block a connection that sees what was written."""

    def write(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return `function(connection, …)`, which writes. Raises `RefusedError`."""


class Copying:
    """Where one run reads, where it writes, and to whom it reports."""

    def __init__(self, source: OpenConnection, target: Target, report: Progress) -> None:
        backend = backend_of(target.url)
        self._source = Source(source, keeps_nul=backend.keeps_nul)
        self._has_server = backend.is_server or source.backend.is_server
        self._target = target
        self._report = report
        self._deleted: dict[str, int] = {}

    def run(self, *, delete: bool) -> None:
        """Write what the target lacks; with `delete`, take away what it holds besides."""
        with self._target.reading() as connection:
            if delete:
                require_something_in_common(self._source, connection)
            else:
                require_nothing_else(self._source, connection)
            last = target_rows.last_message_id(connection)
        greatest = self._source.last_message_id()
        self._target.write(target_rows.reserve_ids, greatest)
        if delete:
            for table in (*target_rows.OTHERS, messages, sessions):
                self._delete_what_is_gone(table)
        self._copy_sessions()
        if delete and last is not None:
            self._copy_rows(messages, until=last)
        self._copy_messages(last)
        for table in target_rows.OTHERS:
            self._copy_rows(table)

    def verified(self) -> Copied:
        """Compare both sides. Raises `CopyError` at the first difference."""
        digest, held = Digest(), dict[str, int]()
        remarks = Counter[str]()
        with self._target.reading() as connection:
            for table in target_rows.COPIED:
                remarks.update(self._source.left_out(table))
                held[table.name] = self._compare(connection, table, digest.add, remarks)
        return Copied(
            held.pop(sessions.name),
            held.pop(messages.name),
            others={name: number for name, number in held.items() if number},
            digest=str(digest),
            remarks=dict(remarks),
            deleted=self._deleted,
        )

    def _compare(
        self,
        target: OpenConnection,
        table: Table,
        digest: Callable[[Table, Row], None],
        remarks: Counter[str],
    ) -> int:
        """Raise `CopyError` unless the target holds the rows of the source and no other."""
        total, done = self._source.count(table), 0
        with self._pieces(table, remarks=remarks) as pieces:
            for done, some in pieces:
                there = by_key(table, target_rows.rows_of(target, table, some))
                for key, expected in by_key(table, some).items():
                    found = there.get(key)
                    if found != expected:
                        raise CopyError(_difference(table, expected, found))
                    digest(table, expected)
                self._report(f"comparing {table.name}", done, total)
        if (held := target_rows.count(target, table)) != done:
            raise CopyError(f"{table.name}: {done} were read, and the target holds {held}")
        return done

    def _delete_what_is_gone(self, table: Table) -> None:
        with self._target.reading() as connection:
            held = in_pieces(table, target_rows.keys_held(connection, table))
            gone = [key for some in held for key in self._source.lacks(table, some)]
        for done, some in _counted(in_pieces(table, gone)):
            self._target.write(partial(target_rows.delete_rows, table=table), some)
            self._deleted[table.name] = done
            self._report(f"deleting {table.name}", done, len(gone))

    def _copy_sessions(self) -> None:
        """First without titles and parents: those of others may have to change before."""
        total = self._source.count(sessions)
        for done, some in _counted(in_pieces(sessions, self._source.each(sessions))):
            bare = [{**row, "title": None, "parent_session_id": None} for row in some]
            self._write(sessions, bare, target_rows.store_sessions)
            self._report("sessions", done, total)
        for some in in_pieces(sessions, self._source.each(sessions)):
            self._write(sessions, some, target_rows.name_and_link)

    def _copy_messages(self, last: int | None) -> None:
        total = self._source.count(messages)
        there = 0 if last is None else self._source.count(messages, until=last)
        with self._pieces(messages, after=last) as pieces:
            for done, some in pieces:
                self._write(messages, some, partial(target_rows.store_new, table=messages))
                self._report("messages", there + done, total)

    def _copy_rows(self, table: Table, *, until: int | None = None) -> None:
        """Rows of a table that nothing else refers to: those that differ are stored anew."""
        total = self._source.count(table, until=until)
        with self._pieces(table, until=until) as pieces:
            for done, some in pieces:
                self._write(table, some, partial(target_rows.store_rows, table=table))
                self._report(table.name, done, total)

    def _pieces(self, table: Table, **which: Any) -> closing[Generator[tuple[int, list[Row]]]]:
        """Pieces of `Source.each`; where a server works, the next is read meanwhile."""
        pieces = _counted(in_pieces(table, self._source.each(table, **which)))
        return closing(ahead(pieces) if self._has_server else pieces)

    def _write(
        self, table: Table, rows: list[Row], store: Callable[[OpenConnection, list[Row]], None]
    ) -> None:
        """One short transaction. Raises `CopyError` when the target cannot hold a row."""
        require_different_keys(table, rows)
        try:
            self._target.write(store, rows)
        except RefusedError as exc:
            first, *_, last = [*by_key(table, rows), *by_key(table, rows)]
            where = f"{table.name} from {key_in_words(first)} to {key_in_words(last)}"
            raise CopyError(f"{where}: the target refuses one ({exc.reason})", "change it") from exc


def _counted(pieces: Iterable[list[Row]]) -> Generator[tuple[int, list[Row]]]:
    """Each piece with the number of rows up to its end."""
    done = 0
    for piece in pieces:
        done += len(piece)
        yield done, piece


def _difference(table: Table, expected: Row, found: Row | None) -> str:
    [key] = map(key_in_words, by_key(table, [expected]))
    if found is None:
        return f"{table.name}: {key} is missing"
    names = [name for name in expected if expected[name] != found[name]]
    return f"{table.name}: {', '.join(names)} of {key} differ"
