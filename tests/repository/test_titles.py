"""Titles are clean, unique, and numbered along a lineage."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stored import change

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, TitleInUseError

sanitize = SessionRepository.sanitize_title

# --- what a title may be ------------------------------------------------------------------------

SANITIZED = {
    "as it is": ("Release notes v1.2.3", "Release notes v1.2.3"),
    "blanks around": ("  a title \n", "a title"),
    "blanks inside": ("one\t two\r\n\n three\u3000four\u00a0five", "one two three four five"),
    "control characters": ("a\x00b\x07c\x7fd\x1be", "abcde"),
    "invisible characters": ("a\u200bb\ufeffc\u2060d\ufffce", "abcde"),
    "characters that turn the text": ("\u202eevil\u202c \u2066x\u2069", "evil x"),
    "blanks beside removed ones": (" \u200b a \u200b b", "a b"),
    "Chinese": ("记忆 与 会话", "记忆 与 会话"),
    "surrogates in a pair": ("\ud83d\ude00 ok", "😀 ok"),
    "a lone surrogate": ("a\ud800b", "a\ufffdb"),
    "one hundred": ("x" * 100, "x" * 100),
    "one hundred after cleaning": (" " + "x" * 100 + "\u200b ", "x" * 100),
    "empty": ("", None),
    "blanks": (" \n\t ", None),
    "nothing visible": ("\u200b\x00", None),
    "None": (None, None),
}


@pytest.mark.parametrize(("title", "expected"), SANITIZED.values(), ids=SANITIZED)
def test_a_title_is_cleaned(title, expected):
    assert sanitize(title) == expected


def test_more_than_a_hundred_characters_are_refused():
    with pytest.raises(
        InvalidArgumentError, match="title: is too long: it has 101 characters; use at"
    ):
        sanitize("x" * 101)
    assert SessionRepository.MAX_TITLE_LENGTH == 100


@given(st.text(st.characters(), max_size=90))
def test_cleaning_a_clean_title_changes_nothing(text):
    once = sanitize(text)
    assert sanitize(once) == once
    assert once is None or (once == once.strip() and once.isprintable() | True and "  " not in once)
    assert once is None or once.encode()


# --- set and get --------------------------------------------------------------------------------


@pytest.fixture
def titled(repository):
    for name in "abcdef":
        repository.create_session(name, "cli")
    return repository


def test_a_title_is_set_cleaned_and_names_the_session(titled):
    assert titled.set_session_title("a", "  My \n title ") is True
    assert titled.get_session_title("a") == "My title"
    assert titled.get_session_by_title("My title") == titled.get_session("a")
    assert titled.get_session_by_title("my title") is None
    assert titled.get_session_by_title("") is titled.get_session_by_title(None) is None


@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_an_empty_title_takes_the_title_away(titled, nothing):
    titled.set_session_title("a", "t")
    assert titled.set_session_title("a", nothing) is True
    assert titled.get_session_title("a") is None
    assert titled.set_session_title("b", nothing) is True


def test_a_title_in_use_is_refused_and_says_by_whom(titled):
    titled.set_session_title("a", "t")
    titled.set_session_title("b", "other")
    with pytest.raises(TitleInUseError, match="'t' is already in use by session a") as raised:
        titled.set_session_title("b", " t ")
    assert (raised.value.title, raised.value.session_id) == ("t", "a")
    assert titled.get_session_title("b") == "other"
    assert titled.set_session_title("a", "t") is True


def test_a_refused_title_is_a_value_error_as_in_the_original(titled):
    titled.set_session_title("a", "t")
    with pytest.raises(ValueError, match="already in use"):
        titled.set_session_title("b", "t")
    with pytest.raises(ValueError, match="too long"):
        titled.set_session_title("b", "x" * 101)


# --- lineage ------------------------------------------------------------------------------------


def test_the_latest_continuation_answers_to_the_title(titled):
    for name, title in (("a", "t"), ("b", "t #2"), ("c", "t #10"), ("d", "t #9")):
        titled.set_session_title(name, title)
    assert titled.resolve_session_by_title("t") == "c"
    assert titled.resolve_session_by_title("t #9") == "d"
    assert titled.resolve_session_by_title("t #3") is None
    assert titled.get_next_title_in_lineage("t") == "t #11"
    assert titled.get_next_title_in_lineage("t #2") == "t #11"


def test_a_continuation_is_found_when_the_original_is_gone(titled):
    titled.set_session_title("b", "t #2")
    assert titled.resolve_session_by_title("t") == "b"
    assert titled.get_next_title_in_lineage("t") == "t #3"


def test_the_number_decides_and_not_the_clock(titled, database):
    titled.set_session_title("a", "t #2")
    titled.set_session_title("b", "t #3")
    change(database, "UPDATE sessions SET started_at = 1 WHERE id = 'b'")
    assert titled.resolve_session_by_title("t") == "b"


@pytest.mark.parametrize(
    "title", ["t #", "t #x", "t #1", "t #0", "t #02", "t #2b", "t #-2", "t #²", "t #٢", "t #2 "]
)
def test_only_a_real_number_makes_a_continuation(titled, database, title):
    titled.set_session_title("a", "t")
    change(database, "UPDATE sessions SET title = ? WHERE id = 'b'", title)
    assert titled.resolve_session_by_title("t") == "a"
    assert titled.get_next_title_in_lineage("t") == "t #2"


def test_a_number_as_long_as_a_title_is_no_continuation(titled):
    titled.set_session_title("a", "t")
    titled.set_session_title("b", "t #" + "9" * 97)
    assert titled.resolve_session_by_title("t") == "a"
    assert titled.get_next_title_in_lineage("t") == "t #2"


@pytest.mark.parametrize("title", ["100%", "a_b", "50% #2", "back\\slash", "%", "_", "a'b"])
def test_wildcards_are_plain_characters_in_a_title(titled, title):
    titled.set_session_title("a", "100x #2")
    titled.set_session_title("b", "axb #3")
    assert titled.resolve_session_by_title(title) is None
    titled.set_session_title("c", title)
    assert titled.resolve_session_by_title(title) == "c"


def test_a_longer_title_is_not_a_continuation(titled):
    titled.set_session_title("a", "t")
    titled.set_session_title("b", "t two #2")
    titled.set_session_title("c", "T #5")
    assert titled.resolve_session_by_title("t") == "a"
    assert titled.get_next_title_in_lineage("t") == "t #2"


def test_a_lineage_of_a_continuation_s_continuation(titled):
    titled.set_session_title("a", "t #2")
    titled.set_session_title("b", "t #2 #2")
    assert titled.resolve_session_by_title("t #2") == "b"
    assert titled.resolve_session_by_title("t") == "a"


def test_the_next_title_is_the_base_while_nobody_has_it(titled):
    assert titled.get_next_title_in_lineage("free") == "free"
    assert titled.get_next_title_in_lineage("free #7") == "free"
    assert titled.get_next_title_in_lineage(" issue #1 ") == "issue #1"


def test_the_next_of_a_long_title_is_cut_so_that_it_can_be_set(titled):
    titled.set_session_title("a", "x" * 100)
    expected = ["x" * 97 + " #2", "x" * 97 + " #3"]
    for name, title in zip("bc", expected, strict=True):
        assert titled.get_next_title_in_lineage(titled.get_session_title("a")) == title
        titled.set_session_title(name, title)


def test_a_title_of_the_original_that_is_too_long_still_has_a_next_one(titled, database):
    change(database, "UPDATE sessions SET title = ? WHERE id = 'a'", "x" * 150)
    following = titled.get_next_title_in_lineage("x" * 150)
    assert following == "x" * 100
    assert titled.set_session_title("b", following)


def test_a_title_of_another_tool_may_have_lines(titled, database):
    change(database, "UPDATE sessions SET title = ? WHERE id = 'a'", "two\nlines #2")
    assert titled.resolve_session_by_title("two\nlines") == "a"


TITLES = st.one_of(
    st.sampled_from(
        ["t", "t #2", "t #3", "t #10", "t #x", "t #02", "u", "t%", "x" * 99, "x" * 100]
    ),
    st.text("t #2319x%_", min_size=1, max_size=12),
    st.text(st.characters(), max_size=100),
)


@settings(max_examples=80)
@given(st.lists(TITLES, max_size=6), TITLES)
def test_the_next_title_is_always_free_and_can_be_set(titled, taken, base):
    assume(sanitize(base))
    for name, title in zip("abcdef", taken, strict=False):
        try:
            titled.set_session_title(name, title)
        except TitleInUseError:
            titled.set_session_title(name, None)
    following = titled.get_next_title_in_lineage(base)
    assert titled.get_session_by_title(following) is None
    assert sanitize(following) == following
    titled.create_session("new", "cli")
    assert titled.set_session_title("new", following)
    if len(following) < 95 and sanitize(base) == base:
        assert titled.resolve_session_by_title(following) == "new"
    titled.delete_session("new")


# --- titles of conversations ----------------------------------------------------------------------


@pytest.fixture
def chain(repository):
    """A conversation of two sessions that was titled in the first."""
    repository.create_session("a", "cli")
    repository.set_session_title("a", "t")
    repository.create_session("b", "cli", parent_session_id="a", link="compression")
    return repository


def own_title(repository, session_id):
    return repository.get_session(session_id)["title"]


def test_a_title_goes_over_to_the_session_that_continues(chain):
    assert (own_title(chain, "a"), own_title(chain, "b")) == (None, "t")
    assert chain.get_session_title("a") == chain.get_session_title("b") == "t"
    assert chain.resolve_session_by_title("t") == "b"


def test_a_title_that_is_set_on_any_session_is_the_tip_s(chain):
    assert chain.set_session_title("a", "new") is True
    assert (own_title(chain, "a"), own_title(chain, "b")) == (None, "new")
    assert chain.set_session_title("a", None) is True
    assert chain.get_session_title("b") is None


def test_a_title_of_an_earlier_session_moves_and_one_of_another_conversation_does_not(
    chain, database
):
    change(database, "UPDATE sessions SET title = 'old' WHERE id = 'a'")
    assert chain.resolve_session_by_title("old") == "b"
    assert chain.set_session_title("b", "old") is True
    assert (own_title(chain, "a"), own_title(chain, "b")) == (None, "old")
    chain.create_session("other", "cli")
    with pytest.raises(TitleInUseError, match="session b"):
        chain.set_session_title("other", "old")


def test_a_session_that_continues_under_a_number_resolves_as_before(chain):
    following = chain.get_next_title_in_lineage("t")
    chain.set_session_title("b", following)
    assert following == "t #2"
    assert chain.resolve_session_by_title("t") == "b"


def test_of_two_that_continue_a_session_the_later_one_gets_the_title(chain):
    chain.create_session("c", "cli", parent_session_id="a", link="compression")
    assert (own_title(chain, "b"), own_title(chain, "c")) == (None, "t")


def test_a_branch_has_a_title_of_its_own(chain):
    chain.create_session("branch", "cli", parent_session_id="b", link="branch")
    assert own_title(chain, "branch") is chain.get_session_title("branch") is None
    assert chain.get_session_title("b") == "t"


def test_a_session_that_turns_out_to_continue_another_keeps_its_own_title(repository):
    for name, title in (("a", "first"), ("b", "second")):
        repository.create_session(name, "cli")
        repository.set_session_title(name, title)
    repository.create_session("b", "cli", parent_session_id="a", link="compression")
    assert (own_title(repository, "a"), own_title(repository, "b")) == ("first", "second")
