"""Engines of a PostgreSQL server: connections, their limits, and how a transaction begins.

The driver is psycopg 3. As on SQLite, its own transaction control is off and the store says BEGIN:
READ COMMITTED with row locks for writes, one read-only snapshot for reads.
"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import NullPool, QueuePool

from hermes_store.database.postgresql_errors import connecting_remedy, in_one_line, is_lost
from hermes_store.database.postgresql_triggers import Triggers
from hermes_store.database.postgresql_urls import PREPARE, SECRETS, prepare_threshold
from hermes_store.errors import InvalidArgumentError, StoreUnavailableError
from hermes_store.settings import Settings

__all__ = [
    "BEGIN_READING",
    "BEGIN_WRITING",
    "CONNECT_SECONDS",
    "begin",
    "in_transaction",
    "is_executing",
    "may_commit",
    "read_engine",
    "write_engine",
]

BEGIN_WRITING = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

CONNECT_SECONDS = 10
_CONNECT: dict[str, Any] = {
    "application_name": "hermes-store",
    "client_encoding": "utf8",
    # A server that is not there, or no longer there, is noticed in seconds, not in the minutes
    # after which TCP gives up.
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_ACTIVE = 1  # libpq's PQTRANS_ACTIVE
_IN_GOOD_TRANSACTION = (_ACTIVE, 2)  # and PQTRANS_INTRANS
_IN_TRANSACTION = (*_IN_GOOD_TRANSACTION, 3)  # and PQTRANS_INERROR
_LIMITS = "limits"
"""Where a connection's `info` holds what each transaction must set; nowhere when it was set."""
_FRESH_SECONDS = 2.0
"""A pooled connection unused for longer is asked whether it still answers."""


def write_engine(url: URL, settings: Settings) -> Engine:
    """Engine for connections that write. Holds no pool."""
    engine = _engine(url, settings, BEGIN_WRITING, poolclass=NullPool)

    def note_triggers(dbapi: Any, record: Any) -> None:
        record.info["triggers"] = Triggers(dbapi)

    event.listen(engine, "connect", note_triggers)
    return engine


def read_engine(url: URL, settings: Settings) -> Engine:
    """Engine with a pool of connections that only read. `Readers` bounds how many are in use."""
    return _engine(
        url,
        settings,
        BEGIN_READING,
        poolclass=QueuePool,
        pool_size=settings.pool_size,
        max_overflow=-1,  # a bound of this pool would count those that Ctrl-C took for ever
        pool_use_lifo=True,
    )


def _engine(url: URL, settings: Settings, statement: str, **pool: Any) -> Engine:
    """Engine whose transactions start with `statement`.

    Raises `StoreUnavailableError` when there is no driver, `InvalidArgumentError`.
    """
    connect = {name: value for name, value in _CONNECT.items() if name not in url.query}
    connect.update((name, url.query[name]) for name in SECRETS if name in url.query)
    if PREPARE in url.query:
        connect[PREPARE] = prepare_threshold(url)
    try:
        # As an attribute of the module, so that instrumentation that wraps it is not missed.
        engine = sqlalchemy.create_engine(
            url.difference_update_query(SECRETS),  # an engine's repr shows every parameter
            connect_args={**connect, "autocommit": True},
            use_native_hstore=False,
            echo=settings.echo,
            **pool,
        )
    except ModuleNotFoundError as exc:
        raise StoreUnavailableError(
            f"PostgreSQL needs a driver ({exc})", "pip install 'hermes-store[postgresql]'"
        ) from exc
    except ArgumentError as exc:
        raise _wrong_url(exc) from exc

    def configure(dbapi: Any, record: Any) -> None:
        from hermes_store.database.postgresql_driver import adapt  # noqa: PLC0415 - needs psycopg

        _require_utf8(dbapi)
        adapt(dbapi)
        if _is_pooled(dbapi):
            if PREPARE not in url.query:
                dbapi.prepare_threshold = None
            record.info[_LIMITS] = _limits(settings, "SET LOCAL")
        else:
            dbapi.execute(_limits(settings, "SET"), prepare=False)

    def begin_once(connection: Connection) -> None:
        if not in_transaction(connection.connection.dbapi_connection):
            begin(connection, statement)

    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin_once)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _require_answer)
    return engine


# --- a connection -------------------------------------------------------------------------------


def _connect(dialect: Any, _record: Any, arguments: Any, keywords: Any) -> Any:
    driver = dialect.loaded_dbapi
    try:
        return dialect.connect(*arguments, **keywords)
    except driver.OperationalError as exc:  # without SQLSTATE: the words are all there is
        said = in_one_line(exc)
        raise StoreUnavailableError(said, connecting_remedy(said)) from exc
    except driver.ProgrammingError as exc:
        raise _wrong_url(exc) from exc


def _wrong_url(exc: Exception) -> InvalidArgumentError:
    problem = f"the URL cannot be used ({in_one_line(exc)})"
    return InvalidArgumentError("db_path", problem, "correct it")


def _require_utf8(dbapi: Any) -> None:
    encoding = dbapi.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        dbapi.close()
        raise StoreUnavailableError(
            f"the database stores text as {encoding} and cannot hold every text",
            "create it with ENCODING 'UTF8', as 'hermes-store init' does",
        )


def _is_pooled(dbapi: Any) -> bool:
    """Whether a pooler may give each transaction another connection to the server.

    PgBouncer and its like tell a client a process number of their own making. `prepare_threshold`
    none in the URL says it for those that do not.
    """
    [process] = dbapi.execute("SELECT pg_backend_pid()").fetchone()
    return dbapi.prepare_threshold is None or process != dbapi.info.backend_pid


def begin(connection: Connection, statement: str) -> None:
    """Begin a transaction, with its limits where the connection cannot keep them."""
    dbapi: Any = connection.connection.dbapi_connection
    limits = connection.info.get(_LIMITS)
    whole = statement if limits is None else f"{statement}; {limits}"
    dbapi.execute(whole, prepare=False)  # several statements cannot be prepared as one


def is_limited_by_transaction(connection: Connection) -> bool:
    """Whether each transaction brings its own limits, as behind a pooler."""
    return _LIMITS in connection.info


def _limits(settings: Settings, set_: str) -> str:
    """Limit the wait of a statement for a row, also behind another host's open transaction.

    Nor is a statement compiled at run time: for a list of conversations, which PostgreSQL thinks
    dear, that takes a second, and the list two milliseconds.
    """
    lock = max(1, round(settings.lock_timeout * 1000))
    statement = round(settings.statement_timeout * 1000)
    limits = f"{set_} lock_timeout = {lock}; {set_} statement_timeout = {statement}"
    return f"{limits}; {set_} jit = off"


def in_transaction(dbapi: Any) -> bool:
    """Whether the server holds a transaction, be it one that can only be rolled back."""
    return dbapi.pgconn.transaction_status in _IN_TRANSACTION


def may_commit(dbapi: Any) -> bool:
    """Whether no statement failed since the last savepoint; else COMMIT would roll back."""
    return dbapi.pgconn.transaction_status in _IN_GOOD_TRANSACTION


def is_executing(dbapi: Any) -> bool:
    """Whether the server's answer to a statement has not been read."""
    return bool(dbapi.pgconn.transaction_status == _ACTIVE)


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
