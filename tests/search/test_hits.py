"""A hit says where it was found and shows it: place, snippet, context, and the session it is of."""

import json

import pytest
from stored import change
from support import only_sqlite

from hermes_store import SessionRepository
from hermes_store.errors import SearchIndexError
from hermes_store.search.ddl import LONGEST_TEXT
from hermes_store.search.hits import _hits
from hermes_store.search.snippets import LONGEST

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk" * 10


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        yield repository


def only_hit(repository, typed, **arguments):
    (hit,) = repository.search_messages(typed, **arguments)
    return hit


def is_found(repository, typed):
    return bool(repository.search_messages(typed))


def call(arguments, name="web_search"):
    return [
        {"id": "call_7", "type": "function", "function": {"name": name, "arguments": arguments}}
    ]


# --- where ----------------------------------------------------------------------------------------


def test_a_hit_in_the_text_of_a_message(repository):
    repository.append_message(
        "s", "user", "the needle in it", tool_name="hay", tool_calls=call("{}")
    )
    hit = only_hit(repository, "needle")
    assert (hit["matched_in"], hit["snippet"]) == ("content", "the >>>needle<<< in it")


def test_a_hit_in_the_name_of_a_tool(repository):
    repository.append_message("s", "tool", "done", tool_name="browser_navigate")
    hit = only_hit(repository, "browser_navigate")
    assert (hit["matched_in"], hit["snippet"]) == ("tool_name", ">>>browser_navigate<<<")
    assert hit["tool_name"] == "browser_navigate"


@pytest.mark.parametrize("form", ["text", "escaped text", "object", "input", "a call alone"])
def test_the_arguments_of_a_call_are_found_as_the_values_they_are(repository, form):
    arguments = {
        "city": "Düsseldorf Altstadt", "path": "src/foo/bar.py", "cmd": 'echo "hi"',
        "folder": "C:\\Users\\Ada", "text": "line one\nline two\tC++ 50% don't 🚀", "q": "今天的记忆",
        "deep": {"list": [1, 7, True, {"nested": None}]}, "all": ["first", "second"],
    }  # fmt: skip
    calls = {
        "text": call(json.dumps(arguments, ensure_ascii=False)),
        "escaped text": call(json.dumps(arguments, indent=1)),
        "object": call(arguments),
        "input": [{"type": "tool_use", "name": "web_search", "input": arguments}],
        "a call alone": call(arguments)[0],
    }
    repository.append_message("s", "assistant", None, tool_calls=calls[form])
    for typed in (
        "web_search", "Düsseldorf", "dusseldorf", "Düsseldorf Altstadt", "city", "foo/bar.py",
        'echo "hi"', "C:\\Users\\Ada", "line two", "记忆", "50%", "C++", "don't", "true", "7",
        "nested", "🚀", "first second",
    ):  # fmt: skip
        hit = only_hit(repository, typed)
        assert hit["matched_in"] == "tool_calls"
        assert ">>>" in hit["snippet"]


def test_all_calls_of_a_message_are_searched(repository):
    repository.append_message(
        "s", "assistant", tool_calls=call('{"a": 1}') + call('{"b": 2}', "ls")
    )
    assert only_hit(repository, "ls")["snippet"] == "web_search {a: 1} >>>ls<<< {b: 2}"


@pytest.mark.parametrize("arguments", ["ls -la /tmp", '{"cut": "off ls -la /tmp', "", None, [], 5])
def test_arguments_that_are_no_json_object_are_searched_as_they_are(repository, arguments):
    repository.append_message("s", "assistant", tool_calls=call(arguments))
    assert is_found(repository, "web_search")
    assert is_found(repository, "ls -la /tmp") is ("ls" in str(arguments))


def test_what_is_in_no_searched_place_is_not_found(repository):
    repository.append_message(
        "s", "assistant", "text", tool_call_id="needle", reasoning="needle", finish_reason="needle",
        reasoning_details=[{"text": "needle"}], codex_reasoning_items=["needle"],
    )  # fmt: skip
    repository.append_message("s", "assistant", tool_calls=call("{}"))
    assert not is_found(repository, "needle")
    assert not is_found(repository, "call_7")


# --- structured content -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        [
            {"type": "text", "text": "What is in this Übersicht?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "text", "text": 'a "quoted" C:\\path\nand 记忆 🚀'},
        ],
        [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "text", "text": 'What is in this Übersicht?\na "quoted" C:\\path and 记忆 🚀'},
        ],
        {"text": "What is in this Übersicht?", "more": ['a "quoted" C:\\path and 记忆 🚀', PNG]},
        ["What is in this Übersicht?", 'a "quoted" C:\\path and 记忆 🚀'],
    ],
    ids=["openai", "anthropic", "dict", "texts"],
)
def test_of_structured_content_the_texts_are_found_and_images_are_not(repository, parts):
    repository.append_message("s", "user", parts)
    for typed in ("this Übersicht?", "ubersicht", '"quoted"', "C:\\path", "记忆", "忆", "🚀"):
        hit = only_hit(repository, typed)
        assert hit["matched_in"] == "content"
        assert ">>>" in hit["snippet"]
    for typed in (PNG[:40], f"{PNG[:8]}*", "data:image/png", "base64", "image/png", "image_url"):
        assert not is_found(repository, typed)


def test_a_long_list_in_structured_content_is_no_image(repository):
    lines = "\n".join(f"src/module{number}.py" for number in range(200))
    repository.append_message("s", "user", [{"type": "text", "text": lines}])
    assert is_found(repository, "src/module123.py")


def test_a_snippet_of_structured_content_is_the_text_as_it_was_written(repository):
    repository.append_message("s", "user", [{"type": "text", "text": "看 🚀 the 记忆"}])
    assert only_hit(repository, "记忆")["snippet"] == "看 🚀 the >>>记忆<<<"


@pytest.mark.parametrize("typed", ["one two", '"one two"'])
def test_a_phrase_does_not_reach_from_one_place_into_another(repository, typed):
    repository.append_message("s", "tool", "one", tool_name="two")
    assert is_found(repository, typed) is (typed == "one two")


# --- snippets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markers", "snippet"),
    [
        ((">>>", "<<<"), "the >>>needle<<< here"),
        (["<b>", "</b>"], "the <b>needle</b> here"),
        (("", ""), "the needle here"),
        (("\x1b[1m", "\x1b[0m"), "the \x1b[1mneedle\x1b[0m here"),
    ],
)
def test_hits_stand_between_the_markers(repository, markers, snippet):
    repository.append_message("s", "user", "the needle here")
    assert only_hit(repository, "needle", markers=markers)["snippet"] == snippet


SNIPPETS = [
    ("a needle, a Needle and needles", "needle", "a >>>needle<<<, a >>>Needle<<< and needles"),
    ("red green blue", "blue red", ">>>red<<< green >>>blue<<<"),
    ("red green blue", "red NOT pink", ">>>red<<< green blue"),
    ("red green blue", "pink OR green", "red >>>green<<< blue"),
    ("red green blue", '"green blue"', "red >>>green blue<<<"),
    ("red green blue", '"red green" OR "green blue"', ">>>red green blue<<<"),
    ("redder red", "re*", ">>>re<<<dder >>>re<<<d"),
    ("I write C++ and C", "C++", "I write >>>C++<<< and C"),
    ("I write C++ and C", "C", "I write >>>C<<<++ and >>>C<<<"),
    ("Das Café", "cafe", "Das >>>Café<<<"),
    ("Das Cafe\u0301!", "café", "Das >>>Cafe\u0301<<<!"),
    ("今天的记忆断裂", "记忆", "今天的>>>记忆<<<断裂"),
    ("foo/bar.py:42", "bar.py", "foo/>>>bar.py<<<:42"),
    ("line one\n  line two", "two", "line one\n  line >>>two<<<"),
]


def test_a_snippet_marks_what_was_found_and_nothing_else(repository):
    for text, typed, snippet in SNIPPETS:
        repository.append_message("s", "user", text)
        assert only_hit(repository, typed)["snippet"] == snippet
        repository.clear_messages("s")


def test_a_snippet_of_a_long_text_is_a_piece_of_whole_words_around_the_hit(repository):
    words = [f"w{number}" for number in range(100, 600)]
    repository.append_message("s", "user", " ".join(words))
    snippet = only_hit(repository, "w350")["snippet"]
    assert snippet.startswith("...w337 w338 ")
    assert snippet.endswith(" w385 w386...")
    assert " >>>w350<<< " in snippet
    assert len(snippet) <= LONGEST + len("......>>><<<")
    assert only_hit(repository, "w100")["snippet"].startswith(">>>w100<<< w101 ")
    assert only_hit(repository, "w599")["snippet"].endswith(" w598 >>>w599<<<")


def test_a_match_longer_than_a_snippet_is_shown_whole(repository):
    text = " ".join(f"w{number}" for number in range(200))
    repository.append_message("s", "user", f"before {text} after")
    assert only_hit(repository, f'"{text}"')["snippet"] == f"before >>>{text}<<<..."


def test_every_hit_in_a_piece_is_marked_however_many_came_before(repository):
    common = "a b " * 100
    repository.append_message("s", "user", f"{common * 10} and a rare b")
    snippet = only_hit(repository, "a rare b")["snippet"]
    assert snippet.endswith(">>>a<<< >>>b<<<  and >>>a<<< >>>rare<<< >>>b<<<")


def test_a_snippet_shows_the_piece_with_most_of_what_was_typed(repository):
    filling = "word " * 300
    repository.append_message("s", "user", f"red {filling} green {filling} red and green {filling}")
    assert " >>>red<<< and >>>green<<< " in only_hit(repository, "green red")["snippet"]


@pytest.mark.parametrize(
    "text", ["x" * 100_000 + " needle " + "y" * 100_000, "needle" + "字" * 50_000]
)
def test_a_snippet_is_short_where_words_are_not(repository, text):
    repository.append_message("s", "user", text)
    snippet = only_hit(repository, "needle")["snippet"]
    assert ">>>needle<<<" in snippet
    assert len(snippet) < 1000


# --- bounds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["content", "tool_calls"])
def test_what_is_beyond_the_longest_text_is_not_searched(repository, place):
    text = "first " + "word " * (LONGEST_TEXT // 5) + " last"
    value = text if place == "content" else call(json.dumps({"output": text}))
    repository.append_message("s", "tool", **{place: value})
    hit = only_hit(repository, "first")
    assert (hit["matched_in"], ">>>first<<<" in hit["snippet"]) == (place, True)
    assert not is_found(repository, "last")


# --- context and session ------------------------------------------------------------------------


def test_the_context_is_the_message_before_and_after_of_the_same_session(repository):
    repository.create_session("t", "telegram")
    for number in range(4):
        repository.append_message("s", "user", f"s{number}")
        repository.append_message("t", "assistant", f"t{number}")
    contexts = [
        [message["content"] for message in only_hit(repository, word)["context"]]
        for word in ("s0", "s1", "t2", "t3")
    ]
    assert contexts == [["s0", "s1"], ["s0", "s1", "s2"], ["t1", "t2", "t3"], ["t2", "t3"]]


def test_the_context_does_not_follow_the_clock(repository):
    for timestamp in (3000.0, 1000.0, 2000.0):
        repository.append_message("s", "user", f"at{timestamp:.0f}", timestamp=timestamp)
    context = only_hit(repository, "at1000")["context"]
    assert [message["content"] for message in context] == ["at3000", "at1000", "at2000"]


def test_a_context_is_of_roles_and_the_beginning_of_texts(repository):
    repository.append_message("s", "user", "x" * 300)
    repository.append_message("s", "assistant", None, tool_calls=call('{"q": "needle"}'))
    repository.append_message("s", "tool", [{"type": "text", "text": "看 🚀 there"}])
    assert only_hit(repository, "needle")["context"] == [
        {"role": "user", "content": "x" * 200},
        {"role": "assistant", "content": ""},
        {"role": "tool", "content": "看 🚀 there"},
    ]


def test_a_hit_knows_its_message_and_its_session(repository):
    repository.create_session("t", "telegram", model="claude-sonnet-4")
    repository.set_session_title("t", "Flaky lock")
    id_ = repository.append_message("t", "tool", "needle", tool_name="grep", timestamp=1234.5)
    hit = only_hit(repository, "needle")
    assert hit == {
        "id": id_,
        "session_id": "t",
        "role": "tool",
        "timestamp": 1234.5,
        "tool_name": "grep",
        "state": None,
        "snippet": ">>>needle<<<",
        "matched_in": "content",
        "source": "telegram",
        "model": "claude-sonnet-4",
        "title": "Flaky lock",
        "session_started": repository.get_session("t")["started_at"],
        "context": [{"role": "tool", "content": "needle"}],
    }


@only_sqlite
def test_a_message_that_lost_its_session_is_found(repository, database):
    repository.append_message("s", "user", "needle")
    change(database, "DELETE FROM sessions")
    hit = only_hit(repository, "needle")
    assert (hit["session_id"], hit["source"], hit["session_started"]) == ("s", None, None)
    assert repository.search_messages("needle", session_id="s") == [hit]


@only_sqlite
def test_a_page_costs_as_many_statements_as_a_hit(database):
    with SessionRepository(database, pool_size=1) as repository:
        repository.create_session("s", "cli")
        repository.append_messages("s", [{"role": "user", "content": "needle"}] * 60)
        repository.search_messages("needle")  # FTS5 looks at its settings
        statements = []
        with repository._store.reading() as connection:
            connection.dbapi.set_trace_callback(statements.append)
        counts = []
        for limit in (1, 50):
            statements.clear()
            assert len(repository.search_messages("needle", limit=limit)) == limit
            counts.append(sum(not each.startswith("-- ") for each in statements))
    assert counts[0] == counts[1] <= len(["BEGIN", "state", "ends", "ids", "hits", "COMMIT"])


def test_a_page_of_hundreds_has_the_context_of_each(repository):
    contents = [f"needle {number}" for number in range(1200)]
    repository.append_messages("s", [{"role": "user", "content": each} for each in contents])
    hits = repository.search_messages("needle", limit=None, sort="oldest")
    assert [hit["context"][0]["content"] for hit in hits] == [contents[0], *contents[:-1]]
    assert [hit["context"][-1]["content"] for hit in hits] == [*contents[1:], contents[-1]]


def test_a_hit_that_is_gone_is_damage_of_a_files_index_and_left_out_on_a_server(repository):
    there = repository.append_message("s", "user", "x")

    def shown(connection):
        return [hit["id"] for hit in _hits(connection, [there, there + 1], [], ("", ""), "all")]

    if repository._store.backend.is_server:
        assert repository._read(shown) == [there]
        return
    with pytest.raises(SearchIndexError, match="do not exist"):
        repository._read(shown)
