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
        "foreign_triggers": [],
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
    assert f"is at 0005: 'hermes-store --db {behind} upgrade' brings it to" in result.out
    assert behind.read_bytes() == before
    assert [p.name for p in behind.parent.glob("behind*")] == ["behind.db"]


READING = ["model x", "list", "show x", "search x", "usage", "stats", "export", "doctor", "title x",
           "prune", "leases", "meta get x", "meta list"]  # fmt: skip


@pytest.mark.parametrize("command", READING)
def test_a_reading_command_changes_no_older_file_and_says_how_to_upgrade(run, behind, command):
    before = behind.read_bytes()
    result = run("--db", behind, *command.split())
    assert (result.code, result.out) == (1, "")
    assert f"error: {behind} is at 0005, revision {migrate.HEAD} is needed" in result.err
    assert f"run 'hermes-store --db {behind} upgrade'" in result.err
    assert behind.read_bytes() == before
    assert [p.name for p in behind.parent.glob("behind*")] == ["behind.db"]


@pytest.mark.parametrize("command", READING)
def test_a_reading_command_makes_no_store_of_an_empty_file(run, tmp_path, command):
    path = tmp_path / "empty.db"
    path.touch()
    result = run("--db", path, *command.split())
    assert (result.code, result.out) == (3, "")
    assert f"there is no store in {path} yet; 'hermes-store --db {path} init' creates" in result.err
    assert [p.name for p in tmp_path.glob("empty*")] == ["empty.db"]
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "command",
    ["list", "search don't", "show 20260210_09", "export", "stats", "usage", "leases", "meta list"],
)
def test_a_reading_command_changes_no_byte_of_the_file(run, filled, command):
    before = filled.read_bytes()
    assert run(*command.split()).code == 0
    assert filled.read_bytes() == before
    assert [p.name for p in filled.parent.iterdir()] == ["state.db"]


def test_a_changing_command_upgrades_the_file_and_says_so(run, behind):
    result = run("--db", behind, "prune", "--yes")
    assert result.code == 0
    assert f"is at 0005: upgrading it to {migrate.HEAD}" in result.err
    assert run("--db", behind, "list").err == "no sessions\n"


CHANGING = [
    ["title", "20260216", "new"],
    ["delete", "-y", "20260216_154510_71cf0b"],
    ["end", "20260216"],
    ["clear", "-y", "20260216_154510_71cf0b"],
    ["reindex"],
    ["optimize"],
]


@pytest.mark.parametrize("command", CHANGING, ids=lambda command: command[0])
def test_with_read_only_nothing_is_changed_by_any_command(run, filled, command):
    before = filled.read_bytes()
    result = run("--read-only", *command)
    assert result.code == 1
    assert "opened with --read-only" in result.err
    assert filled.read_bytes() == before
    assert run("list", "--read-only").code == 0


@pytest.mark.parametrize("command", ["init", "upgrade", "copy {db} {tmp}/x.db"])
def test_with_read_only_no_database_is_made(run, filled, tmp_path, command):
    arguments = command.format(db=filled, tmp=tmp_path).split()
    result = run("--read-only", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "leave --read-only out" in result.err
    assert not (tmp_path / "x.db").exists()


def test_upgrade_names_both_ends(run, behind):
    assert f"upgraded from 0005, now at {migrate.HEAD}" in run("upgrade", "--db", behind).out


def test_init_upgrades_too(run, behind):
    assert f"upgraded from 0005, now at {migrate.HEAD}" in run("init", "--db", behind).out
