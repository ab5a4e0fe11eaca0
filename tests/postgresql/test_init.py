"""`hermes-store init`: a server's database is created once, with its schema."""

import json
import subprocess
import sys

import postgres_server
import prepared
import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.cli.app import run as run_command
from hermes_store.errors import StoreUnavailableError

COMMAND = [sys.executable, "-m", "hermes_store"]


def written(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
def run(capsys, monkeypatch):
    """Run the command on a database: its exit code, and what it printed on both streams."""
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)

    def call(url: URL, *arguments: str) -> tuple[int, str, str]:
        return run_command(["--db", written(url), *arguments]), *capsys.readouterr()

    return call


def test_the_database_and_its_schema_are_created_once(run, missing_database):
    code, out, err = run(missing_database, "init")
    assert (code, err) == (0, "")
    assert f"created, now at {migrate.HEAD}" in out
    with SessionRepository(missing_database) as repository:
        repository.create_session("s", "cli")
    code, out, err = run(missing_database, "init")
    assert (code, err) == (0, "")
    assert "nothing to do" in out
    with SessionRepository(missing_database) as repository:
        assert repository.session_count() == 1


def test_json_says_whether_it_was_created(run, missing_database):
    for created, before in ((True, "none"), (False, migrate.HEAD)):
        printed = json.loads(run(missing_database, "--json", "init")[1])
        assert (printed["created"], printed["before"]) == (created, before)
        assert printed["revision"] == migrate.HEAD


def test_it_holds_every_text(run, missing_database):
    run(missing_database, "init")
    with postgres_server.connected(missing_database) as connection:
        assert connection.info.parameter_status("server_encoding") == "UTF8"


def test_a_database_that_is_there_gets_the_schema(run, empty_database):
    printed = json.loads(run(empty_database, "--json", "init")[1])
    assert (printed["created"], printed["revision"]) == (False, migrate.HEAD)


def test_an_older_schema_is_upgraded(run, empty_database):
    migrate.upgrade(empty_database, "0006")
    assert f"upgraded from 0006, now at {migrate.HEAD}" in run(empty_database, "init")[1]


def test_two_at_once_make_one(missing_database):
    command = [*COMMAND, "--db", written(missing_database), "init"]
    started = [prepared.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in started] == [0, 0]
    assert migrate.inspect(missing_database).is_current


def test_every_other_command_names_it_when_the_database_is_missing(run, missing_database):
    for command in ("list", "upgrade", "current"):
        code, out, err = run(missing_database, command)
        assert (code, out) == (1, "")
        assert "does not exist" in err
        assert "'hermes-store init' creates a missing database" in err
        assert err.count("\n") == 1


def test_who_may_not_create_one_is_told_so(missing_database):
    user = missing_database.set(database=f"{missing_database.database}-user")
    postgres_server.administer("CREATE ROLE {} LOGIN", user)
    command = [*COMMAND, "--db", written(missing_database.set(username=user.database)), "init"]
    try:  # in a process of its own: sqlalchemy-utils leaves its connection lie when it fails
        done = prepared.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        postgres_server.administer("DROP ROLE {}", user)
    assert (done.returncode, done.stdout) == (1, "")
    assert "permission denied to create database; grant the user the right" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_database_of_another_encoding_is_refused(run, missing_database):
    statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    postgres_server.administer(statement, missing_database)
    code, out, err = run(missing_database, "init")
    assert (code, out) == (1, "")
    assert "stores text as LATIN1" in err
    with pytest.raises(StoreUnavailableError, match="create it with ENCODING 'UTF8'"):
        SessionRepository(missing_database)


def test_a_url_without_a_database_is_refused(run, missing_database):
    code, _, err = run(missing_database._replace(database=None, username="nobody"), "init")
    assert code == 2
    assert "names no database" in err
