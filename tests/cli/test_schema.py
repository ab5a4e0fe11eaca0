"""`init`, `upgrade` and `current`, and what the other commands do with a file that is behind."""

import json

import pytest

from hermes_store import migrate


def test_init_creates_the_file_once_and_says_so(run, home):
    result = run("init")
    assert (result.code, result.out) == (0, f"{home}/state.db created, now at {migrate.HEAD}\n")
    again = run("init")
    assert (again.code, again.err) == (0, "")
    assert again.out == (
        f"{home}/state.db is at {migrate.HEAD}, the newest revision: nothing to do\n"
    )


def test_json_of_init(run, home):
    database = {"database": f"{home}/state.db", "revision": migrate.HEAD}
    assert json.loads(run("--json", "init").out) == database | {"before": "none", "created": True}
    again = {"before": migrate.HEAD, "created": False}
    assert json.loads(run("--json", "init").out) == database | again


def test_upgrade_creates_the_database_and_says_so(run, home):
    assert run("current").code == 3
    result = run("upgrade")
    assert result.code == 0
    assert result.out == f"{home}/state.db created, now at {migrate.HEAD}\n"
    assert "the newest revision" in run("upgrade").out
    assert run("current").code == 0


def test_json_of_upgrade_and_current(run, home):
    database = f"{home}/state.db"
    assert json.loads(run("--json", "upgrade").out) == {
        "database": database,
        "before": "none",
        "revision": migrate.HEAD,
    }
    assert json.loads(run("current", "--json").out) == {
        "database": database,
        "revision": migrate.HEAD,
        "legacy_version": None,
        "head": migrate.HEAD,
        "is_current": True,
    }


@pytest.fixture
def behind(tmp_path):
    path = tmp_path / "behind.db"
    migrate.upgrade(path, "0005")
    return path


def test_current_says_what_to_do_and_changes_nothing(run, behind):
    before = behind.read_bytes()
    result = run("--db", behind, "current")
    assert result.code == 1
    assert f"is at 0005: 'hermes-store upgrade' brings it to {migrate.HEAD}" in result.out
    assert behind.read_bytes() == before
    assert [p.name for p in behind.parent.glob("behind*")] == ["behind.db"]


def test_a_reading_command_upgrades_the_file_and_says_so(run, behind):
    result = run("--db", behind, "list")
    assert result.code == 0
    assert f"is at 0005: upgrading it to {migrate.HEAD}" in result.err
    assert run("--db", behind, "list").err == "no sessions\n"


def test_an_empty_file_is_made_a_store_and_stderr_says_so(run, tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    assert f"is at none: upgrading it to {migrate.HEAD}" in run("--db", path, "list").err
    assert run("--db", path, "list").err == "no sessions\n"


def test_upgrade_names_both_ends(run, behind):
    assert f"upgraded from 0005, now at {migrate.HEAD}" in run("upgrade", "--db", behind).out


def test_init_upgrades_too(run, behind):
    assert f"upgraded from 0005, now at {migrate.HEAD}" in run("init", "--db", behind).out
