"""What `engine.py` needs to know about PostgreSQL: connections, transactions, errors.

The driver is psycopg 3. As on SQLite, its own transaction control is off and the store says BEGIN:
READ COMMITTED with row locks for writes, one read-only snapshot for reads.
"""

from __future__ import annotations

import re
import sys
import time
from contextlib import closing
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.pool import NullPool

from hermes_store.errors import (
    HermesStoreError,
    InvalidArgumentError,
    StoreReadOnlyError,
    StoreUnavailableError,
    TransactionRolledBackError,
)
from hermes_store.settings import Settings

__all__ = [
    "BACKENDS",
    "BEGIN_READING",
    "BEGIN_WRITING",
    "compact",
    "create_database",
    "in_transaction",
    "is_lost",
    "is_overtaken",
    "is_refused_by_lock",
    "last_id",
    "make_engine",
    "may_commit",
    "reserve_ids",
    "translate_error",
    "url_of",
]

BACKENDS = ("postgresql", "postgres")
_DRIVERS = ("postgresql", "postgres", "postgresql+psycopg")

BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_CONNECT: dict[str, Any] = {
    "application_name": "hermes-store",
    "client_encoding": "utf8",
    # A server that is not there, or no longer there, is noticed in seconds, not in the minutes
    # after which TCP gives up.
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_IN_GOOD_TRANSACTION = (1, 2)  # libpq's PQTRANS_ACTIVE and PQTRANS_INTRANS
_IN_TRANSACTION = (*_IN_GOOD_TRANSACTION, 3)  # and PQTRANS_INERROR
_FRESH_SECONDS = 2.0
"""A pooled connection unused for longer is asked whether it still answers."""


def url_of(url: URL) -> URL:
    """The URL with its driver, and `?schema=…` as the search path that it stands for.

    Raises `InvalidArgumentError` for a driver that is not psycopg 3, and for another schema's name
    than a plain one.
    """
    if url.drivername not in _DRIVERS:
        raise InvalidArgumentError(
            "db_path",
            f"the driver {url.drivername!r} is not supported",
            "write the URL like postgresql+psycopg://user@host/database",
        )
    url = url.set(drivername="postgresql+psycopg")
    return _in_schema(url) if "schema" in url.query else url


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


def make_engine(url: URL, settings: Settings, begin: str, **pool: Any) -> Engine:
    """Engine whose transactions start with `begin`.

    Raises `StoreUnavailableError` when there is no driver, `InvalidArgumentError`.
    """
    connect = {name: value for name, value in _CONNECT.items() if name not in url.query}
    try:
        engine = create_engine(
            url, connect_args={**connect, "autocommit": True}, use_native_hstore=False, **pool
        )
    except ModuleNotFoundError as exc:
        raise StoreUnavailableError(
            f"PostgreSQL needs a driver ({exc})", "pip install 'hermes-store[postgresql]'"
        ) from exc
    except ArgumentError as exc:
        raise _wrong_url(exc) from exc

    def configure(dbapi: Any, _record: Any) -> None:
        _require_utf8(dbapi)
        _store_text_without_nul(dbapi)
        dbapi.execute(_limits(settings))

    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", lambda connection: _run(connection, begin))
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _require_answer)
    return engine


def _run(connection: Any, statement: str) -> None:
    connection.connection.dbapi_connection.execute(statement)


# --- a connection -------------------------------------------------------------------------------


def _connect(dialect: Any, _record: Any, arguments: Any, keywords: Any) -> Any:
    driver = dialect.loaded_dbapi
    try:
        return dialect.connect(*arguments, **keywords)
    except driver.OperationalError as exc:  # without SQLSTATE: the words are all there is
        raise StoreUnavailableError(_in_one_line(exc), _CHECK_THE_URL) from exc
    except driver.ProgrammingError as exc:
        raise _wrong_url(exc) from exc


def _wrong_url(exc: Exception) -> InvalidArgumentError:
    problem = f"the URL cannot be used ({_in_one_line(exc)})"
    return InvalidArgumentError("db_path", problem, "correct it")


def _in_one_line(exc: BaseException) -> str:
    return " ".join(str(exc).split())


def _require_utf8(dbapi: Any) -> None:
    encoding = dbapi.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        dbapi.close()
        raise StoreUnavailableError(
            f"the database stores text as {encoding} and cannot hold every text",
            "create it with ENCODING 'UTF8', as 'hermes-store init' does",
        )


def _store_text_without_nul(dbapi: Any) -> None:
    """PostgreSQL has no NUL character; like a lone surrogate it is replaced, not refused."""
    from psycopg.types.string import StrDumperUnknown  # noqa: PLC0415 - only where it is used

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\0", "\ufffd"))

    dbapi.adapters.register_dumper(str, Dumper)


def _limits(settings: Settings) -> str:
    """No statement waits for a row for ever, not even behind another host's open transaction."""
    lock = max(1, round(settings.lock_timeout * 1000))
    statement = round(settings.statement_timeout * 1000)
    return f"SET lock_timeout = {lock}; SET statement_timeout = {statement}"


def in_transaction(dbapi: Any) -> bool:
    """Whether the server holds a transaction, be it one that can only be rolled back."""
    return dbapi.pgconn.transaction_status in _IN_TRANSACTION


def may_commit(dbapi: Any) -> bool:
    """Whether no statement failed since the last savepoint; else COMMIT would roll back."""
    return dbapi.pgconn.transaction_status in _IN_GOOD_TRANSACTION


def _note_use(_dbapi: Any, record: Any) -> None:
    record.info["last_used"] = time.monotonic()


def _require_answer(dbapi: Any, record: Any, _proxy: Any) -> None:
    """Give the pool another connection for one that died while it was idle."""
    last_used = record.info.get("last_used")
    if last_used is None or time.monotonic() - last_used < _FRESH_SECONDS:
        return
    try:
        dbapi.execute("SELECT 1")
    except Exception as exc:
        if is_lost(exc):
            raise DisconnectionError from exc
        raise


def create_database(url: URL) -> bool:
    """Create the database unless it is there; whether it was created."""
    from sqlalchemy_utils import create_database  # noqa: PLC0415 - seldom used

    try:
        with make_engine(url, Settings(), BEGIN_READING, poolclass=NullPool).connect():
            return False
    except StoreUnavailableError as exc:
        if exc.__cause__ is None:  # there is one, of another encoding
            raise  # else it is missing, or creating it fails too, and says better why
    if not url.database:
        raise InvalidArgumentError("db_path", "the URL names no database", "add one: …/database")
    patient = url.set(query={"connect_timeout": str(_CONNECT["connect_timeout"]), **url.query})
    try:
        create_database(patient, template="template0")
    except DBAPIError as exc:
        if _state(exc) not in _CREATED_BY_ANOTHER:  # of two at once, one comes second
            raise
        return False
    return True


def compact(url: URL, lock_timeout: float) -> None:
    """Free the space of deleted rows for new ones, and renew the planner's statistics."""
    settings = Settings(lock_timeout=lock_timeout)
    engine = make_engine(url, settings, BEGIN_WRITING, poolclass=NullPool)
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM (ANALYZE) sessions, messages")


def last_id(connection: Connection, table: str) -> int:
    """The last number that `table` gave out, 0 before the first."""
    statement = text("SELECT pg_sequence_last_value(CAST(:sequence AS regclass))")
    name = text("SELECT pg_get_serial_sequence(:table, 'id')")
    sequence = connection.execute(name, {"table": table}).scalar_one()
    return connection.execute(statement, {"sequence": sequence}).scalar_one() or 0


def reserve_ids(connection: Connection, table: str, greatest: int) -> None:
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


# --- errors -------------------------------------------------------------------------------------

_LOCKED = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
_CREATED_BY_ANOTHER = {"42P04", "23505"}  # the second is what a race for the name ends with
_OVERTAKEN = {"23503", "23505"}  # foreign key, unique
_GOING_DOWN = {"57P01", "57P02", "57P03", "57P05"}  # shut down, crashed, starting, idle for long


def _state(exc: BaseException) -> str | None:
    """The SQLSTATE of a driver's error; None for others, and for those that the driver made up."""
    return getattr(getattr(exc, "orig", None) or exc, "sqlstate", None)


def _error(exc: BaseException) -> BaseException | None:
    """The driver's error in or behind `exc`."""
    driver = sys.modules.get("psycopg")
    original = getattr(exc, "orig", None) or exc
    return original if driver is not None and isinstance(original, driver.Error) else None


def is_refused_by_lock(exc: BaseException) -> bool:
    """Whether another transaction was in the way; the same operation may succeed later."""
    return _state(exc) in _LOCKED


def is_overtaken(exc: BaseException) -> bool:
    """Whether another host may have changed what the operation had just looked at."""
    return _state(exc) in _OVERTAKEN


def is_lost(exc: BaseException) -> bool:
    """Whether the connection is gone, and with it what was not committed."""
    error = _error(exc)
    if error is None:
        return False
    state = _state(error)
    if state is None:
        return isinstance(error, sys.modules["psycopg"].OperationalError)
    return state in _GOING_DOWN or state.startswith("08")


def translate_error(exc: BaseException) -> HermesStoreError | None:
    """The typed error for an error of the driver; None for others."""
    error = _error(exc)
    if error is None:
        return None
    said = _in_one_line(error)
    if is_lost(error):
        return StoreUnavailableError(f"the connection to the server was lost ({said})", "try again")
    return _translate_state(_state(error) or "", said)


def _translate_state(state: str, said: str) -> HermesStoreError | None:
    if state == "25P02":
        return TransactionRolledBackError("an earlier error")
    if state == "25006":
        return StoreReadOnlyError(said, "give the URL of the primary server")
    remedies = [remedy for start, remedy in _REMEDIES.items() if state.startswith(start)]
    return StoreUnavailableError(said, remedies[0]) if remedies else None


_CHECK_THE_URL = (
    "check the URL's host, port, user, password and database, and that the server runs; "
    "'hermes-store init' creates a missing database"
)
_REMEDIES = {
    "57014": "ask for less, or raise statement_timeout",
    "53": "relieve the server and try again",
    "28": _CHECK_THE_URL,
    "3D": _CHECK_THE_URL,
    "42501": "grant the user the right to do this",
}
"""By the beginning of the SQLSTATE."""
