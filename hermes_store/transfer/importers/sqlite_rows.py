"""Read the tables of a SQLite file of another program: while it runs, and with damaged pages.

The file is opened to be read, and one transaction sees it as it was at that moment. Rows come in
the order of their rowids, without any index: a damaged one is passed over, and its place is told.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from hermes_store.database.sqlite import SQLITE, text_or_bytes
from hermes_store.database.sqlite_engines import reading_mode, sqlite_driver
from hermes_store.database.sqlite_file import connect
from hermes_store.database.sqlite_place import why_not_opened
from hermes_store.database.sqlite_trust import distrust
from hermes_store.errors import (
    DamagedFileError,
    HermesStoreError,
    StoreBusyError,
    StoreUnavailableError,
)

__all__ = ["Row", "SqliteRows", "connected", "dicts", "is_sqlite"]

Row = dict[str, Any]
_SQLITE = b"SQLite format 3\0"
_MOST_DAMAGED = 1_000_000
"""Rowids that are tried one by one behind a damaged page."""


def is_sqlite(path: Path) -> bool:
    """Whether a file begins as SQLite files do. Raises `OSError`."""
    with path.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


@contextmanager
def connected(path: Path) -> Iterator[tuple[Any, type[Exception]]]:
    """A connection in a transaction that sees the file as it is now, and its class of errors.

    Not a byte of the file changes. Raises `DamagedFileError` when the block, or opening the file,
    meets an error of SQLite, `StoreBusyError` when another program locks it for five seconds, and
    `StoreUnavailableError`.
    """
    driver, began = sqlite_driver(), time.monotonic()
    with ExitStack() as closing_it:
        try:
            dbapi = closing_it.enter_context(closing(_opened(path)))
            dbapi.text_factory = text_or_bytes
            dbapi.execute("PRAGMA query_only=ON")
            dbapi.execute("PRAGMA writable_schema=ON")  # which reads a file that was cut off, too
            dbapi.execute("BEGIN")
            dbapi.execute("SELECT count(*) FROM sqlite_master")
        except driver.DatabaseError as exc:
            if SQLITE.is_busy(exc):
                raise StoreBusyError(time.monotonic() - began) from exc
            raise _not_read(path, exc) from exc
        yield dbapi, driver.DatabaseError


def _opened(path: Path) -> Any:
    """A connection that only reads. Raises the driver's errors, and `StoreUnavailableError`."""
    try:
        if not path.is_file():
            raise StoreUnavailableError(f"{path} is not a file", "give the path of a file")
    except OSError as exc:
        remedy = "give the path of a file that can be read"
        raise StoreUnavailableError(f"{path}: {exc.strerror}", remedy) from exc
    path, driver = path.resolve(), sqlite_driver()
    dbapi, _ = connect(driver, str(path), reading_mode(path, read_only=True), isolation_level=None)
    distrust(dbapi)
    return dbapi


def _not_read(path: Path, exc: Exception) -> HermesStoreError:
    """The typed error: the place of a file may be what keeps it from being read."""
    known = SQLITE.translate(exc)
    if isinstance(known, StoreUnavailableError):
        return why_not_opened(path) or known
    return DamagedFileError(f"{path}: its schema cannot be read ({exc})")


class SqliteRows:
    """The tables of one file, in one snapshot."""

    def __init__(self, dbapi: Any, error: type[Exception]) -> None:
        self._dbapi = dbapi
        self._error = error
        self.damaged: dict[str, None] = {}
        """Places that could not be read, in words, each once."""
        self.columns: dict[str, dict[str, str | None]] = {}
        """Of each table its columns, each with its default."""
        self.keys: dict[str, list[str]] = {}
        """Of each table the columns of its primary key."""
        for name in self._tables():
            found = dbapi.execute("SELECT name, dflt_value, pk FROM pragma_table_info(?)", (name,))
            rows = found.fetchall()
            self.columns[name] = {column: default for column, default, _ in rows}
            self.keys[name] = [column for column, _, is_key in rows if is_key]
            self._give_rowids(name)

    def _tables(self) -> list[str]:
        """The tables that hold rows of their own: none of a full-text index, none of SQLite's."""
        rows = self._dbapi.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        made = {name: str(sql or "") for name, sql in rows.fetchall()}
        virtual = tuple(name for name in made if made[name].upper().startswith("CREATE VIRTUAL"))
        shadows = tuple(f"{name}_" for name in virtual)
        return [
            name
            for name in made
            if name not in virtual and not name.startswith(("sqlite_", *shadows))
        ]

    def _give_rowids(self, table: str) -> None:
        """Read a copy of a table that was made WITHOUT ROWID; of a damaged one there is none."""
        try:
            self._dbapi.execute(f"SELECT {self._rowid(table)} FROM {_quoted(table)} LIMIT 0")  # noqa: S608 - quoted
        except self._error:
            with suppress(self._error), self._writing():  # only beside the file
                self._dbapi.execute(
                    f"CREATE TEMP TABLE {_quoted(table)} AS SELECT * FROM main.{_quoted(table)}"  # noqa: S608 - quoted
                )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._dbapi.execute("PRAGMA query_only=OFF")
        try:
            yield
        finally:
            self._dbapi.execute("PRAGMA query_only=ON")

    def _rowid(self, table: str) -> str:
        """The name of the rowid: a column may have taken one of the three."""
        taken = {column.lower() for column in self.columns[table]}
        return next((name for name in ("rowid", "_rowid_", "oid") if name not in taken), "rowid")

    def count(self, table: str) -> int | None:
        """How many rows a table has; None when it is too damaged to count them."""
        try:
            [found] = self._dbapi.execute(
                f"SELECT count(*) FROM {_quoted(table)} NOT INDEXED"  # noqa: S608 - quoted
            ).fetchone()
        except self._error:
            return None
        return int(found)

    def rows(self, table: str, columns: str = "*") -> Iterator[Row]:
        """Every row that can be read, with its `rowid`."""
        rowid = self._rowid(table)
        select = f"SELECT {rowid} AS rowid_, {columns} FROM {_quoted(table)} NOT INDEXED"  # noqa: S608 - quoted
        after: int | None = -(2**63)
        where = f"WHERE {rowid} >= ?"
        while after is not None:
            reached, after = after, None
            try:
                cursor = self._dbapi.execute(f"{select} {where} ORDER BY {rowid}", (reached,))
                for row in dicts(cursor):
                    reached = row["rowid_"]
                    yield row
            except self._error as exc:
                after = yield from self._behind_damage(table, select, reached, str(exc))
            where = f"WHERE {rowid} > ?"

    def _behind_damage(
        self, table: str, select: str, after: int, reason: str
    ) -> Generator[Row, None, int | None]:
        """Yield the first row behind what cannot be read; return its rowid, or None."""
        first, name = max(after + 1, 0), self._rowid(table)
        for rowid in range(first, min(self._greatest(table), first + _MOST_DAMAGED) + 1):
            try:
                found = next(
                    dicts(self._dbapi.execute(f"{select} WHERE {name} = ?", (rowid,))), None
                )
            except self._error:
                continue
            if found is not None:
                if rowid > first:
                    self.damaged[f"{table}: rows {first} to {rowid - 1} ({reason})"] = None
                yield found
                return rowid
        self.damaged[f"{table}: rows from {first} on ({reason})"] = None
        return None

    def _greatest(self, table: str) -> int:
        """No row has a greater rowid than this, as far as can be told."""
        known = [0]
        for question in (
            f"SELECT max({self._rowid(table)}) FROM {_quoted(table)}",  # noqa: S608 - quoted
            "SELECT max(seq) FROM sqlite_sequence WHERE name = ?",
        ):
            try:
                given = (table,) if "?" in question else ()
                [found] = self._dbapi.execute(question, given).fetchone()
            except self._error:
                continue
            known.append(found or 0)
        return max(known)

    def at(self, table: str, rowids: Sequence[int]) -> list[Row]:
        """The rows with these rowids that can be read, in the order of their rowids."""
        marks, name = ", ".join("?" * len(rowids)), self._rowid(table)
        sql = f"SELECT {name} AS rowid_, * FROM {_quoted(table)} WHERE {name} IN ({marks})"  # noqa: S608 - quoted
        try:
            return list(dicts(self._dbapi.execute(f"{sql} ORDER BY {name}", rowids)))
        except self._error as exc:
            if len(rowids) == 1:
                self.damaged[f"{table}: row {rowids[0]} ({exc})"] = None
                return []
        return [row for one in rowids for row in self.at(table, [one])]

    def some(self, table: str, column: str, value: Any) -> list[Row]:
        """The rows with this value, if they can be read, each with its `rowid`."""
        if column not in self.columns.get(table, ()):
            return []
        name = self._rowid(table)
        sql = f"SELECT {name} AS rowid_, * FROM {_quoted(table)} WHERE {_quoted(column)} = ?"  # noqa: S608 - quoted
        try:
            return list(dicts(self._dbapi.execute(sql, (value,))))
        except self._error as exc:
            self.damaged[f"{table}: rows with {column} {value!r} ({exc})"] = None
            return []


def dicts(cursor: Any) -> Iterator[Row]:
    """The rows of a cursor, each with its columns by name."""
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
