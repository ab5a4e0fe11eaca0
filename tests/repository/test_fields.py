"""Any message dict that a program holds goes in and comes out."""

import pytest

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, TitleInUseError

OF_AN_SDK = {
    "content": None,
    "refusal": None,
    "role": "assistant",
    "annotations": [{"type": "url_citation"}],
    "audio": None,
    "function_call": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    "reasoning_content": "because",
}
OF_ANOTHER = {"id": "msg_01", "type": "message", "role": "assistant", "content": [{"text": "hi"}]}


@pytest.fixture
def session(repository: SessionRepository) -> SessionRepository:
    repository.create_session("s", "cli")
    return repository


def without(message, *keys):
    return {key: value for key, value in message.items() if key not in keys}


@pytest.mark.parametrize("message", [OF_AN_SDK, OF_ANOTHER])
def test_a_message_of_an_sdk_comes_back_as_it_was_but_for_what_was_none(session, message):
    session.append_messages("s", [message])
    [strict] = session.get_messages_as_conversation("s", strict=True)
    given = {key: value for key, value in message.items() if value is not None or key == "content"}
    assert strict == given


@pytest.mark.parametrize("message", [OF_AN_SDK, OF_ANOTHER])
def test_it_comes_through_export_and_import(session, message):
    session.append_messages("s", [message])
    before = session.get_messages_as_conversation("s", strict=True)
    [exported] = session.export_all()
    session.delete_session("s")
    assert session.import_sessions([exported]).ignored_fields == []
    assert session.get_messages_as_conversation("s", strict=True) == before


def test_the_full_form_says_which_message_it_is_and_when_it_was_stored(session):
    message_id = session.append_message(
        "s", "assistant", "x", finish_reason="stop", timestamp=7.0, extra={"seen": 1}
    )
    assert session.get_messages_as_conversation("s") == [
        {
            "role": "assistant",
            "content": "x",
            "id": message_id,
            "timestamp": 7.0,
            "finish_reason": "stop",
            "seen": 1,
        }
    ]


def test_the_strict_form_has_only_what_chat_completions_take_and_the_provider_sent(session):
    session.append_message("s", "user", "x", name="alice", extra={"ours": 1}, timestamp=7.0)
    session.append_message("s", "assistant", "y", reasoning="r", finish_reason="stop")
    session.append_message("s", "tool", "z", tool_name="f", tool_call_id="c1")
    assert session.get_messages_as_conversation("s", strict=True) == [
        {"role": "user", "content": "x", "name": "alice"},
        {"role": "assistant", "content": "y", "reasoning": "r"},
        {"role": "tool", "content": "z", "tool_call_id": "c1"},
    ]


def test_a_conversation_can_be_appended_to_another_session(session):
    session.append_message("s", "user", "x", timestamp=7.0, extra={"seen": 1})
    session.create_session("t", "cli")
    session.append_messages("t", session.get_messages_as_conversation("s"))
    session.append_messages("t", session.get_messages("s"))
    for copied in session.get_messages("t"):
        assert copied["extra"] == {"seen": 1}
        assert (copied["content"], copied["timestamp"]) == ("x", 7.0)


def test_the_name_of_a_tool_message_is_its_tool_and_any_other_is_the_speaker_s(session):
    session.append_messages(
        "s",
        [
            {"role": "user", "name": "alice"},
            {"role": "tool", "name": "terminal"},
            {"role": "tool", "name": "speaker", "tool_name": "terminal"},
        ],
    )
    found = [(each["name"], each["tool_name"]) for each in session.get_messages("s")]
    assert found == [("alice", None), (None, "terminal"), ("speaker", "terminal")]


def test_a_column_wins_over_a_key_of_its_name_and_nothing_is_lost(session):
    session.append_message("s", "assistant", "x", extra={"role": "ghost", "id": "msg_1", "own": 2})
    [full] = session.get_messages_as_conversation("s")
    assert (full["role"], full["own"]) == ("assistant", 2)
    [exported] = session.export_all()
    session.delete_session("s")
    session.import_sessions([exported])
    assert session.get_messages("s")[0]["extra"] == {"role": "ghost", "id": "msg_1", "own": 2}


def test_an_empty_reasoning_is_stored_and_not_replayed(session):
    session.append_message("s", "assistant", "x", reasoning="")
    assert session.get_messages("s")[0]["reasoning"] == ""
    assert "reasoning" not in session.get_messages_as_conversation("s")[0]


class TestForeignIds:
    def test_appended_twice_the_first_stays_once(self, session):
        first = session.append_message("s", "user", "first", external_id="m1")
        assert session.append_message("s", "user", "second", external_id="m1") == first
        assert [each["content"] for each in session.get_messages("s")] == ["first"]
        assert session.get_session("s")["message_count"] == 1

    def test_of_a_list_only_what_is_new_is_stored_and_each_gets_its_id(self, session):
        first = session.append_message("s", "user", "first", external_id="m1")
        ids = session.append_messages(
            "s",
            [
                {"role": "user", "content": "again", "external_id": "m1"},
                {"role": "user", "content": "new", "external_id": "m2"},
                {"role": "user", "content": "new again", "external_id": "m2"},
                {"role": "user", "content": "without"},
            ],
        )
        assert ids[0] == first
        assert ids[1] == ids[2]
        stored = session.get_messages("s")
        assert [each["content"] for each in stored] == ["first", "new", "without"]
        assert [each["id"] for each in stored] == [first, ids[1], ids[3]]
        assert session.get_session("s")["message_count"] == 3
        assert session.check() == []

    def test_in_another_session_the_same_id_is_another_message(self, session):
        session.create_session("t", "cli")
        first = session.append_message("s", "user", "x", external_id="m1")
        assert session.append_message("t", "user", "x", external_id="m1") != first


@pytest.mark.parametrize(
    "value", [{1: "a", "1": "b"}, {"deep": [{None: 1, "null": 2}]}, {True: 1, "true": 2}]
)
@pytest.mark.parametrize("argument", ["tool_calls", "reasoning_details", "content"])
def test_keys_that_are_one_in_json_are_refused_and_nothing_is_lost(session, argument, value):
    with pytest.raises(InvalidArgumentError, match=f"{argument}: has keys that are the same"):
        session.append_message("s", "assistant", **{argument: value})
    assert session.message_count() == 0


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


def deep_in_the_stack(frames, call):
    return call() if frames == 0 else deep_in_the_stack(frames - 1, call)


@pytest.mark.parametrize("frames", [0, 700, 800])
@pytest.mark.parametrize("argument", ["content", "tool_calls", "extra"])
def test_nested_json_comes_back_whole_however_deep_the_caller_s_stack_is(session, argument, frames):
    value = {"deep": nested(199), "wide": [[] for _ in range(500)]}
    deep_in_the_stack(frames, lambda: session.append_message("s", "tool", **{argument: value}))
    assert deep_in_the_stack(frames, lambda: session.get_messages("s"))[0][argument] == value


@pytest.mark.parametrize("depth", [201, 900, 100_000])
@pytest.mark.parametrize("argument", ["content", "tool_calls"])
def test_json_that_is_nested_too_deep_is_refused_by_name(session, argument, depth):
    with pytest.raises(InvalidArgumentError, match=f"{argument}: nests .* more than 200 deep"):
        session.append_message("s", "tool", **{argument: nested(depth)})
    assert session.message_count() == 0


def test_an_extra_that_holds_none_or_names_of_columns_comes_through_export_and_import(session):
    extra = {"none": None, "id": "msg_1", "session_id": "t", "folded": "x", "extra": {"a": None}}
    session.append_message("s", "assistant", "x", extra=extra)
    exported = session.export_session("s")
    session.delete_session("s")
    session.import_sessions([exported])
    assert session.get_messages("s")[0]["extra"] == extra
    assert session.export_session("s") == exported


@pytest.mark.parametrize("extra", [[1], "text", 0, ""])
def test_an_extra_that_is_no_object_is_refused(session, extra):
    with pytest.raises(InvalidArgumentError, match="extra: "):
        session.append_message("s", "user", "x", extra=extra)
    with pytest.raises(InvalidArgumentError, match="extra: "):
        session.append_messages("s", [{"role": "user", "content": "x", "extra": extra}])


@pytest.mark.parametrize(("bad", "what"), [("a\0b", "a NUL"), ("a\ud800b", "a lone surrogate")])
@pytest.mark.parametrize(
    "call",
    [
        lambda store, bad: store.append_message("s", "user", "x", external_id=bad),
        lambda store, bad: store.append_messages("s", [{"role": "user", "external_id": bad}]),
        lambda store, bad: store.replace_messages("s", [{"role": "user", "external_id": bad}]),
        lambda store, bad: store.import_sessions(
            [
                {
                    "id": "i", "source": "x", "started_at": 1.0,
                    "messages": [{"role": "user", "external_id": bad}],
                }
            ]
        ),
    ],
)  # fmt: skip
def test_an_external_id_that_would_become_another_is_refused(session, call, bad, what):
    with pytest.raises(InvalidArgumentError, match=f"external_id: 'a.*b' holds {what}"):
        call(session, bad)
    assert session.session_count() == 1
    assert session.get_messages("s") == []


def test_an_external_id_that_no_index_could_hold_is_refused_on_both_databases(session):
    longest = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    session.append_message("s", "user", "x", external_id=longest)
    with pytest.raises(InvalidArgumentError, match="external_id: is too long: it has 501"):
        session.append_message("s", "user", "x", external_id=longest + "x")


def test_keys_that_differ_in_json_too_are_taken(session):
    session.append_message("s", "assistant", {1: "a", "2": "b"})
    assert session.get_messages("s")[0]["content"] == {"1": "a", "2": "b"}


def test_an_object_of_an_sdk_is_refused_with_the_way_to_give_it(session):
    for given in ({"content": object()}, {"tool_calls": [object()]}):
        with pytest.raises(InvalidArgumentError, match=r'model_dump\(mode="json"\)'):
            session.append_message("s", "assistant", **given)


def test_a_title_is_one_title_however_its_letters_are_put_together(session):
    session.create_session("t", "cli")
    session.set_session_title("s", "Cafe\u0301")
    assert session.get_session_title("s") == "Caf\u00e9"
    with pytest.raises(TitleInUseError):
        session.set_session_title("t", "Caf\u00e9")
    for typed in ("Cafe\u0301", "Caf\u00e9"):
        assert session.get_session_by_title(typed)["id"] == "s"
        assert session.resolve_session_by_title(typed) == "s"
        assert session.get_next_title_in_lineage(typed) == "Caf\u00e9 #2"


def test_the_model_of_a_session_can_be_changed(session):
    session.set_session_model("s", "another")
    assert session.get_session("s")["model"] == "another"
    with pytest.raises(LookupError):
        session.set_session_model("unknown", "x")


@pytest.mark.parametrize("longest", ["x" * 500, "😀" * 500], ids=["ascii", "four bytes each"])
def test_ids_and_sources_of_500_characters_are_stored_and_longer_ones_refused(repository, longest):
    repository.create_session(longest, longest)
    assert repository.get_session(longest)["source"] == longest
    with pytest.raises(InvalidArgumentError, match="session_id: is too long: it has 501"):
        repository.create_session(longest + "x", "cli")
    with pytest.raises(InvalidArgumentError, match="source: is too long: it has 501"):
        repository.create_session("short", longest + "x")
    repository.append_message(longest, "user", "hi", external_id=longest)
    assert repository.check() == []
