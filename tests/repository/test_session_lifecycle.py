"""Sessions begin, are filled in, end once, and are found by id and by its beginning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import change, column
from support import only_sqlite

from hermes_store.errors import InvalidArgumentError, SessionNotFoundError
from hermes_store.queries.sessions import _beyond

# --- create -------------------------------------------------------------------------------------


def test_a_session_comes_back_as_it_was_given(repository):
    assert repository.create_session("root", "cli") == "root"
    given = {
        "model": "claude-sonnet-4",
        "model_config": {"temperature": 0.2, "名前": ["é"]},
        "system_prompt": "You are Hermes.",
        "user_id": "ada",
        "parent_session_id": "root",
    }
    assert repository.create_session("s", "telegram", **given) == "s"
    session = repository.get_session("s")
    assert {name: session[name] for name in given} == given
    assert (session["id"], session["source"]) == ("s", "telegram")
    assert session["ended_at"] is session["end_reason"] is session["title"] is None
    assert session["last_active"] == session["started_at"]


def test_the_arguments_keep_the_positions_of_the_original(repository):
    repository.create_session("root", "cli")
    repository.create_session("s", "cli", "model", {"a": 1}, "prompt", "user", "root")
    session = repository.get_session("s")
    names = ("model", "model_config", "system_prompt", "user_id", "parent_session_id")
    assert [session[name] for name in names] == ["model", {"a": 1}, "prompt", "user", "root"]


def test_counters_of_a_new_session_are_zero_and_costs_unknown(repository):
    repository.create_session("s", "cli")
    session = repository.get_session("s")
    assert [session[name] for name in session if name.endswith(("_count", "_tokens"))] == [0] * 8
    assert session["estimated_cost_usd"] is session["actual_cost_usd"] is None


def test_creating_again_fills_what_is_unknown_and_overwrites_nothing(repository):
    repository.create_session("root", "cli")
    repository.create_session("s", "cli", model="first")
    before = repository.get_session("s")
    repository.create_session(
        "s",
        "telegram",
        model="second",
        system_prompt="p",
        model_config={},
        parent_session_id="root",
    )
    after = repository.get_session("s")
    filled = {"system_prompt": "p", "model_config": {}, "parent_session_id": "root"}
    assert after == {**before, **filled}


def test_an_empty_model_config_stays_empty(repository):
    repository.create_session("s", "cli", model_config={})
    assert repository.get_session("s")["model_config"] == {}


def test_an_undecodable_model_config_comes_back_as_text(repository, database):
    repository.create_session("s", "cli")
    change(database, "UPDATE sessions SET model_config = '{broken'")
    assert repository.get_session("s")["model_config"] == "{broken"


def test_an_unknown_parent_is_refused_and_nothing_is_stored(repository):
    with pytest.raises(SessionNotFoundError, match="no session 'ghost'"):
        repository.create_session("s", "cli", parent_session_id="ghost")
    assert repository.get_session("s") is None


@pytest.mark.parametrize("descendant", ["a", "b", "c"])
def test_a_parent_that_descends_from_the_session_is_refused(repository, descendant):
    repository.create_session("a", "cli")
    repository.create_session("b", "cli", parent_session_id="a")
    repository.create_session("c", "cli", parent_session_id="b")
    with pytest.raises(InvalidArgumentError, match="descends from 'a'"):
        repository.create_session("a", "cli", parent_session_id=descendant)
    assert repository.get_session("a")["parent_session_id"] is None


def test_a_session_is_not_its_own_parent(repository):
    with pytest.raises(InvalidArgumentError, match="parent_session_id"):
        repository.create_session("new", "cli", parent_session_id="new")
    assert repository.session_count() == 0


def test_a_circle_that_another_tool_stored_does_not_hang_the_look_up(repository, database):
    for name in "abc":
        repository.create_session(name, "cli")
    change(database, "UPDATE sessions SET parent_session_id = 'b' WHERE id = 'a'")
    change(database, "UPDATE sessions SET parent_session_id = 'a' WHERE id = 'b'")
    repository.create_session("c", "cli", parent_session_id="a")
    assert repository.get_session("c")["parent_session_id"] == "a"


@only_sqlite
def test_a_session_whose_parent_another_program_deleted_goes_on(repository, database):
    repository.create_session("other", "cli")
    repository.create_session("parent", "cli")
    repository.create_session("s", "cli", parent_session_id="parent", link="branch")
    change(database, "DELETE FROM sessions WHERE id = 'parent'")
    repository.ensure_session("s", "cli", "model")
    repository.create_session("s", "cli", user_id="ada", parent_session_id="other", link="reset")
    session = repository.get_session("s")
    assert (session["model"], session["user_id"]) == ("model", "ada")
    assert (session["parent_session_id"], session["link"]) == ("parent", "branch")


def test_a_link_is_filled_in_only_with_the_parent_that_it_tells_of(repository):
    for session_id in ("root", "other"):
        repository.create_session(session_id, "cli")
    repository.create_session("s", "cli", parent_session_id="root")
    for parent, link, expected in (("other", "reset", None), ("root", "branch", "branch")):
        repository.create_session("s", "cli", parent_session_id=parent, link=link)
        session = repository.get_session("s")
        assert (session["parent_session_id"], session["link"]) == ("root", expected)


def test_ensure_session_creates_what_is_missing_and_leaves_what_is_there(repository):
    assert repository.ensure_session("s") is None
    assert repository.get_session("s")["source"] == "unknown"
    repository.ensure_session("s", "cli", "model")
    session = repository.get_session("s")
    assert (session["source"], session["model"]) == ("unknown", "model")


# --- end and reopen -----------------------------------------------------------------------------


def test_the_first_end_stays_until_the_session_is_reopened(repository):
    repository.create_session("s", "cli")
    repository.end_session("s", "compression")
    ended = repository.get_session("s")
    repository.end_session("s", "cli_close")
    assert repository.get_session("s") == ended
    repository.reopen_session("s")
    assert repository.get_session("s")["ended_at"] is repository.get_session("s")["end_reason"]
    repository.end_session("s", "cli_close")
    again = repository.get_session("s")
    assert (ended["end_reason"], again["end_reason"]) == ("compression", "cli_close")
    assert again["ended_at"] >= again["started_at"]


def test_an_end_without_a_reason_is_an_end(repository):
    repository.create_session("s", "cli")
    repository.end_session("s", None)
    repository.end_session("s", "late")
    session = repository.get_session("s")
    assert session["ended_at"] is not None
    assert session["end_reason"] is None


def test_the_system_prompt_is_replaced_whole(repository):
    repository.create_session("s", "cli", system_prompt="old")
    repository.update_system_prompt("s", "new")
    assert repository.get_session("s")["system_prompt"] == "new"
    repository.update_system_prompt("s", None)
    assert repository.get_session("s")["system_prompt"] is None


CHANGES = {
    "end_session": lambda r: r.end_session("ghost", "x"),
    "reopen_session": lambda r: r.reopen_session("ghost"),
    "update_system_prompt": lambda r: r.update_system_prompt("ghost", "x"),
    "update_token_counts": lambda r: r.update_token_counts("ghost", 1),
    "set_token_counts": lambda r: r.set_token_counts("ghost", 1),
    "append_message": lambda r: r.append_message("ghost", "user", "x"),
    "append_messages": lambda r: r.append_messages("ghost", [{"role": "user", "content": "x"}]),
    "append_messages, none": lambda r: r.append_messages("ghost", []),
    "clear_messages": lambda r: r.clear_messages("ghost"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changing_an_unknown_session_raises_and_creates_nothing(repository, change):
    with pytest.raises(SessionNotFoundError, match="no session 'ghost'; create it with"):
        change(repository)
    assert (repository.session_count(), repository.message_count()) == (0, 0)


def test_reading_an_unknown_session_finds_nothing(repository):
    assert repository.get_session("ghost") is None
    assert repository.get_session_title("ghost") is None
    assert (
        repository.get_messages("ghost") == repository.get_messages_as_conversation("ghost") == []
    )
    assert repository.message_count("ghost") == 0
    assert repository.export_session("ghost") is None
    assert repository.set_session_title("ghost", "t") is False
    assert repository.delete_session("ghost") is False


def test_counters_that_another_tool_left_empty_read_as_zero(repository, database):
    repository.create_session("s", "cli")
    change(database, "UPDATE sessions SET message_count = NULL, input_tokens = NULL")
    change(database, "UPDATE sessions SET last_active = NULL")
    for session in (repository.get_session("s"), *repository.list_sessions_rich()):
        assert session["message_count"] == session["input_tokens"] == 0
        assert session["last_active"] == session["started_at"]
    repository.append_message("s", "user", "x")
    repository.update_token_counts("s", 5)
    session = repository.get_session("s")
    assert (session["message_count"], session["input_tokens"]) == (1, 5)
    assert column(database, "SELECT last_active FROM sessions") == [session["last_active"]]


# --- look up ------------------------------------------------------------------------------------


def test_an_id_is_found_whole_or_by_a_beginning_that_only_it_has(repository):
    for name in ("20260315_abc", "20260315_abd", "20260316", "x"):
        repository.create_session(name, "cli")
    found = repository.resolve_session_id
    assert found("20260315_abc") == found("20260315_abc") == "20260315_abc"
    assert found("20260315_abd"[:12]) == "20260315_abd"
    assert found("20260316") == "20260316"
    assert found("2026031") is found("20260315_ab") is found("ghost") is found("") is None
    assert found("x") == "x"


def test_a_whole_id_is_found_although_others_begin_with_it(repository):
    for name in ("ab", "abc", "abd"):
        repository.create_session(name, "cli")
    assert repository.resolve_session_id("ab") == "ab"


@pytest.mark.parametrize("wildcard", ["%", "_", "a%", "a_c", "*", "a\\", "?", "[a]"])
def test_wildcards_are_plain_characters_in_a_prefix(repository, wildcard):
    repository.create_session("abc", "cli")
    assert repository.resolve_session_id(wildcard) is None
    repository.create_session(wildcard + "1", "cli")
    assert repository.resolve_session_id(wildcard) == wildcard + "1"


def test_upper_and_lower_case_are_different_ids(repository):
    repository.create_session("abc", "cli")
    assert repository.resolve_session_id("AB") is None


@pytest.mark.parametrize(
    "prefix", ["\ud7ff", "\U0010ffff", "a\U0010ffff", "~", "é", "\x7f", "\x01"]
)
def test_a_prefix_may_end_with_any_character(repository, prefix):
    repository.create_session(prefix + "x", "cli")
    repository.create_session("zz", "cli")
    assert repository.resolve_session_id(prefix) == prefix + "x"


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(ANY_TEXT, ANY_TEXT)
def test_the_range_of_a_prefix_holds_exactly_what_begins_with_it(prefix, other):
    beyond = _beyond(prefix).encode()
    assert prefix.encode() <= (prefix + other).encode() < beyond
    in_range = prefix.encode() <= other.encode() < beyond
    assert in_range == other.startswith(prefix)


@settings(max_examples=60)
@given(st.sets(st.text("ab%_\\é\U0001f600", min_size=1, max_size=4), max_size=6), st.text("ab%_é"))
def test_resolving_agrees_with_a_naive_search(repository, ids, prefix):
    for name in ids:
        repository.create_session(name, "cli")
    found = [name for name in ids if prefix and name.startswith(prefix)]
    expected = prefix if prefix in ids else found[0] if len(found) == 1 else None
    assert repository.resolve_session_id(prefix) == expected
    for name in ids:
        repository.delete_session(name)


# --- count --------------------------------------------------------------------------------------


def test_sessions_are_counted_altogether_or_by_source(repository):
    for name, source in (("a", "cli"), ("b", "cli"), ("c", "cron")):
        repository.create_session(name, source)
    assert repository.session_count() == repository.session_count("") == 3
    assert repository.session_count("cli") == repository.session_count(source="cli") == 2
    assert repository.session_count("nowhere") == 0
