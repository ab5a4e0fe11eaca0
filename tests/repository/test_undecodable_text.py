"""Text that is not valid UTF-8, which SQLite stores unchecked, costs its own characters and no more."""

import pytest
from stored import change
from support import only_sqlite

pytestmark = only_sqlite
WRITTEN = "CAST(x'77696465ff206e6565646c65' AS TEXT)"
READ = "wide\ufffd needle"


@pytest.fixture
def untidy(repository, database):
    """Two sessions; the message, the title and the prompt of one hold a byte of Latin-1."""
    for name in ("tidy", "untidy"):
        repository.create_session(name, "cli", system_prompt="prompt")
        repository.append_message(name, "user", "hello")
    change(database, f"UPDATE messages SET content = {WRITTEN} WHERE session_id = 'untidy'")
    change(
        database,
        f"UPDATE sessions SET title = {WRITTEN}, system_prompt = {WRITTEN} WHERE id = 'untidy'",
    )
    return repository


def contents(messages):
    return [message["content"] for message in messages]


def test_it_is_read_with_replacement_characters(untidy):
    assert contents(untidy.get_messages("untidy")) == [READ]
    assert contents(untidy.get_messages_as_conversation("untidy")) == [READ]
    session = untidy.get_session("untidy")
    assert (session["title"], session["system_prompt"]) == (READ, READ)


def test_the_lists_and_searches_that_meet_it_have_everything_else_too(untidy):
    assert {s["id"]: s["preview"] for s in untidy.list_sessions_rich()} == {
        "untidy": READ,
        "tidy": "hello",
    }
    assert len(untidy.search_sessions()) == 2
    assert [hit["session_id"] for hit in untidy.search_messages("needle")] == ["untidy"]


def test_it_is_exported_and_can_be_imported(untidy):
    exported = list(untidy.iter_export())
    assert exported == untidy.export_all()
    assert contents(exported[0]["messages"]) == [READ]
    untidy.delete_session("untidy")
    assert untidy.import_sessions(exported).sessions == 1
    assert contents(untidy.get_messages("untidy")) == [READ]


def test_a_transaction_reads_it_too(untidy):
    with untidy.transaction() as tx:
        assert contents(tx.get_messages("untidy")) == [READ]
        tx.append_message("untidy", "user", "more")
        assert contents(tx.get_messages("untidy")) == [READ, "more"]


def test_the_connection_reads_as_before_afterwards(untidy):
    untidy.get_messages("untidy")
    assert contents(untidy.get_messages("tidy")) == ["hello"]
