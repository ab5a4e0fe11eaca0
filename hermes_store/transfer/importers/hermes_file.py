"""Read a `state.db` of Hermes Agent: any version, while it runs, and with damaged pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import DamagedFileError, ForeignDatabaseError, StoreUnavailableError
from hermes_store.transfer.importers.sqlite_rows import Row, SqliteRows, connected, is_sqlite

__all__ = ["HermesFile", "Row", "is_hermes_file", "opened"]

_NEEDED = {"sessions": {"id"}, "messages": {"id", "session_id", "role"}}
_IDS_AT_ONCE = 500


def is_hermes_file(path: Path) -> bool:
    """Whether `path` is a SQLite file with the tables of Hermes Agent, and not a store of ours."""
    try:
        if not is_sqlite(path):
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
    with connected(path) as (dbapi, error), closing(sqlite_driver().connect("")) as scratch:
        try:
            found = HermesFile(dbapi, scratch, error)
        except error as exc:
            raise DamagedFileError(f"{path}: its schema cannot be read ({exc})") from exc
        yield found


class HermesFile(SqliteRows):
    """The tables of one file, in one snapshot."""

    def __init__(self, dbapi: Any, scratch: Any, error: type[Exception]) -> None:
        super().__init__(dbapi, error)
        self._scratch = scratch
        for name, needed in _NEEDED.items():
            if missing := needed - set(self.columns.get(name, ())):
                problem = f"its table {name} has no {', '.join(sorted(missing))}"
                raise ForeignDatabaseError(problem if name in self.columns else f"no table {name}")
        if "hermes_store_version" in self.columns:
            raise ForeignDatabaseError("it is a store of this package: use 'hermes-store copy'")

    @property
    def version(self) -> int | None:
        """What `schema_version` says."""
        if "schema_version" not in self.columns:
            return None
        [found] = self._dbapi.execute("SELECT max(version) FROM schema_version").fetchone()
        return found if isinstance(found, int) else None

    def is_first(self, key: str) -> bool:
        """Whether no row had this key before, of those that were asked for."""
        self._scratch.execute("CREATE TABLE IF NOT EXISTS keys (key PRIMARY KEY) WITHOUT ROWID")
        given = self._scratch.execute("INSERT OR IGNORE INTO keys VALUES (?)", (key,))
        return bool(given.rowcount)

    # --- the messages of one session ------------------------------------------------------------

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
            yield from self.at("messages", some)


def _named(session_id: Any) -> Any:
    """What a message names as its session: nothing is the same as an empty text."""
    return "" if session_id is None else session_id
