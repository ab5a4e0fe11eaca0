"""The column that search takes in place of a text: when it is there, and that it is never stale."""

import json
from contextlib import nullcontext

import postgres_server
import pytest
from stored import change, column

from hermes_store import SessionRepository, migrate
from hermes_store.errors import SearchIndexError
from hermes_store.search.searched import folded

ESC = "\x1b"


@pytest.fixture(autouse=True)
def session(repository):
    repository.create_session("s", "cli")


def is_found(repository, typed):
    return bool(repository.search_messages(typed))


@pytest.mark.parametrize(
    "text",
    [
        "The deploy failed after the migration, at 10:30 on 2026-04-28: see foo/bar.py.",
        "Résumé, naïve — “quoted” don’t…",
        "今天的记忆断裂问题",
        "Привет, мир",
        "Ship it 🚀 ❤️",
        "मूल हिन्दी",
        json.dumps({"output": "total 3\nREADME.md", "exit_code": 0}),
        json.dumps({"city": "Düsseldorf"}),
    ],
)
def test_nothing_is_stored_twice_where_the_index_finds_the_words_by_itself(text):
    assert folded(text, None, None, None) is None


def test_a_row_of_another_tool_is_found_by_its_plain_text_and_by_json_undone(repository, database):
    insert = "INSERT INTO messages(session_id, role, timestamp, content) VALUES ('s', 'tool', 1, ?)"
    change(database, insert, json.dumps({"output": "one\nREADME.md"}))
    change(database, insert, "Straße nach Łódź")
    assert is_found(repository, "README.md")
    assert is_found(repository, '"one README"')
    assert is_found(repository, "Straße")
    assert is_found(repository, "Łódź")
    assert not [problem for problem in repository.check() if not problem.startswith("sessions")]


def test_a_tool_that_changes_a_text_leaves_nothing_of_the_old_one(repository, database):
    repository.append_message("s", "tool", f"{ESC}[31mFAILED{ESC}[0m getUserName")
    change(database, "UPDATE messages SET content = 'other words'")
    assert column(database, "SELECT folded FROM messages") == [None]
    assert not is_found(repository, "failed")
    assert not is_found(repository, "user")
    assert is_found(repository, "other")
    assert repository.check() == []


def test_what_another_tool_leaves_in_the_column_breaks_nothing(repository, database):
    repository.append_message("s", "tool", "plain words")
    for rubbish in ("no JSON", "[]", '{"content": 5}', '{"content": {"a": 1}}', '{"forms"}', "17"):
        change(database, "UPDATE messages SET folded = ?", rubbish)
    change(database, "UPDATE messages SET folded = NULL")
    assert is_found(repository, "plain")
    assert repository.check() == []


def test_a_text_that_cannot_be_parsed_is_stored_and_found_as_it_is(repository):
    texts = [
        '{"cut": "off in the',
        "[" * 3_000,
        '{"a": "\\ud83d',
        '"\\x"',
        "{\\",
        "\x1b[",
        "\x1b]0;",
    ]
    ids = [repository.append_message("s", "tool", f"{text} needle") for text in texts]
    assert [m["content"] for m in repository.get_messages("s")] == [f"{t} needle" for t in texts]
    assert sorted(hit["id"] for hit in repository.search_messages("needle")) == ids


# --- snippets -------------------------------------------------------------------------------------


def snippet(repository, typed):
    (hit,) = repository.search_messages(typed, markers=("[", "]"))
    return hit["matched_in"], hit["snippet"]


@pytest.mark.parametrize(
    ("stored", "typed", "shown"),
    [
        (json.dumps({"output": "a\nREADME"}), "readme", "{output: a\n[README]}"),
        (f"{ESC}[31mFAILED{ESC}[0m tests", "failed", "[FAILED] tests"),
        ("die Straße hier", "strasse", "die [Straße] hier"),
        ("soft\u00adware", "software", "[soft\u00adware]"),
        ("مُحَمَّدٌ هنا", "محمد", "[مُحَمَّدٌ] هنا"),
        ("call getUserName()", "user", "call get[User]Name()"),
        (
            "“naïve… Straße”: HTTPServer, getUserName",
            "name",
            "“naïve… Straße”: HTTPServer, getUser[Name]",
        ),
        ("at 2026-04-28T23:15Z", '"23:15"', "at 2026-04-28T[23:15]Z"),
        ("on v1.22.19 now", "1.22.19", "on v[1.22.19] now"),
        ("see a%20b", "b", "see a%20[b]"),
        ("ｆｕｌｌ width", "full", "[ｆｕｌｌ] width"),
    ],
)
def test_a_snippet_shows_decoded_text_with_the_marks_in_the_right_places(
    repository, stored, typed, shown
):
    repository.append_message("s", "tool", stored)
    assert snippet(repository, typed) == ("content", shown)


def test_a_hit_in_the_arguments_of_a_tool_says_so(repository):
    arguments = json.dumps({"path": "notes.txt", "content": "first\nGrüße"})
    call = {"function": {"name": "write_file", "arguments": arguments}}
    repository.append_message("s", "assistant", "Done.", tool_calls=[call])
    place, shown = snippet(repository, "grüsse")
    assert place == "tool_calls"
    assert "[Grüße]" in shown


def test_a_snippet_is_cut_at_words_where_there_are_no_blanks(repository):
    repository.append_message("s", "tool", "/".join(f"part{n}" for n in range(200)))
    _, shown = snippet(repository, "part100")
    assert shown.startswith("...part")
    assert shown.removesuffix("...").split("/")[-1] in {f"part{n}" for n in range(200)}


def test_lines_of_a_stream_in_structured_content_are_no_data_url(repository):
    parts = [
        {"type": "text", "text": 'data: {"text": "Gr\\u00fc\\u00dfe\\nWelt"}\ndata: [DONE]'},
        {"type": "text", "text": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "text", "text": "data:,picture"},
    ]
    repository.append_message("s", "user", parts)
    place, shown = snippet(repository, '"grüße welt"')
    assert (place, "[Grüße\nWelt]" in shown) == ("content", True)
    assert is_found(repository, "done")
    assert not is_found(repository, "png")
    assert not is_found(repository, "picture")
    assert repository.check() == []


def test_noise_in_structured_content_is_not_found(repository):
    parts = [
        {"type": "thinking", "thinking": "visible words", "signature": "EqoBCkgIARAB"},
        {"type": "tool_result", "tool_use_id": "toolu_01A09q90qw", "content": "the result"},
    ]
    repository.append_message("s", "assistant", parts)
    assert is_found(repository, "visible")
    assert is_found(repository, "result")
    assert not is_found(repository, "EqoBCkgIARAB")
    assert not is_found(repository, "toolu_01A09q90qw")


def test_a_search_during_a_rebuild_says_how_much_is_missing(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "word"}] * 3)
    assert is_found(repository, "word")
    change(database, "UPDATE search_index SET state = 'incomplete'")
    if column(database, "SELECT count(*) FROM search_index") and hasattr(database, "suffix"):
        change(database, "DELETE FROM messages_fts_docsize WHERE id > 1")
    else:
        change(database, "UPDATE search_index SET filled = 1")
    with pytest.raises(SearchIndexError, match="2 of 3 messages are not indexed yet"):
        repository.search_messages("word")


# --- messages of before the column ----------------------------------------------------------------

OLD = """INSERT INTO messages(session_id, role, timestamp, content) VALUES ('old', 'tool', 1, ?)"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def old_database(request, tmp_path):
    """A store at the revision before, with messages."""
    with (
        nullcontext(tmp_path / "old.db")
        if request.param == "sqlite"
        else postgres_server.empty_database()
    ) as database:
        migrate.upgrade(database, "0011")
        change(database, "INSERT INTO sessions(id, source, started_at) VALUES ('old', 'cli', 1)")
        for text in (f"{ESC}[31mFAILED{ESC}[0m", "Straße", "getUserName", "plain"):
            change(database, OLD, text)
        yield database


def test_an_upgrade_folds_the_messages_that_are_there(old_database):
    told = []
    migrate.upgrade(old_database, progress=lambda *step: told.append(step))
    assert told[-1] == ("search index", 4, 4)
    assert column(old_database, "SELECT state FROM search_index") == ["ready"]
    with SessionRepository(old_database) as repository:
        for typed in ("failed", "strasse", "user", "plain"):
            assert is_found(repository, typed), typed
        assert not is_found(repository, "31mfailed")


def test_the_way_down_keeps_every_message_and_the_way_up_finds_them_again(old_database):
    migrate.upgrade(old_database)
    migrate.downgrade(old_database, "0011")
    assert len(column(old_database, "SELECT content FROM messages")) == 4
    migrate.upgrade(old_database)
    with SessionRepository(old_database) as repository:
        assert is_found(repository, "strasse")


@pytest.mark.parametrize("calls", [[None, "Þ"], [{}], {"name": None}, "getUserName", [[1, "ß"]], 5])
def test_tool_calls_of_any_shape_are_stored(repository, calls):
    repository.append_message("s", "assistant", tool_calls=calls)
    assert [message["tool_calls"] for message in repository.get_messages("s")] == [calls]
