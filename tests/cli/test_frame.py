"""What holds for every command: help, options, exit codes, errors in one line, pipes."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import prepared
import pytest

from hermes_store import SessionRepository
from hermes_store.cli.app import COMMANDS

READING = ["list", "show x", "search x", "stats", "title x", "delete x --yes", "prune", "export",
           "current", "usage", "leases", "leases --release x", "meta list",
           "meta get x", "meta set x 1", "meta delete x", "doctor", "reindex", "optimize"]  # fmt: skip


def test_help_lists_every_command(run):
    result = run("--help")
    assert result.code == 0
    assert all(f"\n  {name} " in result.out for name in COMMANDS)
    assert "Exit codes" in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_the_shared_options(run, name):
    result = run(name, "--help")
    assert result.code == 0
    assert "--db PATH_OR_URL" in result.out
    assert "--json" in result.out


def test_help_of_the_command_imports_neither_the_repository_nor_rich(spawn):
    code = (
        "import sys\nfrom hermes_store.cli.app import run\nrun(['--help'])\n"
        "heavy = 'hermes_store.repository', 'sqlalchemy', 'rich', 'alembic'\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_without_a_command_the_help_is_shown(run):
    result = run()
    assert (result.code, result.out) == (2, "")
    assert result.err == run("--help").out
    assert json.loads(run("--json").err)["error"]["message"] == "give a command"


@pytest.mark.parametrize("group", ["meta", "retention"])
def test_a_group_without_a_command_says_what_is_missing_in_one_line(run, group):
    result = run(group)
    assert (result.code, result.err.splitlines()[-1]) == (2, "Error: Missing command.")


def test_the_version_is_that_of_the_package(run):
    assert run("--version").out.startswith("hermes-store, version ")


@pytest.mark.parametrize("arguments", READING)
def test_a_missing_database_is_not_found_and_not_created(run, home, arguments):
    result = run(*arguments.split())
    assert (result.code, result.out) == (3, "")
    assert result.err == (
        f"error: no database at {home}/state.db; name another with --db, "
        "or create it with 'hermes-store init'\n"
    )
    assert not home.exists()


def test_the_environment_names_the_database_and_the_option_wins(run, filled, tmp_path, monkeypatch):
    monkeypatch.setenv("HERMES_STORE_URL", f"sqlite:///{filled}")
    monkeypatch.setenv("HERMES_HOME", str(tmp_path / "elsewhere"))
    assert run("list").code == 0
    assert run("--db", tmp_path / "no.db", "list").code == 3


@pytest.mark.parametrize(
    "arguments",
    ["nonsense", "list --nonsense", "list --limit 0", "list --limit many", "search", "show",
     "search x --since someday", "search x --sort best", "prune --older-than -1"],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_an_explanation(run, filled, arguments):
    result = run(*arguments.split())
    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err


def test_a_reading_command_makes_no_store_in_a_file_of_another_program(run, tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE books (id INTEGER)")
    before = path.read_bytes()
    result = run("--db", path, "list")
    assert (result.code, result.out) == (3, "")
    assert "tables of other programs and no store" in result.err
    assert result.err.count("\n") == 1
    assert "is at none" in run("--db", path, "current").out
    assert path.read_bytes() == before
    assert run("--db", path, "init").code == 0
    assert run("--db", path, "list").err == "no sessions\n"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite://", "memory"),
        ("nonsense://x", "nonsense"),
        ("{tmp}", "not a file"),
        ("{tmp}/text.db", "SQLite"),
        ("{tmp}/text.db/x.db", "text.db/x.db: Not a directory"),
    ],
)
def test_what_is_no_store_is_an_error_in_one_line(run, tmp_path, address, words):
    (tmp_path / "text.db").write_text("this is no database, but long enough to look at\n" * 50)
    for command in ("list", "current", "upgrade"):
        result = run("--db", address.format(tmp=tmp_path), command)
        assert result.code in {1, 2}, command
        assert result.out == ""
        assert result.err.startswith("error: ")
        assert words in result.err
        assert result.err.count("\n") == 1
        assert result.err.count(address.format(tmp=tmp_path)) == address.startswith("{tmp}")


def test_with_json_an_error_is_json_too(run, filled):
    result = run("--json", "show", "nothing")
    assert result.code == 3
    error = json.loads(result.err)["error"]
    assert error["type"] == "NotFoundError"
    assert "nothing" in error["message"]


def test_a_reader_who_leaves_early_is_not_told_about_it(filled):
    with SessionRepository(filled) as repo:
        for number in range(50):
            repo.create_session(f"big{number}", "cli")
            repo.append_message(f"big{number}", "user", "x" * 100_000)
    for arguments in (
        ["export"],
        ["show", "big1"],
        ["--json", "show", "big1"],
        ["list", "-n", "99"],
    ):
        command = [sys.executable, "-m", "hermes_store", *arguments]
        with prepared.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(60) == 141


def test_output_that_the_terminal_cannot_show_is_no_error(spawn, filled):
    result = spawn("list", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert result.code == 0
    assert "????" in result.out
    listed = json.loads(spawn("--json", "list", PYTHONIOENCODING="ascii").out)
    assert "记忆与会话存储" in {session["title"] for session in listed}
    lines = spawn("export", PYTHONIOENCODING="ascii").out.splitlines()
    assert "记忆与会话存储" in {json.loads(line)["title"] for line in lines}


def test_stored_text_cannot_speak_to_the_terminal(run, filled):
    with SessionRepository(filled) as repo:
        repo.create_session("evil", "cli\x1b]0;owned\x07")
        repo.append_message("evil", "user", "clear\x1b[2Jed [bold]markup[/bold] :smile:")
    for arguments in (["list"], ["show", "evil"], ["search", "markup"]):
        result = run(*arguments)
        assert "\x1b" not in result.out + result.err
    assert "[bold]markup[/bold] :smile:" in run("show", "evil").out


def test_reading_works_while_a_writer_holds_the_lock(spawn, filled):
    with SessionRepository(filled) as repo, repo.transaction() as tx:
        tx.create_session("unfinished", "cli")
        for arguments in (["list", "-n", "99"], ["show", "20260210_09"], ["search", "don't"]):
            result = spawn(*arguments)
            assert (result.code, result.err) == (0, "")
            assert "unfinished" not in result.out


def test_an_interruption_ends_with_130_and_no_traceback(filled, examples):
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "hermes_store", "import", "-"]
    with prepared.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        session = (examples / "sessions.jsonl").read_bytes().splitlines()[0]
        process.stdin.write(session.replace(b"20260210_091204_3f9ac1", b"new") + b"\n")
        process.stdin.flush()
        wait_until_stored(filled, "new")
        process.send_signal(2)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_an_interruption_while_modules_are_imported_is_one_too(tmp_path):
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-c", "from hermes_store.cli import main; main(['list'])"]
    done = subprocess.run(
        command, capture_output=True, env=os.environ | {"PYTHONPATH": path}, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize(
    ("command", "code"),
    [("list", 0), ("--json list", 0), ("export", 0), ("import -", 0), ("delete 20260312", 2)],
)
def test_streams_that_are_closed_are_no_error(filled, command, code):
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m hermes_store {command} <&- >&-', sys.executable],
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has a device that is always full"
)
@pytest.mark.parametrize("command", ["list", "--json list", "export", "show 20260312"])
def test_output_for_which_there_is_no_room_is_one_line_and_an_error(filled, command):
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m hermes_store {command} > /dev/full', sys.executable],
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        check=False,
    )
    assert done.returncode == 1
    assert b"No space left on device; make room" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_home_that_nobody_knows_is_one_line_and_an_error(run, monkeypatch):
    monkeypatch.setenv("HERMES_HOME", "~nobody-here/hermes")
    result = run("list")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert (
        "nobody knows the home folder in '~nobody-here/hermes'; give the whole path" in result.err
    )


def wait_until_stored(path, session_id):
    with SessionRepository(path) as repo:
        while repo.get_session(session_id) is None:
            pass
