"""What a training format holds comes back equal through import."""

import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.cli.app import run

CALLS = [
    {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": '{"path": "é"}'}},
    {"id": "c2", "type": "function", "function": {"name": "date", "arguments": "{}"}},
]
TALK = [
    {"role": "user", "content": "What is there?"},
    {"role": "assistant", "content": None, "tool_calls": CALLS},
    {"role": "tool", "content": "a b", "tool_call_id": "c1"},
    {"role": "assistant", "content": "Files."},
    {"role": "user", "content": [{"type": "text", "text": "And here?"}, {"type": "image_url", "image_url": {"url": "https://x"}}]},
    {"role": "assistant", "content": "An image."},
]  # fmt: skip


def come_back(repository, database, tmp_path, form) -> SessionRepository:
    """The store into which the export of TALK was imported."""
    repository.create_session("s", "cli", system_prompt="Be brief")
    repository.append_messages("s", TALK)
    url = database.render_as_string(False) if isinstance(database, URL) else database
    assert run(["--db", str(url), "export", "--format", form, "-o", str(tmp_path / "x.jsonl")]) == 0
    assert run(["--db", str(tmp_path / "new.db"), "import", str(tmp_path / "x.jsonl")]) == 0
    return SessionRepository(tmp_path / "new.db")


def only_session(repo) -> str:
    [session] = repo.list_sessions_rich(include="all")
    return session["id"]


def test_openai_brings_every_message_back(repository, database, tmp_path):
    with come_back(repository, database, tmp_path, "openai") as new:
        found = new.get_messages_as_conversation(only_session(new), strict=True)
        assert [each for each in found if each["role"] != "system"] == TALK
        assert new.get_session(only_session(new))["system_prompt"] == "Be brief"


def test_sharegpt_brings_texts_and_calls_back(repository, database, tmp_path):
    with come_back(repository, database, tmp_path, "sharegpt") as new:
        found = new.get_messages_as_conversation(only_session(new), strict=True)
        assert [each["role"] for each in found] == [each["role"] for each in TALK]
        assert [call["function"] for call in found[1]["tool_calls"]] == [
            call["function"] for call in CALLS
        ]
        assert [each["content"] for each in found[2:]] == [
            "a b",
            "Files.",
            "And here?",
            "An image.",
        ]
        assert new.get_session(only_session(new))["system_prompt"] == "Be brief"


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
def test_what_is_imported_is_exported_as_it_was(repository, database, tmp_path, form):
    come_back(repository, database, tmp_path, form).close()
    assert (
        run(
            [
                "--db",
                str(tmp_path / "new.db"),
                "export",
                "--format",
                form,
                "-o",
                str(tmp_path / "y"),
            ]
        )
        == 0
    )
    before, after = (tmp_path / "x.jsonl").read_text(), (tmp_path / "y").read_text()
    assert after.partition('"conversations"')[2] == before.partition('"conversations"')[2]
    if form == "openai":
        assert after == before
