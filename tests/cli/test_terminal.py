"""What is stored cannot speak to the terminal: in no command's output, and in no error line."""

import json
import re
import sqlite3
import subprocess
import sys

import pytest
from test_text import STEERING

from hermes_store import SessionRepository
from hermes_store.cli.app import run as run_command
from hermes_store.database.address import shown, url_of

EVIL = "\x1b\x07\x1f\x7f\x85\x9b\u2028\u2029\u202a\u202e\u2066\u2069\U000e0041"
OURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")
"""What rich and click write themselves."""


def steering(shown: str) -> set[str]:
    return (STEERING - {"\n", "\t"}) & set(OURS.sub("", shown))


@pytest.fixture
def hostile(filled):
    """A session with hostile characters in every text."""
    with SessionRepository(filled) as repo:
        name = f"evil{EVIL}\nid"
        repo.create_session(
            name, f"cli{EVIL}", f"model{EVIL}", {"x": EVIL}, f"prompt{EVIL}", user_id=f"user{EVIL}"
        )
        repo.append_message(
            name, f"role{EVIL}", f"needle {EVIL} text", f"tool{EVIL}",
            [{"function": {"name": EVIL, "arguments": EVIL}}], reasoning=EVIL,
        )  # fmt: skip
        repo.append_message(name, "user", [{"type": f"image{EVIL}"}, {"text": EVIL}])
        repo.end_session(name, f"reason{EVIL}")
        repo.record_usage(name, input_tokens=5)
    connection = sqlite3.connect(filled)
    connection.execute("UPDATE sessions SET title = ? WHERE id = ?", (f"title{EVIL}", name))
    connection.commit()
    connection.close()
    return filled


COMMANDS = [
    "list -n 99", "list --source cli -n 1", "show evil --full --reasoning --system", "show evil --tail 1",
    "search needle --context", "stats", "title evil", "export evil", "export evil -o {tmp}/x",
    "prune --older-than 0", "doctor", "current", "end evil", "reopen evil", "clear evil --yes",
    "copy {db} {tmp}/x.db", "delete evil --yes", "--json list -n 99", "--json show evil",
    "--json search needle", "--json stats", "--json prune --older-than 0", "--json delete evil --yes",
    "--json title evil", "usage --by user", "usage --by user --plot", "usage --by user --csv", "usage --longest 9",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_what_would_steer_the_terminal(on_a_terminal, hostile, tmp_path, command):
    arguments = command.format(tmp=tmp_path, db=hostile).split()
    shown = on_a_terminal(*arguments, columns=200)
    assert "rror" not in shown
    assert steering(shown) == set()


@pytest.mark.parametrize("command", ["show evil", "search needle", "list -n 99", "stats"])
def test_neither_does_a_pipe_get_it(run, hostile, command):
    result = run(*command.split())
    assert result.code == 0
    assert steering(result.out + result.err) == set()


def test_json_in_a_pipe_is_the_value_itself(run, hostile):
    listed = json.loads(run("--json", "list", "--source", f"cli{EVIL}").out)
    assert [session["title"] for session in listed] == [f"title{EVIL}"]


def test_json_on_a_terminal_has_the_same_value(on_a_terminal, run, hostile):
    shown = json.loads(on_a_terminal("--json", "show", "evil").replace("\r\n", "\n"))
    assert shown == json.loads(run("--json", "show", "evil").out)
    line = on_a_terminal("export", "evil").replace("\r\n", "\n")
    assert json.loads(line) == json.loads(run("export", "evil").out)


ERRORS = [
    ("title 20260210_09 dup", 2), ("show x{evil}", 3), ("show 20260210_09 --role {evil}", 2),
    ("list --source {evil}", 2), ("list --limit {evil}", 2), ("list --{evil}", 2), ("{evil}", 2),
    ("search x --since {evil}", 2), ("import {tmp}/{evil}.jsonl", 1), ("export -o {tmp}/no/{evil}", 1),
    ("--db {tmp}/{evil}.db list", 3), ("--db {tmp}/hostile.db doctor", 3), ("copy {tmp}/{evil} x", 3),
    ("show evil --around 1", 3), ("import {tmp}/bad.jsonl", 2),
]  # fmt: skip


@pytest.fixture
def bad_files(hostile, tmp_path):
    with SessionRepository(hostile) as repo:
        repo.set_session_title("20260212_130722_9d41e8", "dup")
    (tmp_path / f"{EVIL}.jsonl").write_text("{oops\n")
    bad = {"id": f"a{EVIL}", "source": 5, "started_at": 1, "messages": []}
    (tmp_path / "bad.jsonl").write_text(json.dumps(bad))
    connection = sqlite3.connect(tmp_path / "hostile.db")
    connection.execute(f'CREATE TABLE "books{EVIL}" (id INTEGER)')
    connection.close()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(("command", "code"), ERRORS)
def test_no_error_line_prints_it(run, bad_files, tmp_path, command, code, as_json):  # noqa: PLR0917
    arguments = [each.format(tmp=tmp_path, evil=EVIL) for each in command.split()]
    result = run(*as_json, *arguments)
    assert (result.code, result.out if not as_json else "") == (code, "")
    assert steering(result.err) == set()
    if as_json:
        assert json.loads(result.err.splitlines()[-1])["error"]["message"]
    elif code != 2:
        assert sum(line.startswith("error: ") for line in result.err.splitlines()) == 1


def test_progress_bars_show_names_of_files_as_pictures(on_a_terminal, home, tmp_path):
    path = tmp_path / f"x{EVIL}\n[bold].jsonl"
    session = {"id": "a", "source": "cli", "started_at": 1.0, "messages": []}
    path.write_text(json.dumps(session) + "\n")
    shown = on_a_terminal("import", path, columns=300)
    assert "importing x" in shown
    assert "[bold].jsonl" in shown
    assert steering(shown.replace("\r", "")) == set()


@pytest.mark.parametrize("columns", ["20", "1", "0", "many"])
def test_a_pipe_gets_whole_data_whatever_columns_says(run, filled, monkeypatch, columns):
    with SessionRepository(filled) as repo:
        repo.create_session("x" * 300, "y" * 100, model="z" * 100)
        repo.set_session_title("x" * 300, "t" * 99)
        repo.append_message("x" * 300, "user", "needle " * 30)
    expected = [run(*command) for command in (["list"], ["search", "needle"], ["stats"])]
    monkeypatch.setenv("COLUMNS", columns)
    assert [run(*command) for command in (["list"], ["search", "needle"], ["stats"])] == expected
    assert all(re.search(letter * 99, expected[0].out) for letter in "xyzt")
    assert "x" * 300 in expected[1].out
    assert "needle " * 29 in run("show", "x" * 300).out


def test_a_password_is_hidden_in_every_line(tmp_path, capsys):
    urls = [
        "postgresql+psycopg://ada:s3cret@127.0.0.1:1/db",
        "postgresql+psycopg://ada@127.0.0.1:1/db?password=s3cret",
        "postgresql+psycopg://127.0.0.1:1/db?sslpassword=s3cret&user=ada",
        "postgres:/ada:s3cret@h/db",
        "mysql://ada:s3cret@h/db",
    ]
    for url in urls:
        for command in (["list"], ["current"], ["stats"], ["copy", url, tmp_path / "x.db"]):
            assert run_command(["--db", url, *map(str, command)]) != 0
            printed = "".join(capsys.readouterr())
            assert "s3cret" not in printed
            assert printed


def test_a_traceback_is_never_the_answer_to_a_bad_argument(filled):
    command = [sys.executable, "-m", "hermes_store", "search", "x", "--limit", "9" * 30]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--limit" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_shows_its_address_without_passwords():
    url = url_of("postgresql://ada:s3cret@h/db?password=s3cret&sslpassword=s3cret&user=ada")
    assert shown(url) == ("postgresql+psycopg://ada:***@h/db?sslpassword=***&user=ada")
