"""The index: in step with the messages whatever is written, small, and left alone when it can be."""

import json
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import change, column, rows

from hermes_store import SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.search.ddl import HEAD_DDL, LONGEST_TEXT

CHECK = "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
BLOCKS = "SELECT id, block FROM messages_fts_data"
INSERT = """INSERT INTO messages(session_id, role, timestamp, content, content_format, tool_name,
    tool_calls) VALUES ('s', 'user', 0, ?, ?, ?, ?)"""
INSERT_AS_THE_STORE = INSERT.replace("calls)", "calls, may_wait)").replace("?)", "?, 1)")


@pytest.fixture
def database(sqlite_database):
    """What is promised here is about SQLite's index; PostgreSQL keeps its own in step by itself."""
    return sqlite_database


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        yield repository


def is_indexed(repository, typed):
    """Whether a message is found, which puts it into the index."""
    return len(repository.search_messages(typed)) == 1


# --- left alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "assignment",
    ["token_count = 5", "reasoning = 'new'", "timestamp = 1, role = 'tool'", "session_id = 't'"],
)
def test_an_update_of_other_columns_does_not_touch_the_index(repository, database, assignment):
    repository.create_session("t", "cli")
    repository.append_message(
        "s", "user", "some words", tool_name="grep", tool_calls=[{"name": "a"}]
    )
    assert is_indexed(repository, "some")
    before = rows(database, BLOCKS)
    change(database, f"UPDATE messages SET {assignment}")
    assert rows(database, BLOCKS) == before
    change(database, CHECK)


def test_an_update_that_changes_no_text_does_not_touch_the_index(repository, database):
    repository.append_message("s", "user", "some words")
    assert is_indexed(repository, "some")
    before = rows(database, BLOCKS)
    change(database, "UPDATE messages SET content = content, tool_name = tool_name, id = id")
    assert rows(database, BLOCKS) == before


@pytest.mark.parametrize(
    ("assignment", "typed"),
    [
        ("content = 'new text'", "new text"),
        ("tool_name = 'new_name'", "new_name"),
        ("""tool_calls = '[{"name": "new"}]'""", "new"),
        ("content_format = 'json', content = '[\"new\"]'", "new"),
        ("id = 700", "some"),
    ],
)
def test_an_update_of_what_is_searched_is_found(repository, database, assignment, typed):
    repository.append_message("s", "user", "some words")
    assert is_indexed(repository, "some")
    change(database, f"UPDATE messages SET {assignment}")
    (hit,) = repository.search_messages(typed)
    assert hit["id"] == column(database, "SELECT id FROM messages")[0]
    change(database, CHECK)


# --- small ----------------------------------------------------------------------------------------


def test_the_index_holds_no_copy_of_the_text(repository, database):
    text = "a sentence that is stored in one place only"
    repository.append_message("s", "user", text)
    repository.append_message("s", "user", [{"type": "text", "text": text}])
    repository.optimize()
    assert database.read_bytes().count(text.encode()) == 2
    shadows = column(database, "SELECT name FROM sqlite_master WHERE name LIKE 'messages_fts_%'")
    assert "messages_fts_content" not in shadows


# --- bounded --------------------------------------------------------------------------------------


def with_bound(database, characters):
    """Let the index hold so many characters: as many as it really does would take seconds."""
    view = HEAD_DDL["messages_text"].replace(str(LONGEST_TEXT), str(characters))
    change(database, "DROP VIEW messages_text")
    change(database, view)


@pytest.mark.parametrize("filling", ["word ", "记忆", 'a "quoted" \\ part\n', "\0"])
@pytest.mark.parametrize("place", ["content", "parts", "call", "calls", "too many calls"])
def test_a_text_longer_than_the_index_takes_is_in_step_with_it(
    repository, database, place, filling
):
    with_bound(database, 5_000)
    text = "first " + filling * (20_000 // len(filling))
    call = {"function": {"name": "f", "arguments": json.dumps({"a": text})}}
    message = {
        "content": {"content": text},
        "parts": {"content": [{"type": "text", "text": text}]},
        "call": {"tool_calls": [call]},
        "calls": {"tool_calls": [{"name": "f", "arguments": {"a": "word"}}] * 200 + [call]},
        "too many calls": {"tool_calls": [{"name": "f", "input": "word"}] * 1_001 + [call]},
    }[place]
    repository.append_message("s", "tool", **message)
    assert is_indexed(repository, "first OR f")
    change(database, CHECK)
    for searched in ("content", "tool_calls"):
        length = (
            f"SELECT max(length(replace(coalesce({searched}, ''), ' ', ''))) FROM messages_search"
        )
        assert column(database, length)[0] <= 5_000
    change(database, "UPDATE messages SET tool_name = 'second'")
    change(database, CHECK)
    repository.clear_messages("s")
    change(database, CHECK)
    assert repository.search_messages("first OR second OR word") == []


def test_thousands_of_calls_and_parts_are_searched(repository):
    calls = [{"name": f"f{n}", "input": {"path": f"a/b{n}.py"}} for n in range(5_000)]
    parts = [{"type": "text", "text": f"part {n}\nC++"} for n in range(5_000)]
    repository.append_message("s", "assistant", parts, tool_calls=calls)
    for typed in ("f4999", "a/b4999.py", "part 4999", "C++"):
        assert len(repository.search_messages(typed)) == 1


def test_a_tool_output_of_many_megabytes_is_stored_searched_and_deleted(repository, database):
    repository.append_message("s", "tool", "first " + "output " * 1_000_000)
    assert len(repository.search_messages("first")) == 1
    repository.delete_session("s")
    change(database, CHECK)
    assert repository.search_messages("first") == []


@pytest.mark.parametrize("content_format", [None, "json"])
@pytest.mark.parametrize("behind", ["", " more", '"', '{"b": "y\\n"}'])
def test_what_another_tool_inserts_behind_json_and_a_nul_is_taken_as_it_is(
    repository, database, content_format, behind
):
    change(
        database,
        "INSERT INTO messages(session_id, role, timestamp, content, content_format)"
        " VALUES ('s', 'user', 1, ?, ?)",
        f'{{"a": "needle\\n"}}\0{behind}',
        content_format,
    )
    assert repository.search_messages("needle")
    change(database, "DELETE FROM messages")
    assert not repository.search_messages("needle")


# --- the same text for ever -----------------------------------------------------------------------

DEEP = "[" * 2_000 + '"needle"' + "]" * 2_000
ODD = [
    None, "", "words", "Ünïcödé 记忆 🚀 needle", "a\0b needle", "\0", "记\0忆", "\ufeff[]", b"bytes needle",
    b"\xff\xfe needle", "记".encode() + b"\xff", 5, 1.5, "[", "[1, 2", '"text"', "null", "{}", "[]", "[[]]",
    '{"a": "needle"}', '[{"type": "text", "text": "a\\u0000b \\"q\\" \\\\ \\ud800 needle"}]', DEEP,
    DEEP.replace("[", '{"a":').replace("]", "}"), '[{"name": 5, "arguments": {"a": null}}]',
    '[{"function": "text"}, 7, null, "x"]', '{"function": {"name": "f", "arguments": "{\\"a\\": 1}"}}',
    '{"a": "x\\n"}\0 needle', '["x\\n"]\0"', '{"a": "x\\n"}\0{"b": "needle\\n"}',
    "[1],[2]", '[{"a": "needle"}], ["\\u0000"]', "[{'name': 'single'}]", '["' + "\\\\" * 50 + '"]',
    '"' * 99, "\\" * 99, 'a " b', '[" \n ", "\t"]',
]  # fmt: skip
VALUES = st.sampled_from(ODD)
ROWS = st.tuples(VALUES, st.sampled_from([None, "json", "other"]), VALUES, VALUES)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["insert", "insert as the store"]), ROWS)
    | st.tuples(st.just("update"), ROWS)
    | st.tuples(st.just("delete"), st.none()),
    min_size=1,
    max_size=9,
)


@settings(derandomize=True, database=None, max_examples=80)
@given(changes=CHANGES)
def test_whatever_is_written_changed_and_deleted_the_index_agrees(migrated, changes):
    migrated.execute("DELETE FROM messages")
    for what, row in changes:
        if what == "insert":
            migrated.execute(INSERT, row)
        elif what == "insert as the store":
            migrated.execute(INSERT_AS_THE_STORE, row)
        elif what == "update":
            migrated.execute(
                "UPDATE messages SET (content, content_format, tool_name, tool_calls) = (?, ?, ?, ?)"
                " WHERE id = (SELECT min(id) FROM messages)",
                row,
            )
        else:
            migrated.execute("DELETE FROM messages WHERE id = (SELECT max(id) FROM messages)")
        migrated.execute(CHECK)
    migrated.execute("DELETE FROM messages")
    migrated.execute(CHECK)
    assert migrated.execute("SELECT count(*) FROM messages_fts_docsize").fetchone() == (0,)


ARGUMENTS = st.sampled_from(
    ["{}", '{"a": "x\\n\\u00e9"}', '"\\\\"', "not JSON", "", 5, None, {"a": ["é", 1.5]}]
)
CALL = st.dictionaries(
    st.sampled_from(["name", "arguments", "input", "id", "type"]), ARGUMENTS
) | st.fixed_dictionaries(
    {"function": st.dictionaries(st.sampled_from(["name", "arguments"]), ARGUMENTS)}
)


@settings(derandomize=True, database=None)
@given(call=CALL, is_ascii=st.booleans())
def test_one_call_reads_as_it_does_beside_another_one(migrated, call, is_ascii):
    read = []
    for calls in ([call], [call, 7]):
        stored = json.dumps(calls, ensure_ascii=is_ascii)
        inserted = migrated.execute(INSERT, (None, None, None, stored))
        texts = "SELECT tool_calls FROM messages_text WHERE id = ?"
        read += migrated.execute(texts, (inserted.lastrowid,)).fetchone()
    assert f"{read[0]} 7" == read[1]


@pytest.fixture(scope="module")
def migrated(template, tmp_path_factory):
    """A connection of another tool's to a store."""
    path = tmp_path_factory.mktemp("odd") / "state.db"
    path.write_bytes(template.read_bytes())
    with closing(sqlite_driver().connect(path, isolation_level=None)) as connection:
        yield connection


@pytest.mark.parametrize(
    "value", [v for v in ODD if v is not None and b"needle" in str(v).encode()]
)
@pytest.mark.parametrize("place", ["content", "parts", "tool_name", "tool_calls"])
def test_a_hit_in_an_odd_value_is_shown(repository, database, place, value):
    columns = {"content": (value, None, None, None), "parts": (value, "json", None, None),
               "tool_name": (None, None, value, None), "tool_calls": (None, None, None, value)}  # fmt: skip
    change(database, INSERT, *columns[place])
    (hit,) = repository.search_messages("needle")
    assert ">>>needle<<<" in hit["snippet"]
