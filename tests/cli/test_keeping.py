"""`backup`, `restore`, `retention`: what they print, and how they end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_store import SessionRepository, migrate


def test_a_backup_says_what_it_holds_and_a_restore_what_is_kept(run, filled, tmp_path) -> None:
    path = tmp_path / "b.db"
    result = run("backup", path)
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith(f"{path}: 12 sessions with 141 messages of {filled}, ")
    run("title", "20260210_1044", "changed")
    result = run("restore", path)
    assert (result.code, result.out) == (0, "")
    assert f"{filled} holds 12 sessions with 141 messages, from {path}\n" in result.err
    [kept] = filled.parent.glob("state.replaced-*.db")
    assert f"what the store held before is kept in {kept}\n" in result.err
    assert "changed" in run("--db", kept, "list").out
    assert "changed" not in run("list").out


def test_json_has_the_same(run, filled, tmp_path) -> None:
    folder = tmp_path / "backups"
    first = json.loads(run("--json", "backup", folder, "--keep", "1").out)
    second = json.loads(run("--json", "backup", folder, "--keep", "1").out)
    assert {**second, "made_at": 0, "bytes": 0, "path": ""} == {
        "path": "", "source": str(filled), "made_at": 0, "revision": migrate.HEAD, "sessions": 12,
        "messages": 141, "bytes": 0, "remarks": {}, "deleted": [first["path"]],
    }  # fmt: skip
    restored = json.loads(run("--json", "restore", second["path"]).out)
    assert Path(restored.pop("kept")).exists()
    assert restored == {"sessions": 12, "messages": 141, "upgraded_from": None, "remarks": {}}


def test_a_bar_is_shown_to_a_person(on_a_terminal, filled, tmp_path) -> None:
    assert "checking" in on_a_terminal("backup", tmp_path / "b.db", columns=120)


@pytest.fixture
def places(filled, home, tmp_path) -> dict[str, Path]:
    (tmp_path / "note.txt").write_text("not a store, but somebody's note " * 20)
    return {"home": home, "tmp": tmp_path}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("backup", 2, "Missing argument 'FILE'"),
        ("backup {home}/state.db", 2, "FILE: {home}/state.db is a file of the store itself"),
        ("backup {tmp}/note.txt", 2, "replace it with --replace"),
        ("backup {tmp}/missing/b.db", 1, "{tmp}/missing: No such file or directory; give a place"),
        ("backup {tmp}/b.db --keep 0", 2, "0 is not in the range"),
        ("backup {tmp}/note.txt --keep 2", 2, "give the path of a folder for --keep"),
        ("--db {tmp}/none.db backup {tmp}/b.db", 3, "no database at"),
        ("restore {tmp}/none.db", 3, "there is no file"),
        ("restore {tmp}/note.txt", 1, "note.txt is damaged (file is not a database); give another"),
        ("restore {home}/state.db", 2, "is a file of the store itself"),
        ("--read-only restore {tmp}/note.txt", 2, "leave --read-only out"),
        ("retention add", 2, "Missing argument 'NAME'"),
        ("retention add a burn --after 1d", 2, "'burn' is not one of"),
        ("retention add a delete", 2, "Missing option '--after'"),
        ("retention add a delete --after soon", 2, "is not a number of days"),
        ("retention add a delete --after 0", 2, "--after: 0 cannot be used"),
        ("retention add a delete --after 1d --pinned", 2, "leave them out: --after says when"),
        ("retention remove a", 3, "there is no rule 'a'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(run, places, arguments, code, said) -> None:
    result = run(*arguments.format(**places).split())
    assert (result.code, result.out) == (code, "")
    assert said.format(**places) in result.err
    assert (places["tmp"] / "note.txt").read_text().startswith("not a store")
    assert not (places["tmp"] / "b.db").exists()


def test_an_interrupted_backup_says_that_nothing_changed(filled, tmp_path) -> None:
    (tmp_path / "b.db").touch()
    wait = (
        "import sys, time\n"
        "from hermes_store.cli.app import run\n"
        "from hermes_store.transfer import backup\n"
        "def wait(*_): print('now', flush=True); time.sleep(60)\n"
        "backup.require_sound = wait\n"
        "sys.exit(run(['backup', sys.argv[1]]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", wait, tmp_path / "b.db"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"now\n"
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].decode()
    assert process.returncode == 130
    assert f"interrupted: {tmp_path / 'b.db'} is as it was" in said
    assert (tmp_path / "b.db").read_bytes() == b""
    assert {each.name for each in tmp_path.iterdir()} == {"b.db", "home"}


def test_ctrl_c_while_the_folder_of_a_backup_is_made_leaves_no_folder(
    run, filled, tmp_path, monkeypatch
) -> None:
    really = os.mkdir

    def interrupted(*arguments, **keywords):
        really(*arguments, **keywords)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "mkdir", interrupted)
    assert run("backup", tmp_path / "b.db").code == 130
    assert {each.name for each in tmp_path.iterdir()} == {"home"}


@pytest.mark.parametrize("command", ["list", "run", "run --dry-run"])
def test_without_rules_it_is_said_that_there_are_none(run, filled, command) -> None:
    assert run("retention", *command.split()).err.startswith("no rules; ")


def test_rules_are_stored_listed_tried_and_run(run, filled) -> None:
    added = run("retention", "add", "cron", "delete", "--after", "2w", "--source", "cron")
    assert added.err == "cron: delete after 14 days: source cron\n"
    rule = json.loads(run("--json", "retention", "add", "old", "archive", "--after", "30").out)
    assert rule == {"name": "old", "action": "archive", "days": 30.0, "filter": {}}
    assert [each["name"] for each in json.loads(run("--json", "retention", "list").out)] == [
        "old",
        "cron",
    ]
    assert "source cron" in run("retention", "list").out
    tried = run("retention", "run", "--dry-run")
    assert "old would archive 12" in tried.err
    assert "cron would delete 1" in tried.err
    assert "20260312_112005_0e77ba" in tried.out
    assert run("retention", "run").err == "old: archived 12\ncron: deleted 1\n"
    assert json.loads(run("--json", "retention", "run").out) == [
        {"name": "old", "action": "archive", "number": 0},
        {"name": "cron", "action": "delete", "number": 0},
    ]
    assert run("retention", "remove", "old").code == 0


def test_only_the_chosen_sessions_are_ended(run, filled) -> None:
    with SessionRepository(filled) as repo:
        for source in ("cron", "cli"):
            repo.create_session(source, source)
    ended = json.loads(run("--json", "end", "--inactive-since", "2999", "--source", "cron").out)
    assert ended["ended"] == ["cron"]
    assert run("end", "cli", "--source", "cli").code == 2
