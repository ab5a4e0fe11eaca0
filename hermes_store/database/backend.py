"""What the rest of the package needs to know of a database, under one name for each thing.

`sqlite.py` and `postgresql.py` implement the protocol; `choice.py` picks one by URL. A fact is an
attribute, an action a method. Whoever has an open connection finds its backend there.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine

from hermes_store.database.checkpoint import Checkpoints
from hermes_store.database.sqlite_file import Opened
from hermes_store.errors import HermesStoreError
from hermes_store.settings import Settings

__all__ = ["Backend"]


class Backend(Protocol):
    """One kind of database."""

    # --- where ----------------------------------------------------------------------------------

    name: str
    """As SQLAlchemy names the dialect."""
    is_server: bool
    """Whether it is reached over a network; else it is a file."""
    settings: tuple[str, ...]
    """Names of the settings that it takes; the others change nothing."""

    def checked_url(self, url: URL) -> URL:
        """The URL as the store uses it. Raises `InvalidArgumentError`."""

    def shown(self, url: URL) -> str:
        """The URL as messages name it, without a password."""

    def identity(self, url: URL) -> Hashable:
        """What tells one database from another, under whichever name."""

    def create_database(self, url: URL) -> bool:
        """Create a server's database unless it is there; whether it was created.

        Raises `StoreUnavailableError`. A file is created when it is opened.
        """

    def require_one_name(self, url: URL) -> None:
        """Refuse a file that has two names. Raises `SecondNameError`."""

    def exposed(self, url: URL) -> list[str]:
        """What other users of the machine can do with the database, in words, and the remedy."""

    def why_read_only(self, url: URL) -> str | None:
        """Why the place cannot be written, when that shows without trying."""

    def opened(self, connection: Connection) -> Opened | None:
        """The file that a connection has open; None when the database is on a server."""

    # --- engines --------------------------------------------------------------------------------

    begin_writing: str
    begin_reading: str
    keeps_readers: bool
    """Whether connections that read are kept by the store and not by SQLAlchemy's pool."""
    merges_groups: bool
    """Whether operations of a group that are alike run as one statement."""

    def write_engine(self, url: URL, settings: Settings) -> Engine:
        """Engine for connections that write. Holds no pool."""

    def read_engine(self, url: URL, settings: Settings) -> Engine:
        """Engine whose connections can only read."""

    def migration_engine(self, url: URL, lock_timeout: float) -> Engine:
        """Engine for revisions: takes the write lock at once and checks no foreign keys."""

    def write_connections(self, settings: Settings) -> int:
        """How many connections may write at once."""

    def checkpoints(
        self, url: URL, settings: Settings, inside: AbstractContextManager[object]
    ) -> Checkpoints | None:
        """What moves a write-ahead log into the file beside the writers, if that is needed."""

    # --- transactions ---------------------------------------------------------------------------

    def begin(self, connection: Connection, statement: str) -> None:
        """Begin the driver's transaction with `begin_writing` or `begin_reading`."""

    def in_transaction(self, dbapi: Any) -> bool:
        """Whether the driver's connection holds a transaction, be it one that failed."""

    def may_commit(self, dbapi: Any) -> bool:
        """Whether COMMIT would store the transaction."""

    # --- errors ---------------------------------------------------------------------------------

    def is_busy(self, exc: BaseException) -> bool:
        """Whether a lock was in the way: the same operation may succeed when it is run again."""

    def is_overtaken(self, exc: BaseException) -> bool:
        """Whether another host may have changed what the operation had just looked at."""

    def is_lost(self, exc: BaseException) -> bool:
        """Whether the connection is gone, and with it what was not committed."""

    def is_drivers(self, exc: BaseException) -> bool:
        """Whether the driver raised it, or SQLAlchemy for the driver."""

    def is_undecodable(self, exc: BaseException) -> bool:
        """Whether a stored text could not be read because it is not valid UTF-8."""

    def translate(self, exc: BaseException) -> HermesStoreError | None:
        """The typed error for an error of the driver other than a lock; None for others."""

    # --- rows -----------------------------------------------------------------------------------

    keeps_nul: bool
    """Whether a text may hold the character NUL."""

    def last_id(self, connection: Connection, table: str) -> int:
        """The greatest id that `table` ever gave out, 0 before the first."""

    def reserve_ids(self, connection: Connection, table: str, greatest: int) -> None:
        """Never give out an id up to `greatest`. Call it before rows with their own ids come."""

    def undecodable_as_bytes(self, connection: Connection) -> AbstractContextManager[None]:
        """Read text that is not valid UTF-8 as the bytes it is."""

    def undecodable_replaced(self, connection: Connection) -> AbstractContextManager[None]:
        """Read text that is not valid UTF-8 with U+FFFD in place of what is not."""

    # --- schema ---------------------------------------------------------------------------------

    def lock_schema(self, connection: Connection) -> None:
        """Wait until no other process changes the schema, and keep others from it."""

    schema_record: str
    """Name of the file in `schema/` that holds the statements for a new database."""

    def takes_record(self, connection: Connection) -> bool:
        """Whether the database has what the recorded statements ask for."""

    def make_namespace(self, connection: Connection) -> None:
        """Create the schema, in the server's sense, that the URL or the user names."""

    def start_log(self, dbapi: Any) -> None:
        """Give an empty file its write-ahead log, before anything is in it."""

    def keep_log(self, dbapi: Any) -> None:
        """Switch a file to its write-ahead log; the first write does it where that fails now."""

    def without_references(self, dbapi: Any) -> AbstractContextManager[None]:
        """Check no references meanwhile. Entered outside of a transaction."""

    def broken_references(self, connection: Connection) -> set[tuple[Any, ...]]:
        """Rows that refer to nothing."""

    triggers: str
    """Statement: name and table of every trigger on the store's tables and search index."""

    def fired(self, connection: Connection) -> set[str]:
        """Names of the triggers that write for the statements of a connection that writes.

        It grows as statements are prepared. Empty where that cannot be told.
        """

    # --- care -----------------------------------------------------------------------------------

    def log_bytes(self, url: URL) -> int | None:
        """How long the write-ahead log is; None where there is none beside the database."""

    def describe(self, connection: Connection) -> dict[str, Any]:
        """Which database library is in force, and how it keeps the database."""

    def damage(self, connection: Connection) -> list[str]:
        """What the database library finds wrong with its own file, in its words."""

    def compact(self, url: URL, lock_timeout: float) -> None:
        """Give the space of what was deleted back. Raises `StoreBusyError`."""
