"""PostgreSQL: a server, several connections that write, and a pool of those that read."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, text
from sqlalchemy.exc import DBAPIError

from hermes_store.database import postgresql_engines as engines
from hermes_store.database import postgresql_errors as errors
from hermes_store.database import postgresql_urls as urls
from hermes_store.database.checkpoint import AfterCommits
from hermes_store.database.postgresql_copy import copy_in
from hermes_store.database.postgresql_triggers import TRIGGERS, Triggers
from hermes_store.errors import HermesStoreError, InvalidArgumentError, StoreUnavailableError
from hermes_store.settings import Settings, taken_by

__all__ = ["POSTGRESQL", "SCHEMA_LOCK"]

_DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")
SCHEMA_LOCK = 4_857_331_908  # any number, the same in every process
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_CREATED_BY_ANOTHER = {"42P04", "23505"}  # the second is what a race for the name ends with


class _PostgreSQL:
    """`Backend` for a database on a server."""

    # --- where ----------------------------------------------------------------------------------

    name = "postgresql"
    is_server = True
    settings = taken_by("postgresql")

    def checked_url(self, url: URL) -> URL:
        """The URL with its driver, and `?schema=…` as the search path that it stands for.

        A password among the parameters moves to its place before the host. Raises
        `InvalidArgumentError` for a driver other than psycopg 3, for an unknown parameter or one of
        the wrong type, and for a schema with a name that is not plain.
        """
        if url.drivername not in _DRIVERS:
            raise InvalidArgumentError(
                "db_path",
                f"the driver {url.drivername!r} is not supported",
                "write the URL like postgresql+psycopg://user@host/database",
            )
        urls.check_parameters(url)
        url = url.set(drivername="postgresql+psycopg")
        if "password" in url.query:
            url = url.set(password=str(url.query["password"])).difference_update_query(["password"])
        return _in_schema(url) if "schema" in url.query else url

    def shown(self, url: URL) -> str:
        """The URL with `***` for its password and for other secrets."""
        return urls.shown(url)

    def identity(self, url: URL) -> Hashable:
        """The URL: that two of them name one database, only the server could tell."""
        return url

    def create_database(self, url: URL) -> bool:
        """Create the database unless it is there; whether it was created."""
        try:
            with engines.write_engine(url, Settings()).connect():
                return False
        except StoreUnavailableError as exc:
            if exc.__cause__ is None:  # there is one, of another encoding
                raise  # else it is missing, or creating it fails too, and says better why
        if not url.database:
            raise InvalidArgumentError(
                "db_path", "the URL names no database", "add one: …/database"
            )
        return _create_database(url)

    def require_one_name(self, url: URL) -> None:
        """Nothing: a server's database is not a file."""

    def exposed(self, url: URL) -> list[str]:  # noqa: ARG002 - the server has users of its own
        """Nothing: the server decides who may do what."""
        return []

    def why_read_only(self, url: URL) -> str | None:  # noqa: ARG002 - only the server could tell
        """None: a standby refuses what it cannot do, and may be promoted."""
        return None

    def opened(self, connection: Connection) -> None:
        """None: there is no file."""

    # --- engines --------------------------------------------------------------------------------

    begin_writing = engines.BEGIN_WRITING
    begin_reading = engines.BEGIN_READING
    keeps_readers = False

    def write_engine(self, url: URL, settings: Settings) -> Engine:
        """Engine for connections that write."""
        return engines.write_engine(url, settings)

    def read_engine(self, url: URL, settings: Settings, kept: object = None) -> Engine:  # noqa: ARG002 - a file's
        """Engine with a bounded pool of connections that only read."""
        return engines.read_engine(url, settings)

    def migration_engine(self, url: URL, lock_timeout: float) -> Engine:
        """Engine for revisions."""
        return engines.write_engine(url, Settings(lock_timeout=lock_timeout))

    def write_connections(self, settings: Settings) -> int:
        """As many as the settings allow."""
        return settings.write_pool_size

    def after_commits(
        self,
        url: URL,  # noqa: ARG002 - SQLite's side needs them
        settings: Settings,  # noqa: ARG002 - as above
        inside: AbstractContextManager[object],  # noqa: ARG002 - as above
    ) -> AfterCommits | None:
        """None: the server makes its own checkpoints."""
        return None

    # --- transactions ---------------------------------------------------------------------------

    def begin(self, connection: Connection, statement: str) -> None:
        """Begin with `statement`; behind a pooler a transaction brings its own limits."""
        engines.begin(connection, statement)

    def waiting_at_most(self, dbapi: Any, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002 - on a server nobody hurries
        """No limit but the server's settings."""
        return nullcontext()

    tried_alone = frozenset({"one", "mostly one"})

    def runs_alone(self, connection: Connection) -> bool:
        """Yes: both are ways to the server; but a pooler's need the limits of a transaction."""
        return not engines.is_limited_by_transaction(connection)

    def in_transaction(self, dbapi: Any) -> bool:
        """Whether the driver's connection holds a transaction, be it one that failed."""
        return engines.in_transaction(dbapi)

    def may_commit(self, dbapi: Any) -> bool:
        """Whether COMMIT would store the transaction."""
        return engines.may_commit(dbapi)

    locks_rows = True

    def is_executing(self, dbapi: Any) -> bool:
        """Whether Ctrl-C left the driver's connection in the middle of a statement."""
        return engines.is_executing(dbapi)

    # --- errors ---------------------------------------------------------------------------------

    def is_busy(self, exc: BaseException) -> bool:
        """Whether another transaction was in the way."""
        return errors.is_busy(exc)

    def is_overtaken(self, exc: BaseException) -> bool:
        """Whether another host may have changed what the operation had just looked at."""
        return errors.is_overtaken(exc)

    def is_lost(self, exc: BaseException) -> bool:
        """Whether the connection is gone, and with it what was not committed."""
        return errors.is_lost(exc)

    def may_be_stored(self, exc: BaseException) -> bool:
        """Whether a connection that was lost during COMMIT leaves open what was stored."""
        return errors.may_be_stored(exc)

    def is_drivers(self, exc: BaseException) -> bool:
        """Whether the driver raised it, or SQLAlchemy for the driver."""
        return errors.is_drivers(exc)

    def is_undecodable(self, exc: BaseException) -> bool:  # noqa: ARG002 - the server checks
        """Never: the server takes only valid UTF-8."""
        return False

    def is_raised(self, exc: BaseException) -> bool:
        """Whether a trigger said so by RAISE: one of another program, as the store's do not."""
        return errors.state_of(exc) == errors.RAISED

    def said_by(self, exc: BaseException) -> str:
        """What the server says, without the texts of a row that it adds."""
        return errors.said_by(exc)

    def translate(self, exc: BaseException) -> HermesStoreError | None:
        """The typed error for an error of the driver other than a lock; None for others."""
        return errors.translate(exc)

    # --- rows -----------------------------------------------------------------------------------

    keeps_nul = False
    sorts_null_first = True
    takes_words = True
    weighs_joins = True

    def last_id(self, connection: Connection, table: str) -> int:
        """The last number that `table` gave out, 0 before the first."""
        statement = text("SELECT pg_sequence_last_value(CAST(:sequence AS regclass))")
        name = text("SELECT pg_get_serial_sequence(:table, 'id')")
        sequence = connection.execute(name, {"table": table}).scalar_one()
        return connection.execute(statement, {"sequence": sequence}).scalar_one() or 0

    def reserve_ids(self, connection: Connection, table: str, greatest: int) -> None:
        """Let the numbers that `table` gives out go on after `greatest`."""
        if not greatest:
            return
        connection.execute(
            text(
                "SELECT setval(sequence, greatest(:greatest, pg_sequence_last_value(sequence)))"
                " FROM CAST(pg_get_serial_sequence(:table, 'id') AS regclass) AS sequence"
            ),
            {"greatest": greatest, "table": table},
        )

    def insert(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Store new rows with equal keys, without NUL, by COPY."""
        copy_in(connection, table, rows)

    def undecodable_as_bytes(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 - there is none
        """Nothing to do: the server takes only valid UTF-8."""
        return nullcontext()

    def undecodable_replaced(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 - there is none
        """Nothing to do: the server takes only valid UTF-8."""
        return nullcontext()

    # --- schema ---------------------------------------------------------------------------------

    def lock_schema(self, connection: Connection) -> None:
        """Wait until no other process changes the schema, and keep others from it."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SCHEMA_LOCK})

    schema_record = "snapshot_postgresql.sql"

    def takes_record(self, connection: Connection) -> bool:
        """Whether the server was built with ICU."""
        icu = text("SELECT count(*) FROM pg_collation WHERE collname = 'und-x-icu'")
        return bool(connection.scalar(icu))

    def make_namespace(self, connection: Connection) -> None:
        """Create the schema of the search path when it is the only one there and missing."""
        path = connection.exec_driver_sql("SHOW search_path").scalar_one()
        current = connection.exec_driver_sql("SELECT current_schema()").scalar()
        if current is None and "," not in path:
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {path}")

    def start_log(self, dbapi: Any) -> None:
        """Nothing: the server has its log."""

    def keep_log(self, dbapi: Any) -> None:
        """Nothing: the server has its log."""

    def without_references(self, dbapi: Any) -> AbstractContextManager[None]:  # noqa: ARG002 - revisions rebuild nothing here
        """Nothing: a server alters a table as it is."""
        return nullcontext()

    def broken_references(self, connection: Connection) -> set[tuple[Any, ...]]:  # noqa: ARG002 - the server checks
        """Nothing: the server keeps references whole."""
        return set()

    triggers = TRIGGERS
    drop_trigger = "DROP TRIGGER {name} ON {table}"

    def fired(self, connection: Connection) -> Callable[[Any, bool], set[str]]:
        """The triggers that there were a moment ago; a migration reckons with none."""
        triggers: Triggers | None = connection.info.get("triggers")
        return triggers.made if triggers is not None else lambda *_: set()

    # --- care -----------------------------------------------------------------------------------

    def log_bytes(self, url: URL) -> None:
        """None: the server looks after its log."""

    def describe(self, connection: Connection) -> dict[str, Any]:
        """Which server it is."""
        version = connection.dialect.server_version_info or ()
        return {"library": self.name, "version": ".".join(map(str, version))}

    def damage(self, connection: Connection) -> list[str]:  # noqa: ARG002 - the server's own business
        """Nothing: the server looks after its files."""
        return []

    def compact(self, url: URL, lock_timeout: float) -> None:
        """Free the space of deleted rows for new ones, and renew the planner's statistics."""
        engine = engines.write_engine(url, Settings(lock_timeout=lock_timeout))
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM (ANALYZE) sessions, messages")


def _in_schema(url: URL) -> URL:
    schema, options = url.query["schema"], url.query.get("options", "")
    if not isinstance(schema, str) or not _PLAIN_NAME.fullmatch(schema):
        raise InvalidArgumentError(
            "db_path",
            f"schema {schema!r} is not a plain name",
            "use lower-case letters, digits and underscores, a letter first",
        )
    search_path = f"{options} -csearch_path={schema}".strip()
    return url.difference_update_query(["schema"]).update_query_dict({"options": search_path})


def _create_database(url: URL) -> bool:
    from sqlalchemy_utils import create_database  # noqa: PLC0415 - seldom used

    patient = url.set(query={"connect_timeout": str(engines.CONNECT_SECONDS), **url.query})
    patient = patient.difference_update_query([urls.PREPARE])
    try:
        create_database(patient, template="template0")
    except DBAPIError as exc:
        if errors.state_of(exc) not in _CREATED_BY_ANOTHER:  # of two at once, one comes second
            raise
        return False
    return True


POSTGRESQL = _PostgreSQL()
