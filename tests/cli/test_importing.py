"""`import`: a bad line is named and can be skipped; what was stored is counted."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import prepared
import pytest

from hermes_store import SessionRepository

LOG = "20260301_100000_ab"


def session(name: str, **more) -> str:
    return json.dumps({"id": name, "source": "cli", "started_at": 1.0, "messages": [], **more})


def stored(run) -> list[str]:
    lines = run("export").out.splitlines()
    return sorted(json.loads(line)["id"] for line in lines)


BAD = {
    "{oops": "not JSON",
    "[1]": "not a JSON object",
    '{"neither": 1}': "neither a session with 'messages' nor a message with a 'role'",
    '{"messages": []}': "a session needs an 'id' and 'messages'",
    session("x", source=5): "session x, source: 5 is not a text",
    session("x", started_at=1772359205500): "not milliseconds",
    session("x", messages=[{"role": "user", "timestamp": 1e308}]): "messages[0], timestamp",
    session("x", messages=[5]): "session x, messages[0], value: int is not an object",
}


@pytest.mark.parametrize(("line", "problem"), BAD.items())
def test_a_bad_line_is_named_and_the_import_goes_on_when_it_is_mended(run, tmp_path, line, problem):
    path = tmp_path / "x.jsonl"
    message = {"role": "user", "content": "hi"}
    good = [session("a", messages=[message]), session("b"), session("c")]
    path.write_text("\n".join([*good[:2], line, good[2]]) + "\n")
    result = run("import", path)
    assert result.code in {1, 2}
    assert f"error: {path}:3: " in result.err
    assert problem in result.err
    assert "stored before the error: 2 sessions with 1 message; correct the line" in result.err
    assert stored(run) == ["a", "b"]
    path.write_text("\n".join(good) + "\n")
    assert run("import", path).code == 0
    assert stored(run) == ["a", "b", "c"]


@pytest.mark.parametrize(("line", "problem"), BAD.items())
def test_bad_lines_are_skipped_and_listed_when_asked(run, tmp_path, line, problem):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([line, session("a"), line, session("b"), line]) + "\n")
    result = run("import", path, "--skip-bad")
    assert result.code == 0
    for number in (1, 3, 5):
        assert f"skipped {path}:{number}: " in result.err
    assert result.err.count(problem) == 3
    assert "imported 2 sessions with 0 messages\nleft out: 3 bad lines\n" in result.err
    assert stored(run) == ["a", "b"]


def test_json_lists_what_was_skipped_and_counts_also_after_an_error(run, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([session("a"), "{oops", session("b")]) + "\n")
    failed = run("--json", "import", path)
    assert failed.code == 1
    assert json.loads(failed.out)["sessions"] == 1
    assert f"{path}:2: not JSON" in json.loads(failed.err)["error"]["message"]
    done = json.loads(run("--json", "import", path, "--skip-bad").out)
    assert (done["sessions"], done["skipped"], done["bad_lines"]) == (1, ["a"], 1)
    assert (done["bad"][0]["file"], done["bad"][0]["line"]) == (str(path), 2)


def test_a_line_that_the_database_refuses_is_named_with_what_was_stored_before(run, tmp_path):
    path, store = tmp_path / "x.jsonl", tmp_path / "s.db"
    assert run("init", "--db", store).code == 0
    with closing(sqlite3.connect(store)) as connection:
        connection.execute(
            "CREATE TRIGGER guard BEFORE INSERT ON sessions WHEN new.id = 'b'"
            " BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
        connection.commit()
    path.write_text("\n".join([session("a"), session("b"), session("c")]) + "\n")
    result = run("import", "--db", store, path)
    assert result.code == 1
    assert f"error: {path}:2: " in result.err
    assert "stored before the error: 1 session with 0 messages" in result.err


def test_an_external_id_that_comes_twice_is_a_bad_line_that_can_be_skipped(run, tmp_path):
    message = {"role": "user", "content": "x", "external_id": "m1"}
    twice = {"id": "twice", "source": "x", "started_at": 1, "messages": [message, message]}
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([session("a"), json.dumps(twice), session("b")]) + "\n")
    result = run("import", path, "--skip-bad")
    assert f"skipped {path}:2: session twice, messages[1], external_id: 'm1' is also" in result.err
    assert stored(run) == ["a", "b"]


def test_a_bad_line_of_a_log_is_left_out_or_refuses_the_log(run, tmp_path):
    path = tmp_path / f"{LOG}.jsonl"
    lines = ['{"role": "user", "content": "a"}', '{"role": "user", "content": 5}', "{oops",
             '{"role": ""}', '{"role": "user", "content": "b"}']  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    result = run("import", path)
    assert result.code == 1
    assert f"error: {path}:2: content: 5 is not a content" in result.err
    assert stored(run) == []
    result = run("import", path, "--skip-bad")
    assert result.code == 0
    assert [f"{path}:{n}: " in result.err for n in range(1, 6)] == [False, True, True, True, False]
    shown = json.loads(run("--json", "show", LOG).out)
    assert [message["content"] for message in shown["messages"]] == ["a", "b"]


def test_the_files_before_a_bad_one_are_stored_and_all_others_when_asked(run, tmp_path):
    for name, text in (("a", session("a")), ("b", "no json"), ("c", session("c"))):
        (tmp_path / f"{name}.jsonl").write_text(text + "\n")
    files = sorted(tmp_path.glob("*.jsonl"))
    assert run("import", *files).code == 1
    assert stored(run) == ["a"]
    assert run("import", *files, "--skip-bad").code == 0
    assert stored(run) == ["a", "c"]


def test_very_many_bad_lines_are_counted_but_not_all_listed(run, tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([session("a"), *["{oops"] * 1_200]) + "\n")
    result = run("import", path, "--skip-bad")
    assert result.err.count("skipped ") == 1_000
    assert "more than 1000 bad lines: the others are only counted" in result.err
    assert "left out: 1,200 bad lines" in result.err


def test_a_title_that_was_cut_is_told(run, tmp_path):
    (tmp_path / "x.jsonl").write_text(session("a", title="x" * 507) + "\n")
    result = run("import", tmp_path / "x.jsonl")
    cut = "x" * 100
    assert f"a is now titled '{cut}': its title was too long (507 characters)" in result.err


def test_every_field_of_a_log_is_kept(run, tmp_path):
    message = {"role": "user", "content": "x", "refusal": "no", "name": "ada", "id": "msg_1"}
    (tmp_path / "log.jsonl").write_text(
        json.dumps(message | {"audio": None, "timestamp": 5}) + "\n"
    )
    assert run("import", tmp_path / "log.jsonl").code == 0
    for command in (["show", "log"], ["export", "log"], ["show", "log", "--tail", "1"]):
        [shown] = json.loads(run("--json", *command).out)["messages"]
        assert {key: shown[key] for key in message if key != "id"} == {
            key: message[key] for key in message if key != "id"
        }
        assert (shown["tool_name"], shown["timestamp"]) == (None, 5)


def test_an_interruption_says_what_is_stored(filled, tmp_path):
    command = [sys.executable, "-m", "hermes_store", "import", "-"]
    with prepared.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        message = {"role": "user", "content": "hi"}
        process.stdin.write(session("new", messages=[message]).encode() + b"\n")
        process.stdin.flush()
        with SessionRepository(filled) as repo:
            while repo.get_session("new") is None:
                pass
        process.send_signal(2)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == (
        "interrupted: 1 session with 1 message stored; run the same import again, it goes on"
    )


def test_a_log_from_a_pipe_is_read_twice(spawn, run):
    lines = [json.dumps({"role": "user", "content": f"{n}"}) for n in range(1_500)]
    result = spawn("import", "-", "--id", LOG, stdin="\n".join(lines).encode())
    assert result.code == 0
    shown = json.loads(run("--json", "show", LOG).out)
    assert [message["content"] for message in shown["messages"]] == [str(n) for n in range(1_500)]
    assert (shown["end_reason"], shown["message_count"]) == ("imported", 1_500)


def test_an_empty_file_is_told(run, tmp_path):
    (tmp_path / "x.jsonl").write_text("\n  \n")
    result = run("import", tmp_path / "x.jsonl")
    assert result.code == 0
    assert f"{tmp_path}/x.jsonl is empty" in result.err


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_can_be_read_once_only_is_refused_before_it_is_opened(run, tmp_path, kind):
    path = tmp_path / "log.jsonl" if kind == "pipe" else "/dev/zero"
    if kind == "pipe":
        os.mkfifo(path)
    result = run("import", path)
    assert result.code == 2
    assert f"{path} is no file: give what comes out of it through stdin" in result.err


@pytest.mark.parametrize("endless", ["/dev/zero", "yes"])
def test_an_endless_stream_is_refused_as_soon_as_it_is_seen_to_be_none(endless):
    command = [sys.executable, "-m", "hermes_store", "import", "-", "--id", "a"]
    source = ["yes"] if endless == "yes" else ["cat", endless]
    with subprocess.Popen(source, stdout=subprocess.PIPE) as given:
        done = subprocess.run(command, stdin=given.stdout, capture_output=True, check=False)
        given.stdout.close()
    assert done.returncode == 1
    assert b"error: <stdin>:1: " in done.stderr


def test_a_session_of_any_size_is_one_line(run, tmp_path):
    path = tmp_path / "x.jsonl"
    texts = [{"role": "user", "content": "word " * 1_000_000}] * 4
    path.write_text(session("a", messages=texts) + "\n" + session("b"))
    assert run("import", path).code == 0
    assert stored(run) == ["a", "b"]
