"""`import` of other programs' files: complete, once, and nothing lost, on both databases."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import log_samples
import pytest
from chatgpt_samples import conversation, node

from hermes_store.cli.errors import EXIT_INTERRUPTED
from hermes_store.database.driver import sqlite_driver
from hermes_store.transfer import growing
from hermes_store.transfer.importers.log_file import files_in
from hermes_store.transfer.importers.log_formats import FORMATS
from hermes_store.transfer.importers.logs import LogsResult, Recognised
from hermes_store.transfer.importers.logs import import_logs as import_logs_of

EXPECTED = {
    "chatgpt": ("heron", "chat-1"),
    "claude-ai": ("Minerva", "claude-1"),
    "claude-code": ("failed", "code-1"),
    "codex": ("List the files", "codex-1"),
    "llm": ("pelican", "llm-1"),
    "openai-agents": ("Adding OR Add", "agents-1"),
    "google-adk": ("hail", "adk/app/me/adk-1"),
}
"""A word of a sample, and the session that a search for it finds."""


def test_all_formats_are_imported_once_found_and_counted(tmp_path, import_logs):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in FORMATS:
        log_samples.write(folder, name)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    first = import_logs(folder)
    assert first.code == 0, first.err
    for each in FORMATS.values():
        assert f"{each.title} (1 file)" in first.err
    for word, session_id in EXPECTED.values():
        hits = first.repository.search_messages(word)
        assert session_id in {hit["session_id"] for hit in hits}
    by_source = {row["group"] for row in first.repository.usage_report(by="source")}
    assert by_source == {"claude-code", "codex", "llm", "google-adk"}
    assert first.repository.meta.items("adk/") == [("adk/app/app/y", 2)]
    first.repository.meta.set("adk/app/app/y", "set here since")
    exported = first.repository.export_all()
    again = import_logs(folder)
    assert "imported 0 new sessions, 0 messages" in again.err
    assert again.repository.export_all() == exported
    assert again.repository.meta.get("adk/app/app/y") == "set here since"
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_transcript_that_grew_gets_only_its_new_messages(tmp_path, import_logs):
    path = tmp_path / "code-1.jsonl"
    lines = log_samples.claude_code()
    log_samples.write_lines(path, lines[:4])
    import_logs(path)
    log_samples.write_lines(path, lines)
    grown = import_logs(path)
    assert "1 new session, 1 session continued, 5 messages" in grown.err
    session = grown.repository.get_session("code-1")
    assert (session["message_count"], session["tool_call_count"]) == (5, 1)
    assert (session["input_tokens"], session["output_tokens"]) == (5, 40)
    assert [row["calls"] for row in grown.repository.usage_report()] == [1]
    assert session["ended_at"] == session["last_active"]


def test_a_subagent_that_went_on_has_its_parent(tmp_path, import_logs):
    path, lines = tmp_path / "code-1.jsonl", log_samples.claude_code()
    log_samples.write_lines(path, lines[:-1])
    import_logs(path)
    log_samples.write_lines(path, lines)
    result = import_logs(path)
    assert "1 session continued, 1 message" in result.err
    assert "without their parent" not in result.err
    assert result.repository.get_session("code-1/a1")["parent_session_id"] == "code-1"


def test_what_an_imported_session_used_here_stays_when_its_log_grows(tmp_path, import_logs):
    path, lines = tmp_path / "code-1.jsonl", log_samples.claude_code()
    database = log_samples.write(tmp_path, "openai-agents")
    log_samples.write_lines(path, lines[:5])
    repository = import_logs(path, database).repository
    repository.update_token_counts("agents-1", input_tokens=1_000)
    for session_id in ("code-1", "agents-1"):
        repository.record_usage(session_id, input_tokens=1_000, model="here")
    log_samples.write_lines(path, lines)
    with closing(sqlite3.connect(database)) as program:
        program.execute("INSERT INTO agent_messages VALUES (99, 'agents-1', '{}', NULL)")
        program.commit()
    assert "2 sessions continued, 5 messages" in import_logs(path, database).err
    assert repository.get_session("agents-1")["input_tokens"] == 1_000
    used = {row["group"]: row["input_tokens"] for row in repository.usage_report(by="model")}
    assert used["here"] == 2_000


def test_new_messages_and_what_they_used_are_stored_together(tmp_path, sqlite_logs, monkeypatch):
    path, lines = tmp_path / "code-1.jsonl", log_samples.claude_code()
    log_samples.write_lines(path, lines[:3])
    sqlite_logs(path)
    log_samples.write_lines(path, lines)
    with monkeypatch.context() as patch:
        patch.setattr(growing, "_sum_up", _interrupted)
        assert sqlite_logs(path).code == EXIT_INTERRUPTED
    repository = sqlite_logs(path).repository
    session = repository.get_session("code-1")
    assert (session["message_count"], session["output_tokens"]) == (5, 40)


def _interrupted(*_given):
    raise KeyboardInterrupt


def test_a_conversation_of_llm_goes_on_behind_the_change_of_its_schema(tmp_path, sqlite_logs):
    path = log_samples.write(tmp_path, "llm")
    sqlite_logs(path)
    path.unlink()
    log_samples.upgraded_llm(path)
    result = sqlite_logs(path)
    assert "0 new sessions, 1 session continued, 4 messages" in result.err
    said = [each["content"] for each in result.repository.get_messages("llm-1")]
    assert said[-5:] == ["On a bicycle", "And a fish", "Here it is", "Thanks", "Welcome"]
    session = result.repository.get_session("llm-1")
    assert (session["input_tokens"], session["api_call_count"]) == (22 + 7, 2 + 2)
    assert "0 new sessions, 0 messages" in sqlite_logs(path).err


def test_messages_that_were_set_aside_are_not_imported_again(tmp_path, import_logs):
    path = log_samples.write(tmp_path, "codex")
    repository = import_logs(path).repository
    repository.rewind("codex-1", repository.get_messages("codex-1")[0]["id"])
    assert "imported 0 new sessions, 0 messages" in import_logs(path).err
    assert repository.count_messages("codex-1") == 0


def test_a_session_of_another_source_with_the_same_id_stays_as_it_is(tmp_path, import_logs):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    import_logs(empty).repository.create_session("codex-1", "cli")
    result = import_logs(log_samples.write(tmp_path, "codex"))
    assert "there already, with nothing new: 1 session" in result.err
    assert result.repository.count_messages("codex-1") == 0


@pytest.mark.parametrize(
    ("name", "session_id", "change"),
    [
        ("openai-agents", "agents-1", "UPDATE agent_messages SET message_data = json_quote('b')"),
        ("google-adk", "adk/app/me/adk-1", "UPDATE events SET id = id || '-b'"),
    ],
)
def test_a_conversation_of_another_file_with_the_same_id_is_another_session(
    tmp_path, sqlite_logs, name, session_id, change
):
    first = log_samples.write(tmp_path, name)
    repository = sqlite_logs(first).repository
    held = repository.export_session(session_id)
    second = first.with_stem("second")
    shutil.copy(first, second)
    with closing(sqlite3.connect(second)) as program:
        program.execute(change)
        program.commit()
    assert "imported 1 new session" in sqlite_logs(second).err
    assert repository.export_session(session_id) == held
    assert "imported 0 new sessions, 0 messages" in sqlite_logs(first, second).err


def test_a_session_whose_rollouts_are_several_files_has_the_messages_of_all(import_lines):
    meta = log_samples.codex()[0]

    def said(text):
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        return {"timestamp": meta["timestamp"], "type": "response_item", "payload": item}

    import_lines([meta, said("first")], name="rollout-1.jsonl")
    repository = import_lines([meta, said("second")], name="rollout-2.jsonl")
    assert [each["content"] for each in repository.get_messages("codex-1")] == ["first", "second"]


def test_a_long_session_is_stored_in_slices_and_grows(tmp_path, import_logs):
    path = tmp_path / "long.jsonl"
    line = {"type": "user", "sessionId": "long", "timestamp": "2026-01-02T10:00:00Z"}
    lines = [
        {**line, "uuid": f"u{n}", "message": {"role": "user", "content": f"message {n}"}}
        for n in range(2_500)
    ]
    log_samples.write_lines(path, lines[:1_500])
    import_logs(path)
    log_samples.write_lines(path, lines)
    repository = import_logs(path).repository
    records = repository.get_messages("long")
    assert [each["content"] for each in records] == [f"message {n}" for n in range(2_500)]
    session = repository.get_session("long")
    assert (session["message_count"], session["end_reason"]) == (2_500, "imported")


def test_a_title_of_10000_characters_is_cut_and_an_equal_one_numbered(import_records):
    one = conversation(node("u", "root", text="a"), key="a", title="x" * 10_000)
    other = conversation(node("u", "root", text="b"), key="b", title="x" * 10_000)
    repository = import_records([one, other])
    assert repository.get_session("a")["title"] == "x" * 100
    assert repository.get_session("b")["title"].endswith("#2")


def test_equal_ids_in_a_session_keep_both_messages_unless_they_are_the_same(import_lines):
    said = {"role": "user", "content": "one"}
    line = {"type": "user", "sessionId": "s", "uuid": "u", "message": said}
    other = {**line, "message": {**said, "content": "two"}}
    repository = import_lines([line, line, other, other])
    assert [each["content"] for each in repository.get_messages("s")] == ["one", "two"]


def test_equal_ids_in_a_conversation_of_claude_keep_both_messages(import_records):
    said = [{"uuid": "m", "sender": "human", "text": text} for text in ("one", "two", "two")]
    one = {"uuid": "c", "chat_messages": said}
    repository = import_records([one])
    assert [each["content"] for each in repository.get_messages("c")] == ["one", "two", "two"]
    before = repository.export_all()
    assert import_records([one]).export_all() == before


def test_texts_that_no_database_takes_are_made_good(import_records):
    text = "a\x00b \ud800 \U0001f409 c"
    one = conversation(node("u\x00", "root", text=text), key="k\ud800", title="t\x00")
    repository = import_records([one])
    [session] = repository.search_sessions()
    [message] = repository.get_messages(session["id"])
    assert "\U0001f409 c" in message["content"]
    assert "\ud800" not in message["content"]


def test_the_summary_of_many_sessions_is_by_format(tmp_path, import_logs):
    path = tmp_path / "many.json"
    many = [conversation(node("u", "root", text="a"), key=f"k{n}") for n in range(25)]
    path.write_text(json.dumps(many))
    lines = [line.split() for line in import_logs(path).out.splitlines()]
    assert lines == [
        ["FORMAT", "NEW", "SESSIONS", "CONTINUED", "MESSAGES"],
        ["chatgpt", "25", "0", "25"],
    ]


def test_the_summary_of_few_sessions_names_them(tmp_path, import_logs):
    result = import_logs(log_samples.write(tmp_path, "codex"))
    assert [line.split() for line in result.out.splitlines()] == [
        ["ID", "TITLE", "FORMAT", "MESSAGES", "NEW"],
        ["codex-1", "codex", "5", "yes"],
    ]


def test_json_tells_of_each_session(tmp_path, import_logs):
    result = json.loads(import_logs(log_samples.write(tmp_path, "codex"), "--json").out)
    assert result["stored"] == {
        "codex-1": {"format": "codex", "title": None, "is_new": True, "messages": 5}
    }
    assert (result["sessions"], result["messages"], result["bad_lines"]) == (1, 5, 0)


def test_a_database_is_read_beside_a_writer_and_does_not_change(tmp_path, import_logs):
    path = log_samples.write(tmp_path, "openai-agents")
    # With the library that the store uses: another one in this process would drop the locks.
    with closing(sqlite_driver().connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO agent_messages (session_id, message_data) VALUES ('new', '{}')")
        before = _bytes(path)
        assert import_logs(path).code == 0
        assert _bytes(path) == before
        writer.commit()
        assert "1 new session" in import_logs(path).err


def _bytes(path: Path) -> list[bytes]:
    return [path.read_bytes(), path.with_name(f"{path.name}-wal").read_bytes()]


def test_progress_is_told_in_bytes_of_all_files(tmp_path, sqlite_database):
    paths = [log_samples.write(tmp_path, name) for name in ("codex", "chatgpt")]
    told = []
    logs = [
        Recognised(file, name)
        for path, name in zip(paths, ("codex", "chatgpt"), strict=True)
        for file in files_in(path)
    ]
    import_logs_of(
        logs,
        sqlite_database,
        result=LogsResult(),
        on_bad=print,
        warn=print,
        progress=lambda *step: told.append(step),
    )
    size = sum(path.stat().st_size for path in paths)
    assert told[0][0] == "importing codex.jsonl"
    assert told[-1] == ("importing chatgpt.json", size, size)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
