"""A search ends within its budget, whatever is asked, and what is too long is refused at once."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.errors import (
    HermesStoreError,
    InvalidArgumentError,
    SearchTooBroadError,
)
from hermes_store.search.budget import LONGEST_QUERY, MOST_WORDS

MESSAGES = 3_000
WORDS = [f"w{n}" for n in range(1_000)]
LANGUAGES = ["C", "C#", "C++"]
TOO_SHORT = 0.02

COSTLY = {
    "many alternatives": " OR ".join(f"{word}*" for word in WORDS[:990]),
    "many symbols": " OR ".join(f"C+++{'+' * number}" for number in range(120)),
}
HOSTILE = [
    " NOT ".join(WORDS[:900]),
    "common NOT C#",
    "C# OR common NOT C++",
    " OR ".join(f"{word}+++" for word in WORDS[:990]),
    '"' + "common " * 990 + 'end#"',
    "-" * LONGEST_QUERY,
    "a-" * 990,
    "(w1 OR (" * 400,
    "w* NOT " + " NOT ".join(f"{letter}*" for letter in "abcdefgh"),
    *COSTLY.values(),
]


def stored(address: Path | URL) -> None:
    random = Random(5)
    with SessionRepository(address) as repository:
        repository.create_session("s", "cli")
        texts = (" ".join(["common", *random.choices(WORDS, k=40)]) for _ in range(MESSAGES))
        messages = [
            {"role": "user", "content": f"{text} {LANGUAGES[number % 3]}"}
            for number, text in enumerate(texts)
        ]
        repository.append_messages("s", messages)


@pytest.fixture(scope="module")
def filled(shared_database: Path | URL) -> Path | URL:
    stored(shared_database)
    return shared_database


@pytest.fixture(scope="module")
def hurried(filled: Path | URL) -> Iterator[SessionRepository]:
    with SessionRepository(filled, search_timeout=TOO_SHORT) as repository:
        yield repository


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", COSTLY.values(), ids=COSTLY.keys())
def test_a_search_that_takes_too_long_says_so_and_what_helps(hurried, typed):
    with pytest.raises(SearchTooBroadError, match=r"0\.02 seconds.*raise search_timeout"):
        hurried.search_messages(typed, limit=None)


def test_the_repository_goes_on_after_it(hurried):
    with pytest.raises(SearchTooBroadError):
        hurried.search_messages(COSTLY["many symbols"], limit=None)
    assert hurried.message_count() == MESSAGES
    assert hurried.get_messages("s", limit=1)


def test_a_transaction_goes_on_after_it(hurried):
    with hurried.transaction() as transaction:
        transaction.set_session_title("s", "kept")
        with pytest.raises(SearchTooBroadError):
            transaction.search_messages(COSTLY["many symbols"], limit=None)
        assert transaction.message_count() == MESSAGES
    assert hurried.get_session_title("s") == "kept"


def test_five_searches_that_take_too_long_keep_no_reader_waiting(filled):
    ended = []

    def search(repository):
        try:
            repository.search_messages(COSTLY["many symbols"], limit=None)
        except SearchTooBroadError as exc:
            ended.append(exc)

    with SessionRepository(filled, search_timeout=TOO_SHORT, pool_size=5) as repository:
        searches = [threading.Thread(target=search, args=(repository,)) for _ in range(5)]
        for each in searches:
            each.start()
        assert repository.message_count() == MESSAGES
        for each in searches:
            each.join()
    assert len(ended) == 5


def test_without_a_limit_it_takes_the_time_it_needs(filled):
    with SessionRepository(filled, search_timeout=0) as repository:
        assert len(repository.search_messages(COSTLY["many alternatives"], limit=3)) == 3


# --- length ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["-" * 500_000, "word " * 200_000, "C+++ OR " * 2_000])
def test_a_query_that_is_too_long_is_refused_and_told_the_limit(hurried, typed):
    with pytest.raises(InvalidArgumentError, match=r"^query: it has .* at most 10,000"):
        hurried.search_messages(typed)


@pytest.mark.parametrize("joint", [" ", " OR ", " NOT ", "-"])
def test_a_query_of_too_many_words_is_refused_and_told_the_limit(hurried, joint):
    with pytest.raises(InvalidArgumentError, match=r"^query: it has 1,001 words; .* 1,000"):
        hurried.search_messages(joint.join(f"w{n}" for n in range(MOST_WORDS + 1)))


# --- what symbols cost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("common C#", MESSAGES // 3),
        ("common NOT C#", MESSAGES * 2 // 3),
        ("C# OR common", MESSAGES),
        ("common NOT (C# OR C++)", MESSAGES // 3),
        ("(C# OR C++) NOT C++", MESSAGES // 3),
        ("common NOT (C# OR w1 OR common)", 0),
    ],
)
def test_symbols_find_the_same_wherever_they_stand(filled, typed, expected):
    with SessionRepository(filled) as repository:
        assert len(repository.search_messages(typed, limit=None)) == expected


# --- anything -------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "common",
        "C#",
        "C+++",
        "w1*",
        "w",
        "-",
        "#",
        "++",
        "(",
        ")",
        '"',
        "NOT",
        "AND",
        "OR",
        "e",
        "记",
    ]
)
QUERIES = st.one_of(
    st.sampled_from(HOSTILE),
    st.tuples(st.lists(PIECES, min_size=1, max_size=8), st.sampled_from([" ", "", " OR ", " NOT "]))
    .map(lambda drawn: drawn[1].join(drawn[0]))
    .flatmap(lambda typed: st.integers(1, 200).map(lambda times: f"{typed} " * times)),
)


@settings(derandomize=True, database=None, max_examples=60)
@given(typed=QUERIES, sort=st.sampled_from(["relevance", "newest", "oldest"]))
def test_any_query_is_answered_or_refused_with_a_typed_error(hurried, typed, sort):
    with suppress(SearchTooBroadError, InvalidArgumentError):
        assert len(hurried.search_messages(typed, sort=sort)) <= 20
    with suppress(HermesStoreError):
        hurried.search_messages(typed, sort=sort, session_id="s", limit=1)
    assert hurried.message_count() == MESSAGES
