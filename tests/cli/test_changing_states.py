"""`rewind`, `compact`, `delete --message`, `show --all`: states from the command line."""

import json
import re

import pytest
import stored

from hermes_store import SessionRepository


@pytest.fixture
def chat(filled):
    """A session of two questions and their answers; returns the ids."""
    with SessionRepository(filled) as repo:
        repo.create_session("chat", "cli")
        rows = [("user", "one"), ("assistant", "1"), ("user", "two\x1b[31m"), ("assistant", "2")]
        return repo.append_messages("chat", [{"role": r, "content": c} for r, c in rows])


def states(run, *arguments) -> dict[int, str]:
    shown = run("show", "chat", "--all", *arguments).out
    return {
        int(id_): state
        for id_, state in re.findall(r"message (\d+)(?: · (\w+))?$", shown, re.MULTILINE)
    }


def test_the_last_question_is_taken_back_printed_and_given_back(run, chat):
    result = run("rewind", "chat")
    assert (result.code, result.out) == (0, "two␛[31m\n")
    assert f"took back 2 messages; 'hermes-store rewind chat {chat[2]} --undo'" in result.err
    assert list(states(run).values()) == ["", "", "rewound", "rewound"]
    assert states(run, "--tail", "1") == {chat[3]: "rewound"}
    assert run("show", "chat").out.count("──") == 2
    restored = json.loads(run("--json", "rewind", "chat", chat[2], "--undo").out)
    assert restored == {"id": "chat", "restored": 2}
    assert set(states(run).values()) == {""}
    assert run("rewind", "chat", chat[0], "--undo").err == "gave back 0 messages\n"


def test_a_message_may_be_named_by_its_id(run, chat):
    rewound = json.loads(run("--json", "rewind", "chat", chat[0]).out)
    assert (rewound["id"], rewound["rewound"]) == ("chat", 4)
    assert (rewound["message"]["id"], rewound["message"]["content"]) == (chat[0], "one")
    assert run("rewind", "chat").code == 3
    assert "no message of the user to take back" in run("rewind", "chat").err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("rewind", "nothing"), 3, "no session"),
        (("rewind", "chat", "999999"), 3, "has no message 999999"),
        (("rewind", "chat", "999999", "--undo"), 3, "has no message 999999"),
        (("rewind", "chat", "x"), 2, "not a whole number"),
        (("rewind", "chat", "0"), 2, "0 is not in the range"),
        (("rewind", "chat", "--undo"), 2, "MESSAGE_ID"),
        (("compact", "chat"), 2, "--summary"),
        (("compact", "chat", "--summary", "-", "--role", "sistem"), 2, "there is no role"),
        (("delete", "chat", "--message", "999999", "--yes"), 3, "has no message 999999"),
        (("delete", "chat", "other", "--message", "1", "--yes"), 2, "one session"),
        (("--read-only", "rewind", "chat"), 1, "--read-only"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(run, chat, arguments, code, said):
    result = run(*arguments)
    assert result.code == code
    assert said in result.err
    assert list(states(run).values()) == [""] * 4


def test_an_answer_is_not_taken_back_and_the_remedy_is_a_command(run, chat):
    result = run("rewind", "chat", chat[1])
    assert result.code == 2
    assert f"MESSAGE_ID: {chat[1]} is not a live message of the user" in result.err
    assert "as 'hermes-store show' prints it" in result.err


def test_a_session_goes_on_with_a_summary(run, chat, tmp_path):
    (tmp_path / "summary.txt").write_text("They counted.\n", encoding="utf-8")
    done = json.loads(run("--json", "compact", "chat", "--summary", tmp_path / "summary.txt").out)
    assert (done["id"], done["compacted"]) == ("chat", 4)
    assert list(states(run).values()) == ["compacted"] * 4 + [""]
    [message] = json.loads(run("--json", "show", "chat").out)["messages"]
    assert (message["id"], message["role"]) == (done["message_id"], "system")
    assert message["content"] == "They counted."
    assert len(json.loads(run("--json", "search", "one", "--session", "chat").out)) == 1


def test_a_summary_comes_from_stdin_too(spawn, run, chat):
    result = spawn("compact", "chat", "--summary", "-", "--role", "user", stdin="记忆".encode())
    assert (result.code, result.out) == (0, "")
    assert "compacted 4 messages" in result.err
    assert json.loads(run("--json", "show", "chat").out)["messages"][0]["content"] == "记忆"
    for stdin, said in ((b" \n", "is empty"), (b"\xff", "not valid UTF-8")):
        refused = spawn("compact", "chat", "--summary", "-", stdin=stdin)
        assert refused.code == 2
        assert said in refused.err
    assert run("show", "chat").out.count("──") == 1


def test_single_messages_are_deleted_and_the_session_stays(run, spawn, chat):
    run("rewind", "chat")
    refused = spawn("delete", "chat", "--message", chat[3], stdin=b"y\n")
    assert refused.code == 2
    assert "--yes" in refused.err
    asked = ("--message", chat[0], "--message", chat[3], "--message", chat[0], "--yes")
    assert json.loads(run("--json", "delete", "chat", *asked).out) == {
        "id": "chat",
        "deleted": [chat[0], chat[3]],
    }
    assert states(run) == {chat[1]: "", chat[2]: "rewound"}


def test_doctor_names_a_state_that_is_not_known(run, chat, filled):
    stored.change(filled, "UPDATE messages SET state = 'shelved' WHERE id = ?", chat[3])
    stored.change(filled, "UPDATE sessions SET message_count = 3 WHERE id = 'chat'")
    result = run("doctor")
    assert result.code == 1
    assert f"messages whose state is not one of compacted, rewound: {chat[3]}\n" in result.out
    assert states(run)[chat[3]] == "shelved"
    assert run("show", "chat").out.count("──") == 3


def test_states_come_through_export_and_import_of_the_command(run, chat, tmp_path):
    run("rewind", "chat")
    assert run("export", "chat", "-o", tmp_path / "x.jsonl").code == 0
    assert run("--db", tmp_path / "other.db", "import", tmp_path / "x.jsonl").code == 0
    assert states(lambda *a: run("--db", tmp_path / "other.db", *a)) == states(run)


def test_a_state_that_is_not_known_comes_along_and_is_told(run, chat, filled, tmp_path):
    stored.change(filled, "UPDATE messages SET state = 'shelved' WHERE id = ?", chat[3])
    assert run("export", "chat", "-o", tmp_path / "x.jsonl").code == 0
    result = run("--db", tmp_path / "other.db", "import", tmp_path / "x.jsonl")
    assert (
        "messages in states this version does not know, in no conversation: shelved" in result.err
    )
    assert states(lambda *a: run("--db", tmp_path / "other.db", *a)) == states(run)


def test_an_export_of_a_version_without_states_is_live(run, tmp_path):
    old = {"id": "chat", "source": "cli", "started_at": 1.0, "messages": [{"role": "user"}]}
    (tmp_path / "x.jsonl").write_text(json.dumps(old))
    assert run("import", tmp_path / "x.jsonl").code == 0
    assert list(states(run).values()) == [""]
