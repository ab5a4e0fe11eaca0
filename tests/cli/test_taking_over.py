"""`import` and `copy` of a file of Hermes Agent, by the command."""

import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version INTEGER);"
            "INSERT INTO schema_version VALUES (22);"
            "CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT, started_at REAL);"
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT,"
            " content TEXT, timestamp REAL);"
            "INSERT INTO sessions VALUES ('s', 'cli', 1.0);"
            "INSERT INTO messages VALUES (1, 's', 'user', 'don''t', 2.0), (2, 's', 'user', 'x', 'y');"
        )
    return path


@pytest.mark.parametrize("command", ["import", "copy"])
def test_a_file_of_hermes_agent_is_taken_over_and_accounted_for(run, old, tmp_path, command):
    new = tmp_path / "new.db"
    given = ["--db", new, "import", old] if command == "import" else ["copy", old, new]
    done = run(*given)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [
        ["sessions", "1"],
        ["messages", "2"],
    ]
    assert "schema 22 of Hermes Agent" in done.err
    assert "altered: 2" in done.err
    assert "left out: 0" in done.err
    assert json.loads(run("--json", "--db", new, "search", "don't").out)[0]["id"] == 1


def test_json_is_a_list_of_accounts(run, old, tmp_path):
    [account] = json.loads(run("--json", "--db", tmp_path / "new.db", "import", old).out)
    assert (account["file"], account["version"], account["left_out"]) == (str(old), 22, [])
    assert account["tables"][0] == {
        "table": "sessions",
        "rows": 1,
        "went_to": "sessions",
        "now": 1,
    }


def test_opened_by_mistake_the_error_names_the_command(run, old):
    done = run("--db", old, "list")
    assert done.code == 1
    assert "hermes-store import FILE" in done.err


def test_what_cannot_be_is_refused(run, old, tmp_path, examples):
    new = tmp_path / "new.db"
    assert run("--db", new, "import", old, examples / "sessions.jsonl").code == 2
    assert run("copy", "--delete", old, new).code == 2
    assert not new.exists()


@pytest.mark.parametrize(
    "typed", [["--source", "cli"], ["--source", "import"], ["--id", "x"], ["--skip-bad"]]
)
def test_options_of_json_lines_are_refused_for_a_database(run, old, tmp_path, typed):
    new = tmp_path / "new.db"
    done = run("--db", new, "import", *typed, old)
    assert done.code == 2
    assert f"{typed[0]} is for JSON lines" in done.err
    assert not new.exists()
