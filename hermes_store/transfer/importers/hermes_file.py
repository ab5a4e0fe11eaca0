"""Read a `state.db` of Hermes Agent: any version, while it runs, and with damaged pages.

The file is opened to be read, and one transaction sees it as it was at that moment. Rows come in
the order of their rowids, without any index: a damaged one is passed over, and its place is told.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hermes_store.database.sqlite_engines import reading_mode, sqlite_driver
from hermes_store.database.sqlite_file import connect
from hermes_store.database.sqlite_trust import distrust
from hermes_store.errors import DamagedFileError, ForeignDatabaseError, StoreUnavailableError

__all__ = ["HermesFile", "Row", "is_hermes_file", "opened"]

Row = dict[str, Any]
_NEEDED = {"sessions": {"id"}, "messages": {"id", "session_id", "role"}}
_SQLITE = b"SQLite format 3\0"
_IDS_AT_ONCE = 500
_MOST_DAMAGED = 1_000_000
"""Rowids that are tried one by one behind a damaged page."""


def is_hermes_file(path: Path) -> bool:
    """Whether `path` is a SQLite file with the tables of Hermes Agent, and not a store of ours."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(_SQLITE)) != _SQLITE:
                return False
        with opened(path):
            return True
    except (OSError, ForeignDatabaseError, DamagedFileError, StoreUnavailableError):
        return False


@contextmanager
def opened(path: Path) -> Iterator[HermesFile]:
    """The file as it is now, until the block ends. Not a byte of it changes.

    Raises `ForeignDatabaseError`, `DamagedFileError` and `StoreUnavailableError`.
    """
    if not path.is_file():
        raise StoreUnavailableError(f"{path} is not a file", "give the path of a file")
    path, driver = path.resolve(), sqlite_driver()
    dbapi, _ = connect(driver, str(path), reading_mode(path, read_only=True), isolation_level=None)
    with closing(dbapi), closing(driver.connect("")) as scratch:
        distrust(dbapi)
        dbapi.text_factory = _text_or_bytes
        try:
            dbapi.execute("PRAGMA query_only=ON")
            dbapi.execute("BEGIN")
            found = HermesFile(dbapi, scratch, driver.Error)
        except driver.DatabaseError as exc:
            raise DamagedFileError(f"{path}: its schema cannot be read ({exc})") from exc
        yield found


def _text_or_bytes(stored: bytes) -> str | bytes:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


class HermesFile:
    """The tables of one file, in one snapshot."""

    def __init__(self, dbapi: Any, scratch: Any, error: type[Exception]) -> None:
        self._dbapi = dbapi
        self._scratch = scratch
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
        for name, needed in _NEEDED.items():
            if missing := needed - set(self.columns.get(name, ())):
                problem = f"its table {name} has no {', '.join(sorted(missing))}"
                raise ForeignDatabaseError(problem if name in self.columns else f"no table {name}")
        if "hermes_store_version" in self.columns:
            raise ForeignDatabaseError("it is a store of this package: use 'hermes-store copy'")

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

    @property
    def version(self) -> int | None:
        """What `schema_version` says."""
        if "schema_version" not in self.columns:
            return None
        [found] = self._dbapi.execute("SELECT max(version) FROM schema_version").fetchone()
        return found if isinstance(found, int) else None

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
        select = f"SELECT rowid AS rowid_, {columns} FROM {_quoted(table)} NOT INDEXED"  # noqa: S608 - quoted
        after: int | None = -(2**63)
        while after is not None:
            reached, after = after, None
            try:
                cursor = self._dbapi.execute(f"{select} WHERE rowid > ? ORDER BY rowid", (reached,))
                for row in _dicts(cursor):
                    reached = row["rowid_"]
                    yield row
            except self._error as exc:
                after = yield from self._behind_damage(table, select, reached, str(exc))

    def _behind_damage(
        self, table: str, select: str, after: int, reason: str
    ) -> Generator[Row, None, int | None]:
        """Yield the first row behind what cannot be read; return its rowid, or None."""
        first = max(after + 1, 0)
        for rowid in range(first, min(self._greatest(table), first + _MOST_DAMAGED) + 1):
            try:
                found = next(
                    _dicts(self._dbapi.execute(f"{select} WHERE rowid = ?", (rowid,))), None
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
            f"SELECT max(rowid) FROM {_quoted(table)}",  # noqa: S608 - quoted
            "SELECT max(seq) FROM sqlite_sequence WHERE name = ?",
        ):
            try:
                given = (table,) if "?" in question else ()
                [found] = self._dbapi.execute(question, given).fetchone()
            except self._error:
                continue
            known.append(found or 0)
        return max(known)

    # --- some rows, and the messages of one session ---------------------------------------------

    def some(self, table: str, column: str, value: Any) -> list[Row]:
        """The rows with this value, if they can be read, each with its `rowid`."""
        if column not in self.columns.get(table, ()):
            return []
        sql = f"SELECT rowid AS rowid_, * FROM {_quoted(table)} WHERE {_quoted(column)} = ?"  # noqa: S608 - quoted
        try:
            return list(_dicts(self._dbapi.execute(sql, (value,))))
        except self._error as exc:
            self.damaged[f"{table}: rows with {column} {value!r} ({exc})"] = None
            return []

    def sort_messages(self, report: Callable[[int], object]) -> int:
        """Note which messages each session has, in a file of its own; return how many there are."""
        self._scratch.execute(
            "CREATE TABLE places (session_id, id INTEGER, PRIMARY KEY (session_id, id))"
            " WITHOUT ROWID"
        )
        number = 0
        for number, row in enumerate(self.rows("messages", "session_id"), start=1):
            place = (_named(row["session_id"]), row["rowid_"])
            self._scratch.execute("INSERT INTO places VALUES (?, ?)", place)
            if number % _IDS_AT_ONCE == 0:
                report(number)
        self._scratch.commit()
        return number

    def sessions_of_messages(self) -> Iterator[Any]:
        """The ids that messages name as their session's."""
        yield from (
            row[0] for row in self._scratch.execute("SELECT DISTINCT session_id FROM places")
        )

    def number_of_messages(self, *of_session: Any) -> int:
        """How many messages can be read: all, or those of a session."""
        every = "SELECT count(*) FROM places"
        found = self._scratch.execute(
            f"{every} WHERE session_id IS ?" if of_session else every, of_session
        )
        return int(found.fetchone()[0])

    def messages_of(self, session_id: Any) -> Iterator[Row]:
        """The messages of a session that can be read, in the order in which they were stored."""
        places = self._scratch.execute(
            "SELECT id FROM places WHERE session_id = ? ORDER BY id", (session_id,)
        )
        while some := [row[0] for row in places.fetchmany(_IDS_AT_ONCE)]:
            yield from self._messages(some)

    def _messages(self, ids: list[int]) -> Iterable[Row]:
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT rowid AS rowid_, * FROM messages WHERE rowid IN ({marks}) ORDER BY rowid"  # noqa: S608 - marks
        try:
            return list(_dicts(self._dbapi.execute(sql, ids)))
        except self._error as exc:
            if len(ids) == 1:
                self.damaged[f"messages: row {ids[0]} ({exc})"] = None
                return []
        return [row for one in ids for row in self._messages([one])]


def _named(session_id: Any) -> Any:
    """What a message names as its session: nothing is the same as an empty text."""
    return "" if session_id is None else session_id


def _dicts(cursor: Any) -> Iterator[Row]:
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
