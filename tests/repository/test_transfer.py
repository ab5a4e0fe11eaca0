"""Export and import: everything, in one snapshot, and back without a loss."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import change, check, refuse_to_store, rows
from support import failing_write

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, RefusedError, StoreBusyError
from hermes_store.records import ImportResult


@pytest.fixture
def filled(repository):
    """Three sessions: a lineage of two whose messages interleave, and an empty one."""
    repository.create_session("root", "cli", "m", {"t": 0.5}, "prompt", "ada")
    repository.set_session_title("root", "Title")
    repository.update_token_counts("root", 1, 2, None, 3, 4, 5, 0.5, 0.25, "final", "api", "v1")
    repository.create_session("tip", "telegram", parent_session_id="root")
    for session_id in ("root", "tip", "root", "tip"):
        repository.append_message(
            session_id, "assistant", [{"text": "記"}], "tool", [{"id": 1}], "call", 5, "stop", "r",
            [2], [3], 1000.0,
        )  # fmt: skip
        repository.append_message(session_id, "user", "plain", timestamp=999.0)
    repository.end_session("root", "compression")
    repository.create_session("empty", "cron")
    return repository


@pytest.fixture
def other(template, tmp_path):
    """Another store, empty."""
    path = tmp_path / "other.db"
    path.write_bytes(template.read_bytes())
    with SessionRepository(path) as repository:
        yield repository


def through_json(sessions):
    return [json.loads(json.dumps(session)) for session in sessions]


# --- export -------------------------------------------------------------------------------------


def test_an_exported_session_is_the_session_with_its_messages(filled):
    assert filled.export_session("root") == {
        **filled.get_session("root"),
        "messages": filled.get_messages("root"),
    }
    assert filled.export_session("empty")["messages"] == []


def test_an_export_holds_everything_the_last_started_first(filled):
    expected = [filled.export_session(name) for name in ("empty", "tip", "root")]
    assert filled.export_all() == list(filled.iter_export()) == expected
    assert filled.export_all("telegram") == list(filled.iter_export("telegram")) == expected[1:2]
    assert filled.export_all(source="") == expected


def test_an_export_is_one_snapshot_while_others_write(filled):
    expected = filled.export_all()
    exported = []
    for session in filled.iter_export():
        exported.append(session)
        filled.append_message("tip", "user", "later")
        filled.create_session(f"new {len(exported)}", "cli")
        filled.delete_session("root")
    assert exported == expected


def test_an_export_that_is_not_read_to_the_end_gives_its_connection_back(database):
    with SessionRepository(database, pool_size=1, pool_timeout=0.1) as repository:
        repository.create_session("s", "cli")
        for _ in range(3):
            stream = repository.iter_export()
            assert next(stream)["id"] == "s"
            stream.close()
        assert repository.session_count() == 1


def test_a_bad_source_is_refused_before_the_stream_begins(repository):
    with pytest.raises(InvalidArgumentError, match="source"):
        repository.iter_export(5)


# --- there and back -----------------------------------------------------------------------------


def test_what_was_exported_is_imported_without_a_loss(filled, other, tmp_path):
    exported = filled.export_all()
    result = other.import_sessions(through_json(exported))
    assert (result.sessions, result.messages) == (3, 8)
    assert result.skipped == result.orphaned == result.ignored_fields == []
    assert result.retitled == {}
    assert other.export_all() == exported
    check(tmp_path / "other.db")


def test_search_finds_what_was_imported(filled, other):
    other.import_sessions(filled.export_all())
    assert {hit["session_id"] for hit in other.search_messages("plain")} == {"root", "tip"}


def test_importing_again_changes_nothing(filled, other):
    exported = filled.export_all()
    other.import_sessions(exported)
    other.append_message("tip", "user", "went on")
    before = other.export_all()
    result = other.import_sessions(exported)
    assert (result.sessions, result.messages) == (0, 0)
    assert sorted(result.skipped) == ["empty", "root", "tip"]
    assert other.export_all() == before


def test_an_import_that_was_interrupted_is_completed_by_running_it_again(filled, other):
    exported = filled.export_all()

    def torn():
        yield exported[1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        other.import_sessions(torn())
    assert other.get_session("tip")["parent_session_id"] is None
    assert other.import_sessions(exported).skipped == ["tip"]
    assert other.export_all() == exported


@pytest.mark.parametrize("number", range(1, 8))
def test_an_import_that_a_lock_ended_at_any_write_is_completed_by_running_it_again(
    repository, number
):
    session = {"source": "x", "started_at": 1.0}
    long = [{"id": n, "role": "user", "content": str(n), "timestamp": 2.0} for n in range(1, 2_501)]
    given = [
        {**session, "id": "child", "parent_session_id": "long", "messages": []},
        {**session, "id": "long", "title": "Title", "messages": long},
    ]  # writes: child, beginning, three slices, end, link
    with failing_write(number), pytest.raises(StoreBusyError):
        repository.import_sessions(given)
    repository.import_sessions(given)
    assert repository.get_session("child")["parent_session_id"] == "long"
    assert [m["id"] for m in repository.get_messages("long")] == list(range(1, 2_501))
    stored = repository.get_session("long")
    assert (stored["message_count"], stored["title"]) == (2_500, "Title")
    assert (stored["last_active"], stored["end_reason"]) == (2.0, None)


def test_messages_whose_ids_are_taken_get_new_ones_in_the_same_order(filled, other):
    other.create_session("here", "cli")
    other.append_messages("here", [{"role": "user", "content": "mine"}] * 2)
    assert other.import_sessions(filled.export_all()).messages == 8
    for name in ("root", "tip"):
        theirs, ours = filled.get_messages(name), other.get_messages(name)
        assert [{**m, "id": 0} for m in ours] == [{**m, "id": 0} for m in theirs]
    assert [m["content"] for m in other.get_messages("here")] == ["mine", "mine"]
    # those of "tip" were free
    assert other.get_messages("tip") == filled.get_messages("tip")


@pytest.mark.parametrize(
    "ids", [[2, 1], [1, 1], [1, None], [0, 1], ["1", 2], [1, 2**63], [True, 2]]
)
def test_ids_that_do_not_rise_are_replaced_and_the_order_stays(repository, ids):
    found = [{"id": one, "role": "user", "content": str(n)} for n, one in enumerate(ids)]
    repository.import_sessions([{"id": "s", "source": "x", "started_at": 1.0, "messages": found}])
    messages = repository.get_messages("s")
    assert [message["content"] for message in messages] == ["0", "1"]
    assert [message["id"] for message in messages] == [1, 2]


def test_many_messages_are_checked_for_taken_ids_in_pieces(repository):
    found = [{"id": n + 1, "role": "user", "content": str(n)} for n in range(2_000)]
    session = {"id": "a", "source": "x", "started_at": 1.0, "messages": found}
    repository.import_sessions([session, {**session, "id": "b"}])
    assert [m["id"] for m in repository.get_messages("a")] == list(range(1, 2_001))
    assert [m["id"] for m in repository.get_messages("b")] == list(range(2_001, 4_001))


@pytest.mark.parametrize("place", [1, 900, 901, 1_800, 1_801, 2_000])
def test_one_taken_id_wherever_it_stands_gives_all_messages_new_ones(repository, place):
    session = {"source": "x", "started_at": 1.0}
    message = {"role": "user", "content": "mine", "id": place}
    repository.import_sessions([{**session, "id": "a", "messages": [message]}])
    found = [{"id": n, "role": "user", "content": str(n)} for n in range(1, 2_001)]
    repository.import_sessions([{**session, "id": "b", "messages": found}])
    messages = repository.get_messages("b")
    assert [m["content"] for m in messages] == [m["content"] for m in found]
    assert [m["id"] for m in messages] == list(range(place + 1, place + 2_001))
    assert [m["content"] for m in repository.get_messages("a")] == ["mine"]


def test_an_id_that_an_import_brought_is_never_given_out_again(repository):
    session = {"id": "a", "source": "x", "started_at": 1.0}
    message = {"role": "user", "content": "mine", "id": 50}
    repository.import_sessions([{**session, "messages": [message]}])
    repository.clear_messages("a")
    assert repository.append_message("a", "user", "next") == 51


def test_a_session_whose_messages_are_refused_is_not_stored_by_half(repository, database):
    refuse_to_store(database, "poison")
    session = {"source": "x", "started_at": 1.0}
    messages = [{"role": "user", "content": text} for text in ("sound", "poison")]
    with pytest.raises(RefusedError, match="refused"):
        repository.import_sessions(
            [{**session, "id": "a"}, {**session, "id": "b", "messages": messages}]
        )
    assert [each["id"] for each in repository.export_all()] == ["a"]
    assert rows(database, "SELECT count(*) FROM messages") == [(0,)]


def test_a_title_in_use_gets_a_number(filled, other):
    other.create_session("here", "cli")
    other.set_session_title("here", "Title")
    assert other.import_sessions(filled.export_all()).retitled == {"root": "Title #2"}
    assert other.get_session_title("root") == "Title #2"
    assert other.get_session_title("here") == "Title"


def test_a_session_without_its_parent_is_stored_and_named(filled, other):
    result = other.import_sessions(filled.export_all("telegram"))
    assert (result.sessions, result.orphaned) == (1, ["tip"])
    assert other.get_session("tip")["parent_session_id"] is None
    again = other.import_sessions(filled.export_all("telegram"))
    assert (again.skipped, again.orphaned) == (["tip"], [])
    assert other.import_sessions(filled.export_all()).orphaned == []
    assert other.get_session("tip")["parent_session_id"] == "root"


def test_a_circle_of_parents_is_cut(repository):
    session = {"source": "x", "started_at": 1.0}
    result = repository.import_sessions(
        [{**session, "id": "a", "parent_session_id": "b"}, {**session, "id": "b", "parent_session_id": "a"}]
    )  # fmt: skip
    assert (result.sessions, result.orphaned) == (2, ["a"])
    parents = [repository.get_session(name)["parent_session_id"] for name in "ab"]
    assert parents == [None, "a"]


def test_what_another_tool_wrote_needs_only_the_essentials(repository):
    given = {
        "id": "s",
        "source": "telegram",
        "started_at": 100,
        "messages": [
            {"role": "user", "content": "hi", "timestamp": 101},
            {"role": "assistant", "tool_calls": [{"id": 1}]},
        ],
    }
    result = repository.import_sessions([given])
    assert (result.sessions, result.messages) == (1, 2)
    session = repository.get_session("s")
    assert (session["message_count"], session["tool_call_count"]) == (2, 1)
    assert (session["started_at"], session["last_active"]) == (100.0, 101.0)
    assert [m["timestamp"] for m in repository.get_messages("s")] == [101.0, 100.0]


def test_fields_that_are_not_known_are_reported(repository):
    given = {"id": "s", "source": "x", "started_at": 1, "starred": True}
    result = repository.import_sessions([{**given, "messages": [{"role": "user", "spoken": 1}]}])
    assert result.sessions == 1
    assert result.ignored_fields == ["starred"]
    assert repository.get_messages("s")[0]["extra"] == {"spoken": 1}


def test_the_messages_are_counted_anew(repository):
    given = {"id": "s", "source": "x", "started_at": 1, "message_count": 77, "tool_call_count": 5}
    repository.import_sessions([{**given, "messages": [{"role": "user"}]}])
    session = repository.get_session("s")
    assert (session["message_count"], session["tool_call_count"]) == (1, 5)


BAD = {
    "no dict": ("text", "sessions: str is not a dict"),
    "no id": ({"source": "x", "started_at": 1}, "id: None is not an id"),
    "no source": ({"id": "s", "started_at": 1}, "session s, source: None is not a text"),
    "no start": ({"id": "s", "source": "x"}, "session s, started_at: None cannot be used"),
    "endless start": ({"id": "s", "source": "x", "started_at": float("inf")}, "started_at"),
    "long id": ({"id": "记" * 501, "source": "x", "started_at": 1}, "id: is too long: it has 501"),
    "long source": ({"id": "s", "source": "x" * 501, "started_at": 1}, "session s, source: is too long"),
    "bad counter": ({"id": "s", "source": "x", "started_at": 1, "input_tokens": 1.5}, "input_tokens"),
    "bad messages": ({"id": "s", "source": "x", "started_at": 1, "messages": {"a": 1}}, "messages: is not a list"),
    "bad message": ({"id": "s", "source": "x", "started_at": 1, "messages": [5]}, r"messages\[0\]"),
    "no role": ({"id": "s", "source": "x", "started_at": 1, "messages": [{}]}, r"messages\[0\], role"),
    "equal ids": ({"id": "s", "source": "x", "started_at": 1, "messages": [{"role": "u", "external_id": "a"}] * 2}, r"messages\[1\], external_id: 'a' is also"),
    "bad content": ({"id": "s", "source": "x", "started_at": 1, "messages": [{"role": "u", "content": 5}]}, r"messages\[0\], content"),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "named"), BAD.values(), ids=BAD)
def test_a_malformed_session_is_named_and_those_before_it_are_stored(repository, bad, named):
    good = {"id": "good", "source": "x", "started_at": 1, "messages": [{"role": "user"}]}
    with pytest.raises(InvalidArgumentError, match=named):
        repository.import_sessions([good, bad])
    assert [session["id"] for session in repository.export_all()] == ["good"]


@pytest.mark.parametrize("time", [1e308, -1, 1772359205500, float("nan"), "2026-03-01", True])
@pytest.mark.parametrize("name", ["started_at", "ended_at", "last_active"])
def test_a_time_that_is_none_is_refused_by_name(repository, name, time):
    given = {"id": "s", "source": "x", "started_at": 1.0, name: time}
    with pytest.raises(InvalidArgumentError, match=f"session s, {name}: "):
        repository.import_sessions([given])
    assert repository.session_count() == 0


def test_milliseconds_are_refused_by_name(repository):
    given = {"id": "s", "source": "x", "started_at": 1.0}
    late = {"role": "user", "timestamp": 1772359205500}
    named = r"session s, messages\[1\], timestamp: 1772359205500 .* not milliseconds"
    with pytest.raises(InvalidArgumentError, match=named):
        repository.import_sessions([{**given, "messages": [{"role": "user"}, late]}])
    assert repository.session_count() == 0


def test_a_title_is_stored_as_set_session_title_would_store_it(repository):
    given = {"id": "s", "source": "x", "started_at": 1.0, "title": "  a\x1b\u202e\nb "}
    result = repository.import_sessions([given])
    assert repository.get_session_title("s") == "a b"
    assert (result.retitled, result.too_long_titles) == ({}, {})


def test_a_title_that_is_too_long_is_cut_and_reported(repository):
    session = {"source": "x", "started_at": 1.0, "title": "word " * 101}
    result = repository.import_sessions([{**session, "id": "a"}, {**session, "id": "b"}])
    cut = ("word " * 20).strip()
    assert repository.get_session_title("a") == cut
    assert repository.get_session_title("b") == f"{cut[:97].strip()} #2"
    assert result.retitled == {"a": cut, "b": repository.get_session_title("b")}
    assert result.too_long_titles == {"a": 504, "b": 504}


def test_bad_sessions_are_left_out_when_somebody_hears_of_them(repository):
    good = {"source": "x", "started_at": 1}
    heard = []
    result = repository.import_sessions(
        [{**good, "id": "a"}, {"id": "b"}, 5, {**good, "id": "c"}],
        on_bad=lambda error: heard.append(str(error)),
    )
    assert result.sessions == 2
    assert [session["id"] for session in repository.export_all()] == ["c", "a"]
    assert [text.partition(";")[0] for text in heard] == [
        "session b, source: None is not a text",
        "sessions: int is not a dict",
    ]


def test_the_result_holds_what_was_stored_before_an_error(repository):
    result = ImportResult()
    good = {"id": "a", "source": "x", "started_at": 1, "messages": [{"role": "user"}]}
    with pytest.raises(InvalidArgumentError):
        repository.import_sessions([good, 5], result=result)
    assert (result.sessions, result.messages) == (1, 1)


def test_what_is_no_list_of_sessions_is_refused(repository):
    for wrong in (None, 5):
        with pytest.raises(InvalidArgumentError, match="sessions: "):
            repository.import_sessions(wrong)


def test_odd_values_that_a_legacy_file_holds_survive(filled, other, database):
    change(
        database,
        "UPDATE sessions SET model_config = '{broken', source = '', input_tokens = -7"
        " WHERE id = 'root'",
    )
    change(database, "UPDATE messages SET tool_calls = '{broken', role = 'weird'")
    change(database, "UPDATE messages SET role = '', token_count = -1 WHERE id = 1")
    change(database, "UPDATE sessions SET end_reason = '', message_count = NULL WHERE id = 'tip'")
    exported = filled.export_all()
    other.import_sessions(exported)
    expected = [{**s, "message_count": len(s["messages"])} for s in exported]
    assert other.export_all() == expected


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"])},
    optional={
        "content": TEXT | st.none() | st.lists(st.fixed_dictionaries({"text": TEXT}), max_size=2),
        "tool_calls": st.none() | st.lists(st.fixed_dictionaries({"id": TEXT}), max_size=2),
        "reasoning": TEXT | st.none(),
        "token_count": st.none() | st.integers(0, 2**53),
        "timestamp": st.floats(0, 1e10),
    },
)


@settings(max_examples=40)
@given(st.lists(st.lists(MESSAGE, max_size=5), max_size=4))
def test_any_conversations_survive_export_and_import(repository, database, conversations):
    for number, messages in enumerate(conversations):
        repository.create_session(f"s{number}", "cli")
        repository.append_messages(f"s{number}", messages)
    exported = repository.export_all()
    for session in exported:
        repository.delete_session(session["id"])
    repository.import_sessions(through_json(exported))
    assert repository.export_all() == exported
    check(database)
    for session in exported:
        repository.delete_session(session["id"])
    assert rows(database, "SELECT id FROM messages") == []


# --- conversations --------------------------------------------------------------------------------


def conversation(repository) -> None:
    repository.create_session("first", "cli")
    repository.set_session_title("first", "Work")
    repository.create_session("next", "cli", parent_session_id="first", link="compression")


def test_a_conversation_comes_back_with_its_titles_where_they_were(repository, other, database):
    conversation(repository)
    change(database, "UPDATE sessions SET title = NULL")
    change(database, "UPDATE sessions SET title = 'Where another tool put it' WHERE id = 'first'")
    other.import_sessions(repository.export_all())
    assert other.export_all() == repository.export_all()


@pytest.mark.parametrize("is_reversed", [True, False])
def test_a_title_goes_to_the_continuation_that_is_imported_with_it(repository, other, is_reversed):
    other.create_session("first", "cli")
    other.set_session_title("first", "Work")
    conversation(repository)
    repository.create_session("last", "cli", parent_session_id="next", link="compression")
    exported = sorted(repository.export_all(), key=lambda each: each["id"], reverse=is_reversed)
    result = other.import_sessions(exported)
    assert (result.retitled, result.skipped) == ({}, ["first"])
    assert other.get_session("last")["title"] == other.get_session_title("first") == "Work"
    assert other.get_session("first")["title"] is None
