"""A PostgreSQL server for the tests: one per run, shared by the workers, a database per test.

HERMES_STORE_TEST_POSTGRES_URL names a server that is there already: a URL of a superuser, without
password prompts. Otherwise the first test that needs one starts one: in a temporary folder, on the
loopback, as another user when this one is root, without fsync. It is stopped when the run ends.
With neither, the PostgreSQL half of the suite is deselected and the summary says so;
HERMES_STORE_REQUIRE_POSTGRES=1 makes that an error.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, make_url

from hermes_store import migrate
from tools import local_postgres

GIVEN = "HERMES_STORE_TEST_POSTGRES_URL"
REQUIRED = "HERMES_STORE_REQUIRE_POSTGRES"
_FOLDER = "HERMES_STORE_TEST_POSTGRES_FOLDER"
"""Where the workers of one run find the server that one of them started."""

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "deadlock_timeout": "50ms",
    "timezone": "UTC",
}
_numbers = itertools.count()


def why_not() -> str | None:
    """Why the PostgreSQL half cannot run here; None when it can."""
    if not os.environ.get(GIVEN) and local_postgres.missing_server():
        return f"{local_postgres.missing_server()}, or set {GIVEN}"
    return local_postgres.missing_driver()


def is_required() -> bool:
    """Whether a run without a server is a failure."""
    return os.environ.get(REQUIRED) == "1"


# --- one server per run -------------------------------------------------------------------------


def begin_run() -> None:
    """In the process that starts the run: say where a server would be."""
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="hermes-postgres-")


def end_run() -> None:
    """In the same process: stop the server, if one was started."""
    folder = Path(os.environ.pop(_FOLDER))
    if (folder / "url").exists() and not os.environ.get(GIVEN):
        local_postgres.stop(folder)
    shutil.rmtree(folder)


@cache
def template() -> URL:
    """An empty store at the newest revision; copied per test, never opened."""
    folder = Path(os.environ[_FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        written = folder / "url"
        if not written.exists():
            written.write_text(_first_template(folder).render_as_string(hide_password=False))
        return make_url(written.read_text())


def _first_template(folder: Path) -> URL:
    given = os.environ.get(GIVEN)
    server = make_url(given) if given else local_postgres.start(folder, SETTINGS)
    url = server.set(drivername="postgresql+psycopg", database=f"hermes_template_{os.getpid()}")
    administer("DROP DATABASE IF EXISTS {}", url)
    administer("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", url)
    migrate.upgrade(url)
    return url


# --- a database per test ------------------------------------------------------------------------


class _Emptied(NamedTuple):
    """A database of this process, its schema as it should be, and a connection that looks at both."""

    url: URL
    schema: Any
    keeper: Any
    """Kept while tests have the database: a new one takes the server 5 ms, which is a third of a test."""


_emptied: list[_Emptied] = []
"""Those that no test uses now."""
_keepers: dict[URL, tuple[int, Any, threading.Lock]] = {}
"""Of the databases that tests use now: the process, its keeper, and who runs a statement on it."""

KEEPER = "keeper of the tests"
"""What its connections are called in pg_stat_activity."""

_SCHEMA = """
SELECT (SELECT string_agg(version_num, ',') FROM hermes_store_version),
    (SELECT md5(array_agg((oid, relname, relkind) ORDER BY oid)::text) FROM pg_class WHERE oid >= 16384),
    (SELECT md5(array_agg((attrelid, attnum, attname, atttypid) ORDER BY attrelid, attnum)::text)
        FROM pg_attribute WHERE attrelid >= 16384),
    (SELECT md5(array_agg((oid, tgname, tgenabled) ORDER BY oid)::text) FROM pg_trigger),
    (SELECT md5(array_agg((oid, prosrc) ORDER BY oid)::text) FROM pg_proc WHERE oid >= 16384),
    (SELECT md5(array_agg((oid, conname) ORDER BY oid)::text) FROM pg_constraint WHERE oid >= 16384),
    (SELECT string_agg(s::text, ',') FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase
        WHERE datname = current_database()),
    (SELECT max(oid) FROM pg_proc)
"""
_NEWER = "SELECT 'DROP ROUTINE ' || oid::regprocedure || ' CASCADE' FROM pg_proc WHERE oid > %s"
"""What takes the functions of a test away, and their triggers."""
_EMPTY = """
DELETE FROM messages; DELETE FROM sessions; DELETE FROM meta; DELETE FROM leases; SELECT setval('messages_id_seq', 1, false);
UPDATE search_index SET state = 'ready', detail = '', filled = 0, owner = NULL, owned_until = NULL;
RESET lock_timeout
"""  # TRUNCATE makes new files, which takes ten times as long for a few rows


@contextmanager
def store(*, keeps_connections: bool = True) -> Iterator[URL]:
    """An empty store of the caller's own.

    To make a database takes ten times as long as to empty one, so an earlier one is given again
    when nothing but rows was changed in it, or functions and triggers were added. So are connections
    to it, unless the test is about them.
    """
    import kept_connections

    kept_connections.begin()
    given = _emptied.pop() if _emptied else _new_store()
    (kept_connections.keep if keeps_connections else kept_connections.forget)(given.url.database)
    _keepers[given.url] = os.getpid(), given.keeper, threading.Lock()
    yield given.url
    del _keepers[given.url]
    if _was_emptied(given):
        _emptied.append(given)
    else:
        kept_connections.forget(given.url.database)
        given.keeper.close()
        drop(given.url)


def _new_store() -> _Emptied:
    url = create(template())
    keeper = connected(url, autocommit=True, application_name=KEEPER)
    return _Emptied(url, keeper.execute(_SCHEMA, prepare=True).fetchone(), keeper)


def _was_emptied(given: _Emptied) -> bool:
    import psycopg

    try:
        given.keeper.execute("SET lock_timeout = 2000")
        for (drop,) in given.keeper.execute(_NEWER, given.schema[-1:], prepare=True).fetchall():
            given.keeper.execute(drop)
        if given.keeper.execute(_SCHEMA, prepare=True).fetchone() != given.schema:
            return False
        given.keeper.execute(_EMPTY, prepare=False)
    except psycopg.Error:
        return False
    return True


@contextmanager
def shared_connection(url: URL) -> Iterator[Any]:
    """A connection for one statement, which is committed: the keeper's while nobody else uses it."""
    process, keeper, turn = _keepers.get(url, (None, None, None))
    if process == os.getpid() and not keeper.closed and turn.acquire(blocking=False):
        try:
            yield keeper
        finally:
            turn.release()
    else:
        with connected(url, autocommit=True) as connection:
            yield connection


def close() -> None:
    """At the end of a process of the run: no connection is left open."""
    if _emptied:
        import kept_connections

        kept_connections.close()
    for each in _emptied:
        each.keeper.close()


@contextmanager
def empty_database() -> Iterator[URL]:
    """A database of the caller's own, without any table."""
    url = create(template().set(database="template0"))
    try:
        yield url
    finally:
        drop(url)


def create(copied: URL) -> URL:
    """A new database, a copy of another."""
    url = template().set(database=f"hermes_test_{os.getpid()}_{next(_numbers)}")
    administer("CREATE DATABASE {} TEMPLATE {}" + _by_files(), url, copied)
    return url


@cache
def _by_files() -> str:
    """How PostgreSQL 15 copies a database in a sixth of the time: earlier ones know nothing else."""
    with connected(template().set(database="postgres")) as server:
        return " STRATEGY FILE_COPY" if server.info.server_version >= 150_000 else ""


def drop(url: URL) -> None:
    """Drop a database, whoever uses it."""
    administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", url)


def connected(url: URL, **options: Any) -> Any:
    """A connection of the driver's own; as a context manager it commits and closes."""
    import psycopg

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, **options)


def administer(statement: str, url: URL, *others: URL) -> None:
    """Run a statement in the server's own database; the names of databases fill its braces."""
    from psycopg import sql

    names = [sql.Identifier(str(named.database)) for named in (url, *others)]
    with connected(url.set(database="postgres")) as server:
        server.autocommit = True
        server.execute(sql.SQL(statement).format(*names))
