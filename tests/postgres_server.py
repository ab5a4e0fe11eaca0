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
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

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

_emptied: list[tuple[URL, Any]] = []
"""Databases of this process that no test uses now, each with its schema as it should be."""

_SCHEMA = """
SELECT (SELECT string_agg(version_num, ',') FROM hermes_store_version), current_setting('search_path'),
    (SELECT md5(array_agg((oid, relname, relkind) ORDER BY oid)::text) FROM pg_class WHERE oid >= 16384),
    (SELECT md5(array_agg((attrelid, attnum, attname, atttypid) ORDER BY attrelid, attnum)::text)
        FROM pg_attribute WHERE attrelid >= 16384),
    (SELECT md5(array_agg((oid, tgname, tgenabled) ORDER BY oid)::text) FROM pg_trigger),
    (SELECT md5(array_agg((oid, prosrc) ORDER BY oid)::text) FROM pg_proc WHERE oid >= 16384),
    (SELECT md5(array_agg((oid, conname) ORDER BY oid)::text) FROM pg_constraint WHERE oid >= 16384)
"""
_EMPTY = """
DELETE FROM messages; DELETE FROM sessions; DELETE FROM meta; DELETE FROM leases; SELECT setval('messages_id_seq', 1, false);
UPDATE search_index SET state = 'ready', detail = '', filled = 0, owner = NULL, owned_until = NULL
"""  # TRUNCATE makes new files, which takes ten times as long for a few rows


@contextmanager
def store() -> Iterator[URL]:
    """An empty store of the caller's own.

    To make a database takes ten times as long as to empty one, so an earlier one is given again
    when nothing but rows was changed in it.
    """
    url, schema = _emptied.pop() if _emptied else _new_store()
    yield url
    if _was_emptied(url, schema):
        _emptied.append((url, schema))
    else:
        drop(url)


def _new_store() -> tuple[URL, Any]:
    url = create(template())
    with connected(url) as connection:
        return url, connection.execute(_SCHEMA).fetchone()


def _was_emptied(url: URL, schema: Any) -> bool:
    import psycopg

    try:
        with connected(url) as connection:
            connection.execute("SET lock_timeout = 2000")
            if connection.execute(_SCHEMA).fetchone() != schema:
                return False
            connection.execute(_EMPTY)
            connection.execute(f'ALTER DATABASE "{url.database}" RESET ALL')
    except psycopg.Error:
        return False
    return True


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
    administer("CREATE DATABASE {} TEMPLATE {}", url, copied)
    return url


def drop(url: URL) -> None:
    """Drop a database, whoever uses it."""
    administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", url)


def connected(url: URL) -> Any:
    """A connection of the driver's own; as a context manager it commits and closes."""
    import psycopg

    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain)


def administer(statement: str, url: URL, *others: URL) -> None:
    """Run a statement in the server's own database; the names of databases fill its braces."""
    from psycopg import sql

    names = [sql.Identifier(str(named.database)) for named in (url, *others)]
    with connected(url.set(database="postgres")) as server:
        server.autocommit = True
        server.execute(sql.SQL(statement).format(*names))
