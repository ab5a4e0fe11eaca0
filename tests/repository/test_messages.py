"""Messages come back as they were given, in the order they were stored."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored import as_stored, change, check, column
from support import CHARACTERS

from hermes_store import SessionRepository
from hermes_store.cli.app import run
from hermes_store.errors import InvalidArgumentError, SessionNotFoundError

CALLS = [{"id": "call_1", "function": {"name": "terminal", "arguments": '{"command": "ls"}'}}]
DEEP = "[" * 960 + "]" * 960
"""JSON that Python reads, and cannot write again from the same place."""


@pytest.fixture
def session(repository):
    repository.create_session("s", "cli")
    return repository


def contents(repository, session_id="s"):
    return [message["content"] for message in repository.get_messages(session_id)]


# --- append and read ----------------------------------------------------------------------------


def test_a_message_comes_back_with_every_column(session):
    given = {
        "role": "assistant",
        "content": "Läuft: 记忆 😀",
        "tool_name": "terminal",
        "tool_calls": CALLS,
        "tool_call_id": "call_0",
        "token_count": 12,
        "finish_reason": "tool_calls",
        "reasoning": "think",
        "reasoning_details": [{"type": "reasoning.text", "text": "…"}],
        "codex_reasoning_items": [{"id": "rs_1"}],
        "timestamp": 1234.5,
        "name": "a speaker",
        "external_id": "msg_1",
        "extra": {"refusal": "no"},
    }
    message_id = session.append_message("s", **given)
    stored = {"id": message_id, "session_id": "s", "state": None, **given}
    assert session.get_messages("s") == [stored]


def test_what_has_no_column_a_name_and_a_foreign_id_come_back_too(session):
    given = {"name": "alice", "external_id": "msg_1", "extra": {"annotations": [1], "odd": None}}
    session.append_message("s", "user", "hi", **given)
    [message] = session.get_messages("s")
    assert {key: message[key] for key in given} == given


def test_the_arguments_keep_the_positions_of_the_original(session):
    session.append_message("s", "tool", "c", "name", [1], "call", 5, "stop", "r", [2], [3])
    message = session.get_messages("s")[0]
    del message["id"], message["timestamp"]
    assert message == {
        "session_id": "s", "role": "tool", "content": "c", "tool_name": "name", "tool_calls": [1],
        "tool_call_id": "call", "token_count": 5, "finish_reason": "stop", "reasoning": "r",
        "reasoning_details": [2], "codex_reasoning_items": [3],
        "name": None, "external_id": None, "extra": None, "state": None,
    }  # fmt: skip


def test_messages_are_numbered_upwards_and_stamped_with_the_time(session):
    before = time.time()
    ids = [session.append_message("s", "user", str(number)) for number in range(3)]
    assert ids == sorted(set(ids))
    times = [message["timestamp"] for message in session.get_messages("s")]
    assert all(before <= moment <= time.time() for moment in times)


def test_the_order_is_that_of_storing_whatever_the_timestamps_say(session):
    for number, moment in enumerate((30.0, 10.0, 20.0)):
        session.append_message("s", "user", str(number), timestamp=moment)
    assert contents(session) == ["0", "1", "2"]
    conversation = session.get_messages_as_conversation("s")
    assert [message["content"] for message in conversation] == ["0", "1", "2"]


CONTENTS = [
    None,
    "",
    " ",
    "text",
    "'; DROP TABLE messages; --",
    "[1, 2]",
    '{"a": 1}',
    "null",
    "a\0b",
    "\r\n\t",
    [],
    {},
    [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "data:…"}}],
    {"type": "text", "text": "记忆"},
    ["a", 1, 2.5, True, None, [[]]],
    "x" * 1_000_000,
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda value: repr(value)[:20])
def test_content_comes_back_as_it_was_given(session, database, content):
    session.append_message("s", "user", content)
    session.append_messages("s", [{"role": "user", "content": content}])
    content = as_stored(database, content)
    found = contents(session)
    assert found == [content, content]
    assert [type(value) for value in found] == [type(content)] * 2
    conversation = session.get_messages_as_conversation("s", strict=True)
    assert [message["content"] for message in conversation] == [content, content]


@pytest.mark.parametrize(
    "value", [[], {}, [1], {"a": {"b": [None]}}, "text", "", 0, 7, True, False]
)
@pytest.mark.parametrize("name", ["tool_calls", "reasoning_details", "codex_reasoning_items"])
def test_a_json_column_comes_back_as_it_was_given(session, name, value):
    session.append_message("s", "assistant", "x", **{name: value})
    message = session.get_messages("s")[0]
    assert message[name] == value
    assert type(message[name]) is type(value)
    replayed = session.get_messages_as_conversation("s", strict=True)[0]
    assert replayed == {"role": "assistant", "content": "x", name: value}


@pytest.mark.parametrize("name", ["tool_calls", "reasoning_details", "codex_reasoning_items"])
@pytest.mark.parametrize("stored", ["{broken", "", "NaN or so", "[" * 100_000, DEEP])
def test_a_json_column_that_cannot_be_decoded_comes_back_as_text(session, database, name, stored):
    session.append_message("s", "assistant", "x")
    change(database, f"UPDATE messages SET {name} = ?", stored)
    assert session.get_messages("s")[0][name] == stored
    assert session.get_messages_as_conversation("s")[0][name] == stored


@pytest.mark.parametrize("form", ["jsonl", "md", "html", "openai"])
def test_json_of_another_program_is_exported_however_deep(sqlite_database, form, capsysbinary):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "assistant", "said")
    change(sqlite_database, "UPDATE messages SET extra = ?", '{"a": ' + DEEP + "}")
    assert run(["--db", str(sqlite_database), "export", "--format", form]) == 0
    assert b"said" in capsysbinary.readouterr().out


def test_json_is_stored_readable(session, database):
    session.append_message("s", "assistant", [{"text": "Düsseldorf 记忆"}], tool_calls=["Straße"])
    assert column(database, "SELECT content FROM messages") == ['[{"text": "Düsseldorf 记忆"}]']
    assert column(database, "SELECT tool_calls FROM messages") == ['["Straße"]']


def test_lone_surrogates_are_replaced_and_pairs_joined(session):
    session.append_message(
        "s", "assistant", "a\ud800b \ud83d\ude00", reasoning="\udfff", tool_calls=[{"x": "\udead"}]
    )
    session.append_message("s", "user", [{"text": "\ud800"}])
    first, second = session.get_messages("s")
    assert first["content"] == "a\ufffdb 😀"
    assert first["reasoning"] == "\ufffd"
    assert first["tool_calls"] == [{"x": "\ufffd"}]
    assert second["content"] == [{"text": "\ufffd"}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(st.text(st.characters()), JSON)
def test_any_text_and_any_json_come_back(session, database, text, value):
    session.clear_messages("s")
    session.append_message("s", "user", text, tool_calls=value)
    message = session.get_messages("s")[0]
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert message["content"] == as_stored(database, text)
    assert message["tool_calls"] == json.loads(json.dumps(value))


# --- counters -----------------------------------------------------------------------------------


def test_messages_and_tool_calls_are_counted_in_the_session(session):
    session.append_message("s", "user", "x")
    session.append_message("s", "assistant", tool_calls=CALLS * 3)
    session.append_message("s", "tool", "result", tool_call_id="call_1")
    session.append_message("s", "assistant", tool_calls={"id": "one"})
    session.append_message("s", "assistant", tool_calls=[])
    found = session.get_session("s")
    assert (found["message_count"], found["tool_call_count"]) == (5, 4)
    assert session.message_count("s") == session.message_count() == 5


def test_the_last_activity_is_the_newest_message(session):
    session.append_message("s", "user", "x", timestamp=4e9)
    assert session.get_session("s")["last_active"] == 4e9


def test_messages_of_other_sessions_stay_apart(session):
    session.create_session("t", "cli")
    for number in range(6):
        session.append_message("st"[number % 2], "user", str(number))
    assert contents(session, "s") == ["0", "2", "4"]
    assert contents(session, "t") == ["1", "3", "5"]
    assert (session.message_count("s"), session.message_count()) == (3, 6)


# --- append_messages ----------------------------------------------------------------------------


def test_many_messages_are_stored_in_their_order_with_rising_ids(session):
    given = [{"role": "user", "content": f"message {number}"} for number in range(2_500)]
    ids = session.append_messages("s", given)
    assert ids == sorted(set(ids))
    assert [(m["id"], m["content"]) for m in session.get_messages("s")] == [
        (one, f"message {number}") for number, one in enumerate(ids)
    ]
    assert session.get_session("s")["message_count"] == 2_500


def test_more_messages_than_one_statement_takes_are_stored_in_their_order(session):
    texts = [str(number) for number in range(9_000)]  # of four values each
    ids = session.append_messages("s", [{"role": "user", "content": text} for text in texts])
    assert ids == sorted(set(ids))
    assert [message["content"] for message in session.get_messages("s")] == texts


def test_many_messages_take_every_column_and_are_counted_once(session):
    ids = session.append_messages(
        "s",
        [
            {"role": "user", "content": ["x"], "timestamp": 4e9},
            {"role": "assistant", "tool_calls": CALLS, "reasoning": "r", "timestamp": 3e9},
            {"role": "tool", "content": "y", "tool_name": "terminal", "tool_call_id": "call_1"},
        ],
    )
    found = session.get_session("s")
    assert (found["message_count"], found["tool_call_count"], found["last_active"]) == (3, 1, 4e9)
    first, second, third = session.get_messages("s")
    assert [first["id"], second["id"], third["id"]] == ids
    assert first["content"] == ["x"]
    assert (second["tool_calls"], second["reasoning"]) == (CALLS, "r")
    assert (third["tool_name"], third["tool_call_id"]) == ("terminal", "call_1")


def test_no_messages_are_no_change(session):
    before = session.get_session("s")
    assert session.append_messages("s", []) == []
    assert session.get_session("s") == before


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"role": "user", "content": 5}, r"messages\[1\]\.content"),
        ({"role": ""}, r"messages\[1\]\.role"),
        ({"content": "no role"}, r"messages\[1\]: has no role"),
        ({"role": "user", "extra": ["x"]}, r"messages\[1\]\.extra: .* is not an object"),
        ({"role": "user", "odd": object()}, r"messages\[1\]\.extra: cannot be written as JSON"),
        ({"role": "user", "external_id": ""}, r"messages\[1\]\.external_id"),
        ("text", r"messages\[1\]"),
        (None, r"messages\[1\]"),
    ],
)
def test_one_bad_message_of_many_is_named_and_none_is_stored(session, bad, named):
    with pytest.raises(InvalidArgumentError, match=named):
        session.append_messages("s", [{"role": "user", "content": "x"}, bad])
    assert session.message_count() == session.get_session("s")["message_count"] == 0


@pytest.mark.parametrize("bad", [None, "text", {"role": "user"}, 5, iter([])])
def test_what_is_no_list_of_messages_is_refused(session, bad):
    with pytest.raises(InvalidArgumentError, match="messages: is not a list"):
        session.append_messages("s", bad)


# --- conversation -------------------------------------------------------------------------------


def test_a_conversation_has_the_keys_that_are_stored_and_no_others(session):
    session.append_message("s", "user", "q", finish_reason="x", token_count=3, reasoning="hidden")
    session.append_message("s", "assistant", "", tool_calls=CALLS, reasoning="r",
                           reasoning_details=[1], codex_reasoning_items=[2])  # fmt: skip
    session.append_message("s", "tool", "out", tool_name="terminal", tool_call_id="call_1")
    session.append_message("s", "assistant", "done", reasoning="", reasoning_details=[])
    assert session.get_messages_as_conversation("s", strict=True) == [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "", "tool_calls": CALLS, "reasoning": "r",
         "reasoning_details": [1], "codex_reasoning_items": [2]},
        {"role": "tool", "content": "out", "tool_call_id": "call_1"},
        {"role": "assistant", "content": "done", "reasoning_details": []},
    ]  # fmt: skip


# --- clear --------------------------------------------------------------------------------------


def test_clearing_deletes_the_messages_and_resets_what_counts_them(session, database):
    session.create_session("t", "cli")
    session.append_message("t", "user", "stays")
    before = session.get_session("s")
    session.append_messages("s", [{"role": "assistant", "tool_calls": CALLS, "timestamp": 4e9}] * 3)
    session.update_token_counts("s", 7)
    assert session.clear_messages("s") is None
    assert session.get_messages("s") == []
    assert session.get_session("s") == {**before, "input_tokens": 7}
    assert contents(session, "t") == ["stays"]
    check(database)


def test_an_id_is_never_used_twice(session):
    last = session.append_messages("s", [{"role": "user"}] * 3)[-1]
    session.clear_messages("s")
    assert session.append_message("s", "user", "x") > last


def test_a_failed_append_leaves_the_session_as_it_was(session):
    before = session.get_session("s")
    for bad in ({"content": object()}, {"role": None}, {"token_count": -1}):
        with pytest.raises(InvalidArgumentError):
            session.append_message("s", **{"role": "user", **bad})
    with pytest.raises(SessionNotFoundError):
        session.append_message("ghost", "user", "x")
    assert session.get_session("s") == before
    assert session.append_message("s", "user", "x") == 1
