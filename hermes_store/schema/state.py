"""What a database holds: nothing yet, our schema at some revision, the original's, or not ours.

Looking changes nothing, not even a byte of a file that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, text

from hermes_store.database.choice import backend_of
from hermes_store.database.sqlite import SQLITE
from hermes_store.errors import ForeignDatabaseError, SchemaTooNewError
from hermes_store.schema.names import OLD_VERSION_TABLE, VERSION_TABLE
from hermes_store.schema.revisions import HEAD, REVISIONS
from hermes_store.schema.server_tables import tables_where_made, visible_tables
from hermes_store.search.triggers import foreign

__all__ = ["State", "look", "look_through"]

NEWEST_LEGACY = 6
"""The original's last `schema_version`. Frozen: later numbers are another program's."""

# What makes the tables ours: without these columns nothing could be read from them.
_KEY_COLUMNS = {
    "sessions": {"id", "source", "started_at"},
    "messages": {"id", "session_id", "role", "timestamp"},
}

_MADE_BY = {"search_index": "0010", "usage": "0017", "meta": "0017", "leases": "0017"}
"""The other tables of a store, each with the revision that makes it."""

Tables = Mapping[str, Collection[str]]
"""Names of the tables, and of the columns of those that matter here."""


@dataclass(frozen=True)
class State:
    """The schema that was found: `revision`, else `legacy`, else none (a new database)."""

    revision: str | None = None
    legacy: int | None = None
    """`schema_version` of a file that the original wrote and no revision has adopted."""
    is_being_indexed: bool = False
    """Whether the search index still lacks old messages."""
    is_empty: bool = False
    """Whether there is no table at all, of any program."""
    version_table: str = VERSION_TABLE
    """The table that holds the revision; `alembic_version` until the next upgrade moves it."""
    is_in_wal: bool = True
    """Whether a SQLite file has a write-ahead log; the first write, or opening it, makes one."""
    foreign_triggers: tuple[tuple[str, str], ...] = ()
    """Triggers that are not the store's on its tables: name and table."""

    @property
    def is_new(self) -> bool:
        """Whether there is no schema yet."""
        return self.revision is None and self.legacy is None

    @property
    def is_current(self) -> bool:
        """Whether the database can be used as it is."""
        return self.revision == HEAD

    @property
    def is_ready(self) -> bool:
        """Whether opening the database has nothing to do to it."""
        return self.is_current and self.is_in_wal and not self.is_being_indexed

    @property
    def needs_upgrade(self) -> bool:
        """Whether an upgrade has something to do, be it only to move the version's table."""
        return not self.is_current or self.version_table != VERSION_TABLE

    def __str__(self) -> str:
        if self.legacy is not None:
            return f"legacy schema {self.legacy}"
        return self.revision or "none"


def look(connection: Connection) -> State:
    """The state as `connection` sees it inside its transaction; raises as `look_through`."""
    if not backend_of(connection.engine.url).is_server:
        return look_through(lambda sql: connection.exec_driver_sql(sql).fetchall())
    return _look_at_server(connection)


def look_through(query: Callable[[str], Sequence[Any]], *, triggers: bool = True) -> State:
    """The state of a SQLite file by the rows of some queries, which see one snapshot.

    `triggers` says whether to look for those that are not the store's. Raises `SchemaTooNewError`
    and `ForeignDatabaseError`.
    """
    names = {name for (name,) in query("SELECT name FROM sqlite_master WHERE type = 'table'")}
    tables: dict[str, set[str]] = {name: set() for name in names}
    for name in names & {*_KEY_COLUMNS, "schema_version", VERSION_TABLE, OLD_VERSION_TABLE}:
        tables[name] = {row[1] for row in query(f"PRAGMA table_info({name})")}
    stamps = {
        name: [row[0] for row in query(f"SELECT version_num FROM {name}")]  # noqa: S608 - constants
        for name in (VERSION_TABLE, OLD_VERSION_TABLE)
        if "version_num" in tables.get(name, ())
    }
    versions = []
    if "version" in tables.get("schema_version", ()):
        versions = [row[0] for row in query("SELECT version FROM schema_version")]
    _require_names_as_ours(names)
    state = _judge(tables, stamps, versions)
    _require_room(names, state)
    if state.legacy is not None and "messages" in tables:
        _require_ids_of_sqlite(query)
    waiting = "SELECT 1 FROM search_index WHERE state = 'incomplete'"
    if "search_index" in tables and query(waiting):
        state = replace(state, is_being_indexed=True)
    if state.is_current and triggers:
        return replace(state, foreign_triggers=tuple(foreign(query(SQLITE.triggers))))
    return state


def _require_names_as_ours(names: Collection[str]) -> None:
    """SQLite takes MESSAGES for messages, but its catalogue does not."""
    for name in names:
        if name not in _KEY_COLUMNS and name.lower() in _KEY_COLUMNS:
            raise ForeignDatabaseError(f"its table {name} is not written {name.lower()}")


def _require_ids_of_sqlite(query: Callable[[str], Sequence[Any]]) -> None:
    """The index of a search knows a message by its rowid, which has to be its id."""
    keys = [(row[1], row[2].upper()) for row in query("PRAGMA table_info(messages)") if row[5]]
    has_index = any(row[3] == "pk" for row in query("PRAGMA index_list(messages)"))
    if keys != [("id", "INTEGER")] or has_index:
        raise ForeignDatabaseError(
            "the ids of its messages are not those that SQLite gives (INTEGER PRIMARY KEY); "
            "'hermes-store import FILE' takes its conversations over"
        )


def _look_at_server(connection: Connection) -> State:
    """A server's database may be shared with other applications, in one schema or in several."""
    tables = visible_tables(connection)
    stamps: dict[str, list[str]] = {}
    # The second may be an application's, which need not let us read it.
    for name in (VERSION_TABLE, OLD_VERSION_TABLE):
        if not stamps and name in tables and tables.keys() & _KEY_COLUMNS:
            revisions = text(f"SELECT version_num FROM {name}")  # noqa: S608 - one of two constants
            stamps[name] = list(connection.scalars(revisions))
    state = _judge(tables, stamps, [])
    if not state.is_current:
        _require_room(tables_where_made(connection), state)
    if "search_index" in tables and not state.is_new:
        waiting = text("SELECT 1 FROM search_index WHERE state = 'incomplete'")
        state = replace(state, is_being_indexed=connection.scalar(waiting) is not None)
    if not state.is_current:  # its triggers are made in another way
        return state
    triggers = connection.exec_driver_sql(backend_of(connection.engine.url).triggers)
    return replace(state, foreign_triggers=tuple(foreign(triggers)))


def _judge(tables: Tables, stamps: Mapping[str, list[str]], versions: list[Any]) -> State:
    """Tables of other programs beside ours, or before ours are made, are left alone."""
    if stamps.get(VERSION_TABLE):
        return _migrated(tables, stamps[VERSION_TABLE], versions)
    if not tables.keys() & _KEY_COLUMNS:
        return State(is_empty=not tables)
    if _is_ours_under_old_name(tables, stamps):
        state = _migrated(tables, stamps[OLD_VERSION_TABLE], versions)
        return replace(state, version_table=OLD_VERSION_TABLE)
    if "schema_version" in tables:
        return _legacy(tables, versions)
    raise ForeignDatabaseError(f"it holds {_listed(tables)} and no schema version of ours")


def _is_ours_under_old_name(tables: Tables, stamps: Mapping[str, list[str]]) -> bool:
    """Whether `alembic_version` is ours: an application may have its own beside a legacy file."""
    found = stamps.get(OLD_VERSION_TABLE, [])
    if not found or VERSION_TABLE in stamps:
        return False
    return "schema_version" not in tables or set(found) <= set(REVISIONS)


def _migrated(tables: Tables, revisions: list[str], versions: list[Any]) -> State:
    _require_our_tables(tables, [name for name in _KEY_COLUMNS if name in tables] or ["sessions"])
    if len(revisions) > 1 or revisions[0] not in REVISIONS:
        raise SchemaTooNewError(", ".join(sorted(map(str, revisions))), HEAD)
    _require_our_tables(tables, list(_KEY_COLUMNS))
    if revisions[0] in REVISIONS[:NEWEST_LEGACY] and versions:
        legacy = _legacy(tables, versions)
        if int(revisions[0]) < (legacy.legacy or 0):
            return legacy  # the original opened a file that had been downgraded, and moved it up
    return State(revision=revisions[0])


def _legacy(tables: Tables, versions: list[Any]) -> State:
    """Two openers at once could write the version twice; one that died, not at all."""
    _require_our_tables(tables, [name for name in _KEY_COLUMNS if name in tables])
    if "version" not in tables["schema_version"] or not all(
        isinstance(version, int) and version > 0 for version in versions
    ):
        raise ForeignDatabaseError(f"schema_version says {versions}")
    version = max(versions, default=1)
    if version > NEWEST_LEGACY:
        raise _newer_hermes(version)
    return State(legacy=version)


def _newer_hermes(version: int) -> SchemaTooNewError:
    return SchemaTooNewError(
        f"{version} of a newer Hermes Agent",
        f"schema {NEWEST_LEGACY} of Hermes Agent and its own revision {HEAD}",
        "leave the file to Hermes Agent and give this store another path; "
        "'hermes-store import FILE' takes its conversations over",
    )


def _require_our_tables(tables: Tables, names: list[str]) -> None:
    for name in names:
        if name not in tables:
            raise ForeignDatabaseError(f"it holds {_listed(tables)} and no table {name}")
        missing = _KEY_COLUMNS[name] - set(tables[name])
        if missing:
            raise ForeignDatabaseError(f"its table {name} has no {', '.join(sorted(missing))}")


def _require_room(names: Collection[str], state: State) -> None:
    """Refuse a database where an upgrade would make a table that is there."""
    reached = state.revision or ""
    for name, revision in _MADE_BY.items():
        if reached < revision and name in names:
            found = f"its table {name} is another program's"
            raise ForeignDatabaseError(found, "rename that table, or give another path")


def _listed(tables: Tables) -> str:
    names = sorted(name for name in tables if not name.startswith("sqlite_"))
    return f"the tables {', '.join(names)}" if names else "no tables"
