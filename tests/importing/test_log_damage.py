"""Files that are damaged, hostile or no logs at all: a sentence, and nothing lost."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from copy import deepcopy
from pathlib import Path

import log_samples
import pytest
from chatgpt_samples import conversation, node
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_store import SessionFilter, SessionRepository
from hermes_store.cli.app import run
from hermes_store.transfer.importers import log_file, log_formats
from hermes_store.transfer.importers.log_formats import FORMATS


def talk(number: int, messages: int = 3) -> dict:
    nodes = [
        node(f"n{place}", f"n{place - 1}", text=f"text {place} of {number}", at=1.7e9 + place)
        for place in range(messages)
    ]
    return conversation(*nodes, key=f"talk-{number:03}", title=f"Talk {number}")


def contents(repository) -> dict:
    return {
        each["id"]: [message["content"] for message in each["messages"]]
        for each in repository.export_all()
    }


# --- zips -----------------------------------------------------------------------------------------


def zipped(path: Path, **members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in members.items():
            archive.writestr(name, value if isinstance(value, (str, bytes)) else json.dumps(value))
    return path


def test_a_zip_is_read_whatever_folder_and_parts_it_has_and_never_unpacked(tmp_path, import_logs):
    members = {
        "export/conversations-000.json": [talk(0)],
        "export/conversations-001.json": [talk(1)],
        "../../climbing.json": [talk(2)],
        "__MACOSX/._conversations.json": b"\0\1",
        "export/user.json": {"id": "me"},
        "export/chat.html": "<p>",
    }
    path = zipped(tmp_path / "export.zip", **members)
    before = sorted(tmp_path.parent.rglob("*.json"))
    result = import_logs(path)
    assert result.code == 0, result.err
    assert "ChatGPT's export (3 files)" in result.err
    assert sorted(contents(result.repository)) == ["talk-000", "talk-001", "talk-002"]
    assert sorted(tmp_path.parent.rglob("*.json")) == before


def test_a_bad_record_of_a_zip_is_named_with_its_member(tmp_path, import_logs):
    path = zipped(tmp_path / "export.zip", **{"conversations.json": [talk(0), {"title": 1}]})
    result = import_logs(path)
    assert result.code == 1
    assert f"error: {path}/conversations.json, record 2: not a conversation" in result.err
    assert "stored before the error: 1 new session, 3 messages" in result.err
    assert list(contents(result.repository)) == ["talk-000"]


def test_zips_that_cannot_be_read_are_refused_with_the_reason(tmp_path, sqlite_logs, monkeypatch):
    good = zipped(tmp_path / "good.zip", **{"conversations.json": [talk(n) for n in range(50)]})
    whole = good.read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.zip").write_bytes(whole[:400] + b"\0\0\0\0" + whole[404:])
    locked = bytearray(whole)
    locked[6] |= 1  # the flag of encryption, at the file and in the directory
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    packed = bytearray(whole)
    packed[8] = packed[whole.index(b"PK\x01\x02") + 10] = 9  # the method
    (tmp_path / "packed.zip").write_bytes(packed)
    renamed = whole.replace(b"conversations", b"conversation5", 1)  # not in the directory
    (tmp_path / "renamed.zip").write_bytes(renamed)
    zipped(tmp_path / "other.zip", **{"letter.txt": "Dear"})
    twice = zipped(tmp_path / "twice.zip", **{"a.json": [talk(1)], "b.json": [talk(2)]})
    twice.write_bytes(twice.read_bytes().replace(b"b.json", b"a.json"))
    monkeypatch.setattr(log_file, "_LEAST_SUSPECT", 1_000_000)
    zipped(tmp_path / "bomb.zip", **{"conversations.json": b" " * 2_000_000})
    for name, problem in {
        "cut": "is a damaged zip",
        "flipped": "cannot be unpacked",
        "locked": "is encrypted; unpack it with its password",
        "packed": "is packed by a method that exports do not use",
        "renamed": "cannot be unpacked",
        "other": "holds no conversations of a format that is known",
        "twice": "has several files of one name",
        "bomb": "times as large unpacked",
    }.items():
        result = sqlite_logs(tmp_path / f"{name}.zip")
        assert result.code == 1, name
        assert problem in result.err


def test_a_file_that_cannot_be_read_is_one_bad_record_and_the_others_are_imported(
    tmp_path, sqlite_logs
):
    noise = random.Random(1)  # so that it is read in several pieces
    many = [{**talk(number), "noise": noise.randbytes(50_000).hex()} for number in range(40)]
    path = zipped(tmp_path / "x.zip", **{"a.json": many, "b.json": [talk(90)]})
    whole = path.read_bytes()
    path.write_bytes(whole[:1_500_000] + b"\0\0\0\0" + whole[1_500_004:])
    result = sqlite_logs(path, "--skip-bad")
    assert result.code == 0
    assert f"skipped {path}/a.json, record" in result.err
    assert "cannot be unpacked" in result.err
    assert "left out: " in result.err
    stored = contents(result.repository)
    assert "talk-090" in stored
    assert 5 < len(stored) < 41


# --- what is given --------------------------------------------------------------------------------


def test_paths_and_options_that_mean_nothing_are_refused_with_the_remedy(tmp_path, sqlite_logs):
    empty, log = tmp_path / "empty", log_samples.write(tmp_path, "codex")
    empty.mkdir()
    ours = tmp_path / "ours.jsonl"
    ours.write_text(json.dumps({"id": "a", "source": "cli", "started_at": 1.0, "messages": []}))
    for arguments, code, problem in [
        ((empty,), 2, "holds no file of a format that is known"),
        ((tmp_path / "missing.json",), 2, "does not exist"),
        ((log, ours), 2, "is not of another program: import it by a call of its own"),
        ((log, "--id", "x"), 2, "--id is for JSON lines"),
        ((log, "--source", "x"), 2, "--source is for JSON lines"),
        ((log, "--from", "llm"), 1, "is not a SQLite file; llm is another kind of file"),
        ((log, "--from", "word"), 2, "is not one of"),
        (("-", "--from", "codex"), 2, "stdin cannot be read twice"),
        ((log, "--from", "chatgpt"), 1, "codex.jsonl:1: not a conversation"),
        ((log, "--read-only"), 2, "leave --read-only out"),
    ]:
        result = sqlite_logs(*arguments)
        assert (result.code, problem in result.err) == (code, True), result.err
        assert result.repository.session_count() == 0


def test_a_database_of_no_known_format_is_refused_with_the_remedy(sqlite_logs, template):
    result = sqlite_logs(template)
    assert result.code == 1
    assert "is a SQLite file of no known format; a store of this package is taken" in result.err


def test_the_database_that_codex_keeps_beside_its_rollouts_is_not_taken_for_one_of_llm(
    tmp_path, sqlite_logs
):
    folder = tmp_path / "logs"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "a_state.sqlite")) as codex:
        codex.execute("CREATE TABLE threads (id TEXT PRIMARY KEY, rollout_path TEXT, title TEXT)")
        codex.execute("INSERT INTO threads VALUES ('codex-1', '/x', 'taken')")
        codex.commit()
    log_samples.write(folder, "codex")
    result = sqlite_logs(folder)
    assert "Codex (1 file); 1 file of no known format left out" in result.err
    assert result.repository.get_session("codex-1")["message_count"] == 5


def test_a_folder_leaves_out_what_is_no_log_and_says_how_much(tmp_path, sqlite_logs):
    folder = tmp_path / "folder"
    folder.mkdir()
    log_samples.write(folder, "codex")
    (folder / "settings.json").write_text("{}")
    (folder / "empty.jsonl").write_text("")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "gone.json").symlink_to(folder / "nowhere")
    result = sqlite_logs(folder)
    assert result.code == 0
    assert "Codex (1 file); 4 files of no known format left out" in result.err
    assert "left out: " in result.err
    assert "is a damaged zip" in result.err


def test_a_format_takes_its_files_of_a_folder_or_a_zip(tmp_path, sqlite_logs):
    folder = tmp_path / "folder"
    folder.mkdir()
    log_samples.write(folder, "codex")
    log_samples.write(folder, "llm")
    members = {"conversations.json": [talk(1)], "user.json": {"id": "me"}}
    path = zipped(folder / "export.zip", **members)
    for where, name, session_id in [
        (folder, "codex", "codex-1"),
        (path, "chatgpt", "talk-001"),
        (folder, "llm", "llm-1"),
    ]:
        result = sqlite_logs(where, "--from", name)
        assert result.code == 0, result.err
        assert session_id in contents(result.repository)
    assert len(contents(result.repository)) == 5


def test_a_file_without_conversations_is_no_error(tmp_path, sqlite_logs):
    path = tmp_path / "conversations.json"
    path.write_text("[]")
    result = sqlite_logs(path, "--from", "chatgpt")
    assert (result.code, "imported 0 new sessions" in result.err) == (0, True)


def test_a_transcript_that_is_being_written_is_imported_up_to_its_last_whole_line(
    tmp_path, sqlite_logs
):
    path = tmp_path / "x.jsonl"
    log_samples.write_lines(path, log_samples.codex())
    path.write_bytes(path.read_bytes()[:-30])
    result = sqlite_logs(path)
    assert result.code == 0
    assert f"{path}:10: cut off, left out" in result.err
    assert result.repository.count_messages("codex-1") == 4


def test_a_damaged_database_gives_what_can_be_read_and_names_the_rest(tmp_path, sqlite_logs):
    path = tmp_path / "agents.db"
    log_samples.openai_agents(path)
    with log_samples.closing(log_samples.sqlite3.connect(path)) as connection, connection:
        rows = [("long", json.dumps({"role": "user", "content": f"{n} " * 500})) for n in range(50)]
        insert = "INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)"
        connection.executemany(insert, rows)
        connection.execute(insert, ("long", "{broken"))
    pages = bytearray(path.read_bytes())
    pages[12 * 4096 : 13 * 4096] = b"\xff" * 4096
    path.write_bytes(pages)
    result = sqlite_logs(path, "--skip-bad")
    assert result.code == 0
    assert "damaged place 1: agent_messages: row" in result.err
    assert "not JSON" in result.err
    assert result.repository.count_messages("agents-1") == 4
    assert 20 < result.repository.count_messages("long") < 50


@pytest.mark.parametrize("begin", [b"", b'{"id": "a'])
def test_a_file_that_is_made_of_nothing_is_refused_before_it_fills_the_memory(
    tmp_path, sqlite_logs, monkeypatch, begin
):
    monkeypatch.setattr(log_formats, "_MOST_READ", 2**24)
    path = tmp_path / "zeros.jsonl"
    path.write_bytes(begin)
    os.truncate(path, 2**40)
    result = sqlite_logs(path)
    assert result.code == 1
    assert f"{path}:1: longer than 16,777,216 bytes, and no session; give a file with" in result.err


def test_a_message_of_fifty_megabytes_is_imported(tmp_path, sqlite_logs):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([conversation(node("n", None, text="x" * 50_000_000), key="long")]))
    result = sqlite_logs(path)
    assert result.code == 0, result.err
    [message] = result.repository.get_messages("long")
    assert len(message["content"]) == 50_000_000


# --- stopped on the way ---------------------------------------------------------------------------

TALKS = [talk(number) for number in range(60)]
TALKS[30] = talk(30, messages=2_100)


def importing(path: Path, url: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "hermes_store", "--db", url, "import", str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(repository, sessions: int, process: subprocess.Popen) -> None:
    while repository.session_count() < sessions:
        assert process.poll() is None, process.communicate()


def test_killed_at_any_moment_it_goes_on_and_ends_complete_and_once(tmp_path, import_logs):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(TALKS))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    repository = import_logs(empty).repository
    for sessions in (1, 31):
        with importing(path, import_logs.url) as process:
            wait_for(repository, sessions, process)
            os.kill(process.pid, signal.SIGKILL)
    result = import_logs(path)
    assert result.code == 0
    assert contents(result.repository) == {
        each["id"]: [
            one["message"]["content"]["parts"][0]
            for one in each["mapping"].values()
            if one["message"]
        ]
        for each in TALKS
    }
    assert result.repository.check() == []


def test_an_interruption_says_what_is_stored_and_leaves_whole_sessions(tmp_path, sqlite_logs):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([each for each in TALKS if len(each["mapping"]) == 4] * 3))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    repository = sqlite_logs(empty).repository
    with importing(path, sqlite_logs.url) as process:
        wait_for(repository, 5, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    last = err.decode().splitlines()[-1]
    stored = repository.session_count()
    assert last == (
        f"interrupted: {stored} new sessions, {3 * stored} messages stored; run the same import "
        "again, it goes on"
    )


def test_a_full_disk_is_told_and_the_import_goes_on_when_there_is_room(tmp_path, sqlite_logs):
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(TALKS))
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    repository = sqlite_logs(empty).repository
    with repository.transaction() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 30}")
    full = sqlite_logs(path)
    assert full.code == 1
    assert "the disk is full" in full.err
    stored = repository.session_count(filter=SessionFilter(open=False))
    assert 0 < stored < len(TALKS)
    assert f"stored before the error: {stored} new sessions" in full.err
    with repository.transaction() as tx:
        tx.connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    assert sqlite_logs(path).code == 0
    assert len(contents(repository)) == len(TALKS)


# --- any JSON -------------------------------------------------------------------------------------

SAMPLES = {**log_samples.RECORDS, **log_samples.LINES}
ODD = st.sampled_from(
    [
        *(None, True, -1, 1e308, 2**70, 1e18, "", "\0", "\ud800", "x" * 600, "2026-01-01"),
        *([], {}, [[]], [None], {"": None}, {"type": 5}, {"type": ["x"]}, [{"text": 3}]),
        *({"parts": 7}, "tool_result"),
    ]
)


def places(value, at=()):
    """The way to each value in a value."""
    yield at
    if isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*at, key))


def put(value, at, new):
    if not at:
        return new
    value[at[0]] = put(value[at[0]], at[1:], new)
    return value


@pytest.fixture(scope="module")
def kept(tmp_path_factory, template) -> Path:
    """A store that all examples share."""
    path = tmp_path_factory.mktemp("kept") / "state.db"
    path.write_bytes(template.read_bytes())
    return path


@given(st.data(), st.sampled_from(sorted(SAMPLES)))
@settings(max_examples=40)
def test_any_json_in_any_place_ends_in_an_import_or_in_a_named_skip(kept, capsys, data, name):
    records = deepcopy(SAMPLES[name]())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(sorted(places(records), key=str)))
        records = put(records, at, deepcopy(data.draw(ODD)))
    path = kept.with_name("logs.json")
    path.write_text(json.dumps(records))
    assert name in FORMATS
    code = run(["--db", str(kept), "import", str(path), "--from", name, "--skip-bad"])
    told = capsys.readouterr().err
    assert code == 0, told
    assert "imported " in told
    with SessionRepository(kept) as repository:
        assert repository.check() == []
