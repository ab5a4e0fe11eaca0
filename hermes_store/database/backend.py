"""What the rest of the package needs to know of a database, under one name for each thing.

`sqlite.py` and `postgresql.py` implement the protocol; `choice.py` picks one by URL. A fact is an
attribute, an action a method. An `OpenConnection` names its backend.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Table

from hermes_store.database.checkpoint import AfterCommits
from hermes_store.database.sqlite_file import Opened
from hermes_store.database.sqlite_kept import Kept
from hermes_store.errors import HermesStoreError
from hermes_store.settings import Settings

__all__ = ["Backend"]


class Backend(Protocol):
    """One kind of database."""

    # --- where ----------------------------------------------------------------------------------

    name: str
    """The name of SQLAlchemy's dialect."""
    is_server: bool
    """True for a database on a server, False for a file."""
    settings: tuple[str, ...]
    """Names of the settings that it takes; the others change nothing."""

    def checked_url(self, url: URL) -> URL:
        """The URL as the store uses it. Raises `InvalidArgumentError`."""

    def shown(self, url: URL) -> str:
        """The URL as messages name it, without a password."""

    def identity(self, url: URL) -> Hashable:
        """A key by which stores of a process share connections. A file has one key."""

    def create_database(self, url: URL) -> bool:
        """Create a server's database unless it exists; return whether it was created.

        Raises `StoreUnavailableError`. A file is created when it is opened.
        """

    def require_one_name(self, url: URL) -> None:
        """Refuse a file that has two names. Raises `SecondNameError`."""

    def exposed(self, url: URL) -> list[str]:
        """What other users of the machine can do with the database, in words, and the remedy."""

    def why_read_only(self, url: URL) -> str | None:
        """Why the database cannot be written, if that is known without a write; else None."""

    def opened(self, connection: Connection) -> Opened | None:
        """The file that a connection has open; None when the database is on a server."""

    # --- engines --------------------------------------------------------------------------------

    begin_writing: str
    begin_reading: str
    keeps_readers: bool
    """Whether connections that read are kept by the store and not by SQLAlchemy's pool."""

    def write_engine(self, url: URL, settings: Settings) -> Engine:
        """Engine for connections that write. Holds no pool."""

    def read_engine(self, url: URL, settings: Settings, kept: Kept | None = None) -> Engine:
        """Engine whose connections can only read; the first may be what opening a file kept."""

    def migration_engine(self, url: URL, lock_timeout: float) -> Engine:
        """Engine for revisions: takes the write lock at once and checks no foreign keys."""

    def write_connections(self, settings: Settings) -> int:
        """How many connections may write at once."""

    def after_commits(
        self, url: URL, settings: Settings, inside: AbstractContextManager[object]
    ) -> AfterCommits | None:
        """What is done about a write-ahead log beside the commits; None when nothing is."""

    # --- transactions ---------------------------------------------------------------------------

    def begin(self, connection: Connection, statement: str) -> None:
        """Begin the driver's transaction with `begin_writing` or `begin_reading`."""

    def waiting_at_most(self, dbapi: Any, seconds: float) -> AbstractContextManager[None]:
        """For the block, the driver waits for a lock no longer than this, or than its settings."""

    tried_alone: frozenset[str]
    """Reads to try without BEGIN and COMMIT, by the `statements` that their functions have.

    A read of "mostly one" may have to run twice.
    """

    def runs_alone(self, connection: Connection) -> bool:
        """Whether a statement that reads may run without BEGIN and COMMIT."""

    def in_transaction(self, dbapi: Any) -> bool:
        """Whether the driver's connection holds a transaction, also a failed one."""

    def may_commit(self, dbapi: Any) -> bool:
        """Whether COMMIT would store the transaction."""

    locks_rows: bool
    """Whether several transactions write at once, each with locks on the rows that it changes."""

    def is_executing(self, dbapi: Any) -> bool:
        """Whether Ctrl-C left the driver's connection in the middle of a statement."""

    # --- errors ---------------------------------------------------------------------------------

    def is_busy(self, exc: BaseException) -> bool:
        """Whether a lock refused the operation, which may succeed when it runs again."""

    def is_overtaken(self, exc: BaseException) -> bool:
        """Whether another host may have changed what the operation had just read."""

    def is_lost(self, exc: BaseException) -> bool:
        """Whether the connection is lost, with all that was not committed."""

    def may_be_stored(self, exc: BaseException) -> bool:
        """Whether a connection that was lost during COMMIT leaves open what was stored."""

    def is_drivers(self, exc: BaseException) -> bool:
        """Whether the driver raised it, or SQLAlchemy for the driver."""

    def is_undecodable(self, exc: BaseException) -> bool:
        """Whether a stored text could not be read because it is not valid UTF-8."""

    def is_raised(self, exc: BaseException) -> bool:
        """Whether a trigger said so by RAISE: one of another program, as the store's do not."""

    def said_by(self, exc: BaseException) -> str:
        """What the driver's error says, without the texts of a row."""

    def translate(self, exc: BaseException) -> HermesStoreError | None:
        """The typed error for an error of the driver other than a lock; None for others."""

    # --- rows -----------------------------------------------------------------------------------

    keeps_nul: bool
    """Whether a text may hold the character NUL."""
    sorts_null_first: bool
    """Whether NULL comes first in a descending order."""
    takes_words: bool
    """Whether a message may bring along the words that it is found by."""
    weighs_joins: bool
    """Whether a join with many rows may read a whole table, and not look each row up."""

    def last_id(self, connection: Connection, table: str) -> int:
        """The greatest id that `table` ever gave out, 0 before the first."""

    def reserve_ids(self, connection: Connection, table: str, greatest: int) -> None:
        """Reserve the ids up to `greatest`, before rows with ids of their own are inserted."""

    def insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Store new rows with equal keys in the fastest way; where NUL is not kept, without NUL."""

    def undecodable_as_bytes(self, connection: Connection) -> AbstractContextManager[None]:
        """In the block, read text that is not valid UTF-8 as bytes."""

    def undecodable_replaced(self, connection: Connection) -> AbstractContextManager[None]:
        """In the block, read text with U+FFFD in place of bytes that are not valid UTF-8."""

    # --- schema ---------------------------------------------------------------------------------

    def lock_schema(self, connection: Connection) -> None:
        """Wait until no other process changes the schema, then lock the schema."""

    schema_record: str
    """Name of the file in `schema/` that holds the statements for a new database."""

    def takes_record(self, connection: Connection) -> bool:
        """Whether the database has the features that the recorded statements need."""

    def make_namespace(self, connection: Connection) -> None:
        """Create the PostgreSQL schema that the URL or the user's search path names."""

    def start_log(self, dbapi: Any) -> None:
        """Switch an empty file to WAL before its first table."""

    def keep_log(self, dbapi: Any) -> None:
        """Switch a file to WAL. When that fails now, the first write does it."""

    def without_references(self, dbapi: Any) -> AbstractContextManager[None]:
        """In the block, check no foreign keys. The block begins outside of a transaction."""

    def broken_references(self, connection: Connection) -> set[tuple[Any, ...]]:
        """Rows that refer to nothing."""

    triggers: str
    """Statement: name and table of every trigger of the store's tables, and how it was made."""
    drop_trigger: str
    """Statement, once `format` has put the quoted `name` and `table` of a trigger into it."""

    def fired(self, connection: Connection) -> Callable[[Any, bool], set[str]]:
        """What tells, of a driver's connection that writes, which triggers may write for it.

        And given whether a caller's own SQL has run on it.
        """

    # --- care -----------------------------------------------------------------------------------

    def log_bytes(self, url: URL) -> int | None:
        """The size of the write-ahead log in bytes; None when the database has none."""

    def describe(self, connection: Connection) -> dict[str, Any]:
        """The database library and its settings, as `get_stats()` returns them."""

    def damage(self, connection: Connection) -> list[str]:
        """What the database library finds wrong with its file, in its own words."""

    def compact(self, url: URL, lock_timeout: float) -> None:
        """Free the space of deleted rows. Raises `StoreBusyError`."""
