"""`title`, `delete`, `prune`, `export`, `import`: what they change, and what they leave."""

import json
import os
import stat

import pytest
from support import Caller

from hermes_store import SessionRepository

RACE = "20260210_091204_3f9ac1"
CHILD = "20260210_104431_b07e52"


def exported(run, *arguments) -> dict:
    lines = run("export", *arguments).out.splitlines()
    return {session["id"]: session for session in map(json.loads, lines)}


class TestTitle:
    def test_it_is_printed_set_and_taken_away(self, run, filled):
        assert run("title", RACE).out == "Token refresh race\n"
        assert run("title", RACE, "  Fetch\nonce ").out == "Fetch once\n"
        assert json.loads(run("--json", "title", "20260210_09", "--clear").out) == {
            "id": RACE,
            "title": None,
        }
        assert "has no title" in run("title", RACE).err

    def test_one_that_is_in_use_is_refused_and_names_its_owner(self, run, filled):
        result = run("title", RACE, "记忆与会话存储")
        assert result.code == 2
        assert "20260212_130722_9d41e8" in result.err
        assert run("title", RACE).out == "Token refresh race\n"

    def test_a_new_title_and_clear_exclude_each_other(self, run, filled):
        assert run("title", RACE, "new", "--clear").code == 2


class TestDelete:
    def test_a_session_is_deleted_and_its_continuation_stays(self, run, filled):
        assert json.loads(run("--json", "delete", RACE, "--yes").out) == {"deleted": [RACE]}
        assert run("show", RACE).code == 3
        assert exported(run)[CHILD]["parent_session_id"] is None

    def test_several_are_deleted_or_none(self, run, filled):
        assert run("delete", "--yes", RACE, "nothing").code == 3
        assert RACE in exported(run)
        assert run("delete", "--yes", RACE, RACE, CHILD).err == "deleted 2 sessions\n"

    def test_without_a_terminal_it_insists_on_yes(self, spawn, filled):
        result = spawn("delete", RACE, stdin=b"y\n")
        assert result.code == 2
        assert "--yes" in result.err
        assert spawn("title", RACE).code == 0

    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130)])
    def test_it_asks_a_person(self, run, filled, monkeypatch, answer, code):
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer.strip())
        assert run("delete", RACE).code == code
        assert (run("title", RACE).code == 0) == (code != 0)


class TestPrune:
    def test_it_only_says_what_it_would_delete(self, run, filled):
        result = run("prune", "--older-than", "0", "--source", "slack")
        assert "20260312_112005_0e77ba" in result.out
        assert "add --yes" in result.err
        assert len(exported(run)) == 12

    def test_with_yes_it_deletes_what_has_ended(self, run, filled):
        pruned = json.loads(run("--json", "prune", "--older-than", "0", "--yes").out)
        assert pruned["deleted"] == len(pruned["sessions"]) == 11
        assert list(exported(run)) == ["20260309_081144_d91b70"]  # still open

    def test_nothing_to_prune_is_said_and_no_error(self, run, filled):
        result = run("prune", "--older-than", "99999", "--yes")
        assert (result.code, result.err) == (0, "nothing to prune\n")
        assert json.loads(run("--json", "prune", "--older-than", "99999").out) == {
            "sessions": [],
            "deleted": 0,
        }


class TestExportAndImport:
    def test_what_export_wrote_comes_back_without_loss(self, run, filled, tmp_path):
        before = exported(run)
        assert run("export", "-o", tmp_path / "all.jsonl").code == 0
        other = tmp_path / "other.db"
        result = json.loads(run("--json", "--db", other, "import", tmp_path / "all.jsonl").out)
        assert (result["sessions"], result["messages"]) == (12, 141)
        assert exported(run, "--db", other) == before

    def test_the_samples_are_what_export_writes(self, run, filled, examples):
        lines = (examples / "sessions.jsonl").read_text(encoding="utf-8").splitlines()
        samples = {session["id"]: session for session in map(json.loads, lines)}
        got = exported(run)
        assert {i: got[i] for i in samples} == samples
        assert list(got[RACE]) == list(samples[RACE])

    def test_importing_twice_changes_nothing(self, run, filled, examples):
        before = exported(run)
        result = run("import", examples / "sessions.jsonl")
        assert result.code == 0
        assert "being there already" in result.err
        assert exported(run) == before

    def test_a_log_from_before_the_store_is_read(self, run, examples):
        log = examples / "20251103_190211_c4d2ef70.jsonl"
        assert run("import", log).code == 0
        session = exported(run)["20251103_190211_c4d2ef70"]
        assert (session["source"], session["model"]) == ("cli", "anthropic/claude-3.7-sonnet")
        assert session["end_reason"] == "imported"
        assert session["message_count"] == len(session["messages"]) == 8
        assert session["tool_call_count"] == 1
        assert session["messages"][4]["tool_name"] == "terminal"

    def test_stdin_is_read_too(self, spawn, run, examples):
        log = (examples / "20251103_190211_c4d2ef70.jsonl").read_bytes()
        assert spawn("import", "-", stdin=log).code == 2
        assert spawn("import", "-", "--id", "mine", stdin=log).code == 0
        assert spawn("import", "-", stdin=(examples / "sessions.jsonl").read_bytes()).code == 0
        assert len(exported(run)) == 12
        assert "mine" in exported(run)

    def test_a_title_that_is_in_use_gets_the_next_number(self, run, filled, tmp_path):
        session = exported(run, RACE)[RACE]
        (tmp_path / "x.jsonl").write_text(json.dumps(session | {"id": "copy", "messages": []}))
        result = run("import", tmp_path / "x.jsonl")
        assert "copy is now titled 'Token refresh race #3'" in result.err

    def test_sessions_before_a_bad_line_are_kept_and_the_line_is_named(self, run, tmp_path):
        good = {"id": "a", "source": "cli", "started_at": 1.0, "messages": []}
        (tmp_path / "x.jsonl").write_text(json.dumps(good) + "\n{oops\n")
        result = run("import", tmp_path / "x.jsonl")
        assert result.code == 1
        assert "stored before the error: 1 session with 0 messages" in result.err
        assert f"error: {tmp_path}/x.jsonl:2: not JSON" in result.err
        assert list(exported(run)) == ["a"]

    def test_values_that_cannot_be_stored_are_refused_by_name(self, run, tmp_path):
        bad = {"id": "a", "source": None, "started_at": 1.0, "messages": []}
        (tmp_path / "x.jsonl").write_text(json.dumps(bad) + "\n")
        result = run("import", tmp_path / "x.jsonl")
        assert result.code == 2
        assert f"error: {tmp_path}/x.jsonl:1: session a, source: null is not a text" in result.err

    def test_export_can_be_limited(self, run, filled):
        assert set(exported(run, "--source", "slack")) == {"20260312_112005_0e77ba"}
        assert set(exported(run, "20260210_09", "20260210_1044", "20260210_09")) == {RACE, CHILD}
        assert run("export", RACE, "--source", "cli").code == 2

    def test_an_exported_file_is_private_and_there_whole_or_not_at_all(
        self, run, filled, tmp_path, monkeypatch
    ):
        target = tmp_path / "all.jsonl"
        target.write_text("what was there before")

        def breaks(self, **_):
            yield {"id": "a", "messages": []}
            raise OSError("no space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(SessionRepository, "iter_export", breaks)
            assert run("export", "-o", target).code == 1
        assert target.read_text() == "what was there before"
        assert [p.name for p in tmp_path.glob("all*")] == ["all.jsonl"]
        result = json.loads(run("--json", "export", "-o", target).out)
        assert result == {"file": str(target), "sessions": 12, "messages": 141}
        assert stat.S_IMODE(target.stat().st_mode) == 0o600

    def test_long_work_shows_a_bar_on_a_terminal_only(
        self, on_a_terminal, spawn, examples, tmp_path
    ):
        shown = on_a_terminal("import", examples / "sessions.jsonl")
        assert "importing sessions.jsonl" in shown
        assert "exporting" in on_a_terminal("export", "-o", tmp_path / "all.jsonl")
        assert spawn("import", examples / "sessions.jsonl").err.count("\n") == 2
        assert "exporting" not in on_a_terminal("export", "--source", "cron")

    @pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
    def test_export_does_not_overwrite_the_database(self, run, filled, tmp_path, suffix):
        link = tmp_path / "link"
        link.symlink_to(f"{filled}{suffix}")
        with SessionRepository(filled) as repo:
            repo.create_session("only in the log", "cli")
            for target in (f"{filled}{suffix}", link):
                assert run("export", "-o", target).code == 2
        assert run("show", "only in the log").code == 0

    def test_what_is_no_file_is_written_to_and_not_replaced(self, spawn, filled, tmp_path):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reader = Caller(pipe.read_bytes)
        assert spawn("export", "-o", pipe).code == 0
        assert reader.finish().count(b"\n") == 12
        assert pipe.is_fifo()

    def test_export_touches_only_the_file_that_it_names(self, run, filled, tmp_path):
        (tmp_path / "all.jsonl.part").write_text("mine")
        (tmp_path / "link.jsonl").symlink_to("all.jsonl")
        assert run("export", "-o", tmp_path / "link.jsonl").code == 0
        assert (tmp_path / "all.jsonl").read_text().count("\n") == 12
        assert (tmp_path / "link.jsonl").is_symlink()
        assert (tmp_path / "all.jsonl.part").read_text() == "mine"

    def test_a_file_that_cannot_be_written_is_named_as_it_was_given(self, run, filled, tmp_path):
        target = tmp_path / "no folder" / "all.jsonl"
        result = run("export", "-o", target)
        assert (result.code, result.err) == (
            1,
            f"error: {target}: No such file or directory; name a file whose folder is there\n",
        )


class TestEndReopenAndClear:
    OPEN = "20260309_081144_d91b70"

    def test_a_session_is_ended_once_and_keeps_its_first_reason(self, run, filled):
        ended = json.loads(run("--json", "end", self.OPEN, "--reason", "laptop closed").out)
        assert (ended["id"], ended["end_reason"]) == (self.OPEN, "laptop closed")
        assert ended["ended_at"] > 1772000000
        assert json.loads(run("--json", "end", self.OPEN).out) == ended
        assert f"{self.OPEN} ended " in run("end", self.OPEN).err

    def test_an_ended_session_is_reopened(self, run, filled):
        assert json.loads(run("--json", "reopen", RACE).out) == {"id": RACE}
        assert exported(run, RACE)[RACE]["ended_at"] is None
        assert run("reopen", "nothing").code == 3

    def test_messages_are_cleared_and_the_session_stays(self, run, filled):
        assert json.loads(run("--json", "clear", RACE, "--yes").out) == {"id": RACE, "deleted": 19}
        assert exported(run, RACE)[RACE]["messages"] == []

    def test_clearing_insists_on_yes_without_a_terminal(self, spawn, filled):
        result = spawn("clear", RACE, stdin=b"y\n")
        assert result.code == 2
        assert "--yes" in result.err

    def test_a_model_is_printed_and_set(self, run, filled):
        assert json.loads(run("--json", "model", RACE, "m\x1b2").out) == {
            "id": RACE,
            "model": "m\x1b2",
        }
        assert run("model", RACE).out == "m␛2\n"
        assert exported(run, RACE)[RACE]["model"] == "m\x1b2"

    @pytest.mark.parametrize("command", ["title", "model"])
    @pytest.mark.parametrize("empty", ["", " "])
    def test_an_empty_text_is_refused_and_takes_nothing_away(self, run, filled, command, empty):
        before = run(command, RACE).out
        assert run(command, RACE, empty).code == 2
        assert run(command, RACE).out == before
