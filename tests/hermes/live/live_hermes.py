"""Live: Hermes Agent itself, each version, with the store in the place of its own database.

Run by `make test-hermes`; the program comes from the cache of `tests/hermes/program.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hermes import PLAIN, Hermes
from model_server import serving
from program import VERSIONS, Program

from hermes_store import SessionRepository


@pytest.fixture(scope="module", params=VERSIONS)
def hermes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hermes]:
    """One home for all tests of a version: they come in their order."""
    with serving() as model:
        yield Hermes(Program(request.param), tmp_path_factory.mktemp("home"), model)


@pytest.fixture(scope="module", autouse=True)
def _no_word_of_storage(hermes: Hermes) -> Iterator[None]:
    yield
    assert hermes.storage_warnings() == []
    with hermes.opened() as repo:
        assert repo.check() == []


def said(messages: list[Any]) -> list[tuple[str, Any]]:
    return [(each["role"], each["content"]) for each in messages]


def newest(hermes: Hermes) -> Any:
    return hermes.sessions()[-1]


def test_a_first_turn_is_stored_with_its_reasoning(hermes: Hermes):
    hermes.ask("Good morning")
    session = newest(hermes)
    answer = hermes.model.replies[0]
    assert said(session["messages"]) == [("user", "Good morning"), ("assistant", answer["content"])]
    assert session["messages"][1]["reasoning"] == answer["reasoning_content"]
    assert session["source"] == "cli"
    assert session["api_call_count"] == 1
    assert session["input_tokens"] == 100
    assert [row["model"] for row in session["usage"]] == ["loopback-model"]


def test_a_new_process_resumes_it_and_the_tool_call_is_stored_as_it_was_sent(hermes: Hermes):
    begun = newest(hermes)
    hermes.ask('Please [tool terminal {"command": "echo marker42"}]', "--resume", begun["id"])
    session = newest(hermes)
    assert session["id"] == begun["id"]
    roles = [message["role"] for message in session["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "tool", "assistant"]
    call = session["messages"][3]["tool_calls"][0]
    assert call["function"] == {"name": "terminal", "arguments": '{"command": "echo marker42"}'}
    result = session["messages"][4]
    assert result["tool_call_id"] == call["id"]
    assert "marker42" in result["content"]
    assert hermes.model.requests[-1]["messages"][-1]["content"] == result["content"]


def test_what_the_model_is_sent_again_is_what_was_stored(hermes: Hermes):
    session = newest(hermes)
    hermes.ask("And now?", "--resume", session["id"])
    sent = [each for each in hermes.model.requests[-1]["messages"] if each["role"] != "system"]
    assert said(sent[:-1]) == said(session["messages"])


def test_an_ended_session_is_open_again_when_it_is_resumed(hermes: Hermes):
    session_id = newest(hermes)["id"]
    with hermes.opened() as repo:
        repo.end_session(session_id, "agent_close")
    hermes.ask("Still there?", "--resume", session_id)
    session = newest(hermes)
    assert session["end_reason"] != "agent_close"
    assert session["messages"][-2]["content"] == "Still there?"


def test_the_agent_finds_earlier_words_by_session_search(hermes: Hermes):
    found_in = newest(hermes)["id"]
    hermes.ask('[tool session_search {"query": "marker42"}]')
    result = json.loads(newest(hermes)["messages"][2]["content"])
    assert found_in in json.dumps(result)


def test_a_delegate_is_a_session_of_its_own_below_its_parent(hermes: Hermes):
    hermes.ask('[tool delegate_task {"goal": "count to three"}]')
    sessions = hermes.sessions()
    [child] = [each for each in sessions if each["parent_session_id"]]
    parent = next(each for each in sessions if each["id"] == child["parent_session_id"])
    assert any("count to three" in str(message["content"]) for message in child["messages"])
    assert "tool" in [message["role"] for message in parent["messages"]]
    assert child["id"] not in hermes.run("sessions", "list")


def test_a_conversation_in_the_terminal_is_taken_back_and_compressed(hermes: Hermes):
    terminal = hermes.terminal()
    try:
        terminal.expect("❯")
        for number in range(4):
            _take_turn(hermes, terminal, f"turn {number}")
        terminal.type("/undo")
        terminal.expect("Approve Once")
        terminal.type("")
        terminal.until(lambda: _is_undone(hermes, terminal), "an undo")
        _take_turn(hermes, terminal, "another turn")
        terminal.type("/compress")
        terminal.expect("Compressed:")
        terminal.until(lambda: _is_compressed(hermes) and terminal.is_idle(), "a compression")
        assert terminal.quit() == 0
    finally:
        terminal.close(0)
    _require_all_turns(hermes)


def _take_turn(hermes: Hermes, terminal: Any, text: str) -> None:
    """Type a text in an empty line, and wait until its answer is stored and shown."""
    terminal.type("\x15" + text)

    def answered() -> bool:
        found = _newest_messages(hermes)
        return bool(found) and str(found[-1]["content"]).endswith(f"to: {text}")

    if hermes.program.is_at_least("0.19.0") or text != "another turn":
        terminal.until(lambda: answered() and terminal.is_idle(), f"an answer to {text!r}")
    else:  # older ones store what follows an undo with the compression
        terminal.until(lambda: f"to: {text}" in terminal.shown and terminal.is_idle(), text)


def _is_undone(hermes: Hermes, terminal: Any) -> bool:
    """0.19 puts the text that was taken back into the line again."""
    if hermes.program.is_at_least("0.19.0"):
        return _has(hermes, "rewound") and "turn 3" in terminal.line()
    return "Undid" in terminal.shown


def _has(hermes: Hermes, state: str) -> bool:
    return state in [message["state"] for message in _newest_messages(hermes)]


def _newest_messages(hermes: Hermes) -> list[Any]:
    sessions = hermes.sessions()
    return sessions[-1]["messages"] if sessions else []


def _is_compressed(hermes: Hermes) -> bool:
    return _has(hermes, "compacted") or newest(hermes)["link"] == "compression"


def _require_all_turns(hermes: Hermes) -> None:
    """Every text is stored, and the conversation goes on in one live session with the summary."""
    with hermes.opened() as repo:
        tip = repo.list_sessions_rich(limit=1, order_by_last_active=True)[0]["id"]
        line = repo.get_lineage(tip)
        stored = [m for each in line for m in repo.get_messages(each, include="all")]
        live = repo.get_messages(tip)
    texts = [message["content"] for message in stored if message["role"] == "user"]
    for typed in (*(f"turn {number}" for number in range(4)), "another turn"):
        assert typed in texts
    assert live[-1]["content"].endswith("to: another turn")
    if hermes.program.is_at_least("0.19.0"):  # older ones take back in their memory only
        assert next(m["content"] for m in stored if m["state"] == "rewound") == "turn 3"
    if hermes.program.is_at_least("0.18.2"):
        assert next(m["content"] for m in stored if m["state"] == "compacted") == "turn 0"
    else:  # the compressed conversation goes on in a session of its own
        assert len(line) == 2


def test_sessions_are_listed_exported_and_deleted_by_its_commands(hermes: Hermes, tmp_path: Path):
    with hermes.opened() as repo:
        listed = repo.list_sessions_rich(limit=None, source="cli")
    shown = hermes.run("sessions", "list", "--limit", "50")
    first = hermes.sessions()[0]
    assert first["id"] in shown
    assert any(each["id"] in shown for each in listed)
    path = tmp_path / "export.jsonl"
    hermes.run("sessions", "export", str(path), "--session-id", first["id"])
    exported = json.loads(path.read_text().splitlines()[0])
    assert said(exported["messages"]) == said(first["messages"])
    hermes.run("sessions", "delete", first["id"], "--yes")
    assert first["id"] not in [each["id"] for each in hermes.sessions()]


def test_reports_that_read_the_tables_themselves_work(hermes: Hermes):
    assert "loopback-model" in hermes.run("insights")
    with hermes.opened() as repo:
        number = repo.session_count()
    assert f"Total sessions: {number}" in hermes.run("sessions", "stats")


def test_the_first_start_copies_a_plain_file_and_keeps_it(hermes: Hermes, tmp_path: Path):
    old = Hermes(hermes.program, tmp_path, hermes.model)
    old.run("chat", "-Q", "-q", "Said to a plain Hermes", module=PLAIN)
    plain = tmp_path / "state.db"
    before = hashlib.sha256(plain.read_bytes()).hexdigest()
    told = old.run("sessions", "list")
    assert "is kept" in told
    assert hashlib.sha256(plain.read_bytes()).hexdigest() == before
    assert "Said to a plain Hermes" in [m["content"] for m in newest(old)["messages"]]
    assert "is kept" not in old.run("sessions", "list")


_BY_MISTAKE = """
import pathlib, sys, hermes_state
db = hermes_state.SessionDB(db_path=pathlib.Path(sys.argv[1]))
db.create_session("plain", "cli")
db.append_message("plain", "user", "written by a plain needle")
db.close()
"""


def test_a_store_that_a_plain_hermes_opened_loses_nothing_and_is_mended(
    hermes: Hermes, tmp_path: Path
):
    path = tmp_path / "mistaken.db"
    with SessionRepository(path) as repo:
        repo.create_session("ours", "cli")
        repo.append_message("ours", "user", "written by our needle")
    hermes.run(str(path), module=("-c", _BY_MISTAKE))
    with SessionRepository(path) as repo:
        assert any("reindex removes it" in problem for problem in repo.check())
        repo.reindex()
        assert repo.check() == []
        found = {hit["session_id"] for hit in repo.search_messages("needle")}
    assert found == {"ours", "plain"}
