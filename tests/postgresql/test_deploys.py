"""A deploy upgrades a server's database; opening it does not, unless it is asked to."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import postgres_server
import prepared
import pytest
from sqlalchemy import URL
from stored import column, rows
from support import Caller, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.postgresql import SCHEMA_LOCK as LOCK
from hermes_store.errors import (
    ForeignDatabaseError,
    MigrationError,
    SchemaTooNewError,
    StoreBusyError,
    UpgradeRequiredError,
)
from hermes_store.schema.revisions import HEAD, REVISIONS

UPGRADE = Path(__file__).with_name("opening_at_once.py")
ROOT = Path(__file__).parents[2]
OBJECTS = """
SELECT CAST(relkind AS text), relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'hermes_store_version%%'
UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2
"""


def written(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
def behind(empty_database: URL) -> URL:
    """A store at an older revision, with a session and a message in it."""
    migrate.upgrade(empty_database, "0008")
    with postgres_server.connected(empty_database) as connection:
        connection.execute("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1)")
        connection.execute(
            "INSERT INTO messages (session_id, role, content, timestamp)"
            " VALUES ('s', 'user', 'an old needle', 1)"
        )
    return empty_database


@pytest.fixture
def locked(empty_database: URL) -> Iterator[Any]:
    """A connection that holds the lock of a deploy."""
    with closing(postgres_server.connected(empty_database)) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        yield connection


def waiting(url: URL) -> int:
    """How many deploys wait for their turn."""
    [found] = column(
        url,
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    return found


class TestOpening:
    def test_an_older_schema_is_refused_with_the_command_and_not_changed(self, behind):
        with pytest.raises(
            UpgradeRequiredError, match=r"at 0008, revision .* 'hermes-store upgrade'"
        ):
            SessionRepository(behind)
        assert migrate.current(behind) == "0008"

    def test_a_database_without_a_schema_too(self, empty_database):
        with pytest.raises(UpgradeRequiredError, match="at none, revision"):
            SessionRepository(empty_database)
        assert rows(empty_database, OBJECTS) == []

    def test_auto_migrate_upgrades_and_old_messages_are_found(self, behind):
        with SessionRepository(behind, auto_migrate=True) as repository:
            assert [hit["session_id"] for hit in repository.search_messages("needle")] == ["s"]
        assert migrate.current(behind) == HEAD

    def test_a_newer_schema_is_refused(self, database):
        with postgres_server.connected(database) as connection:
            connection.execute("UPDATE hermes_store_version SET version_num = '9999'")
        for keyword in (None, True):
            with pytest.raises(SchemaTooNewError, match="9999"):
                SessionRepository(database, auto_migrate=keyword)

    def test_tables_of_other_programs_are_left_alone(self, empty_database):
        with postgres_server.connected(empty_database) as connection:
            connection.execute("CREATE TABLE books (id integer); INSERT INTO books VALUES (1)")
        migrate.upgrade(empty_database)
        assert rows(empty_database, "SELECT id FROM books") == [(1,)]

    @pytest.mark.parametrize("name", ["sessions", "usage", "meta", "leases", "search_index"])
    def test_tables_of_our_names_that_are_not_ours_are_refused(self, empty_database, name):
        with postgres_server.connected(empty_database) as connection:
            connection.execute(f"CREATE TABLE {name} (cookie text)")
        with pytest.raises(ForeignDatabaseError, match=name):
            migrate.upgrade(empty_database)


class TestTwoDeploys:
    def test_of_two_processes_the_second_finds_nothing_to_do(self, empty_database):
        command = [sys.executable, str(UPGRADE), written(empty_database)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        deploys = [prepared.Popen(command, text=True, env=environment, **pipes) for _ in range(2)]
        for deploy in deploys:
            assert deploy.stdout.readline() == "ready\n"
        for deploy in deploys:
            deploy.stdin.write("\n")
            deploy.stdin.flush()
        assert [deploy.communicate(timeout=60)[0] for deploy in deploys] == ["done\n"] * 2
        assert [deploy.returncode for deploy in deploys] == [0, 0]
        assert column(empty_database, "SELECT version_num FROM hermes_store_version") == [HEAD]

    def test_a_deploy_waits_for_the_one_before_it_and_looks_again(self, empty_database, locked):
        deploy = Caller(lambda: migrate.upgrade(empty_database))
        until(lambda: waiting(empty_database) == 1)
        assert rows(empty_database, OBJECTS) == []
        locked.execute("CREATE TABLE hermes_store_version (version_num text)")
        locked.execute("INSERT INTO hermes_store_version VALUES ('9999')")
        locked.execute("CREATE TABLE sessions (id text, source text, started_at float)")
        locked.commit()
        with pytest.raises(SchemaTooNewError, match="9999"):
            deploy.finish()

    def test_a_deploy_that_does_not_end_is_waited_for_within_the_budget(
        self, empty_database, locked
    ):
        with pytest.raises(StoreBusyError) as caught:
            migrate.upgrade(empty_database, lock_timeout=0.2)
        assert caught.value.waited >= 0.2
        assert rows(empty_database, OBJECTS) == []


class TestWhole:
    def test_a_step_that_fails_leaves_the_old_version(self, behind):
        with postgres_server.connected(behind) as connection:
            connection.execute("CREATE VIEW messages_search AS SELECT 1")  # what 0011 makes
        before = rows(behind, OBJECTS)
        with pytest.raises(MigrationError, match=r"(?s)already exists.*it was rolled back"):
            migrate.upgrade(behind)
        assert (rows(behind, OBJECTS), migrate.current(behind)) == (before, "0008")
        with postgres_server.connected(behind) as connection:
            connection.execute("DROP VIEW messages_search")
        migrate.upgrade(behind)
        assert migrate.current(behind) == HEAD

    def test_every_step_up_and_down_and_up_again_keeps_the_rows(self, empty_database):
        migrate.upgrade(empty_database, REVISIONS[0])
        with postgres_server.connected(empty_database) as connection:
            connection.execute(
                "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'cli', 1);"
                "INSERT INTO messages (session_id, role, content, timestamp)"
                " VALUES ('s', 'user', 'kept', 1)"
            )
        made = {REVISIONS[0]: rows(empty_database, OBJECTS)}
        for revision in REVISIONS[1:]:
            migrate.upgrade(empty_database, revision)
            made[revision] = rows(empty_database, OBJECTS)
        for revision in reversed(REVISIONS[:-1]):
            migrate.downgrade(empty_database, revision)
            assert rows(empty_database, OBJECTS) == made[revision], revision
        migrate.upgrade(empty_database)
        assert rows(empty_database, OBJECTS) == made[HEAD]
        assert column(empty_database, "SELECT content FROM messages") == ["kept"]
        migrate.downgrade(empty_database, "base")
        assert rows(empty_database, OBJECTS) == []
