"""Whatever is typed and whatever is stored: search answers, and finds what is there."""

import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hermes_store import SessionRepository
from hermes_store.search.searched import folded
from hermes_store.search.texts import clean

SAME_EVERY_TIME = settings(derandomize=True, database=None, max_examples=120)

ODD = [
    "\0",
    "\ud800",
    "\udfff",
    "\ufe0f",
    "\u200d",
    "\u0301",
    "\u3099",
    "\ufffd",
    "\x1c",
    "'",
    "\\",
]
SYNTAX = [
    '"',
    "“",
    "”",
    "(",
    ")",
    "*",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    ":",
    "^",
    "-",
    "+",
    "|",
    "&",
    "<->",
]
WORDS = [
    "needle",
    "C++",
    "50%",
    "don't",
    "a/b",
    "记忆",
    "が",
    "한",
    "ไทย",
    "🚀",
    "é",
    "_",
    "#42",
    "%s",
    ":x",
]
BLANKS = ["", " ", "\n", "\u3000"]


@pytest.fixture(scope="module")
def repository(shared_database):
    with SessionRepository(shared_database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "a needle in C++, 50% of it 记忆 🚀 don't")
        repository.append_message("s", "assistant", [{"type": "text", "text": "needle"}])
        repository.append_message("s", "tool", tool_name="needle", tool_calls=[{"name": "needle"}])
        yield repository


# --- any query ------------------------------------------------------------------------------------

PIECES = st.sampled_from([*ODD, *SYNTAX, *WORDS, *BLANKS])
ANY_CHARACTER = st.characters(exclude_categories=())
ANY_QUERY = st.lists(PIECES | st.text(ANY_CHARACTER, max_size=5), max_size=20).map("".join)


@SAME_EVERY_TIME
@given(typed=ANY_QUERY, sort=st.sampled_from(["relevance", "newest"]))
def test_any_text_is_a_query(repository, typed, sort):
    for hit in repository.search_messages(typed, sort=sort):
        shown = hit["snippet"]
        assert shown.count(">>>") - typed.count(">>>") <= shown.count("<<<") + typed.count("<<<")


MANY = 450


@pytest.mark.parametrize(
    "typed",
    [
        " ".join(f"word{n}" for n in range(MANY)),
        " OR ".join(f"word{n}" for n in range(MANY)),
        " OR ".join(f"word{n} C++ NOT it{n}" for n in range(MANY // 2)),
        " NOT ".join(f"word{n}" for n in range(MANY)),
        " ".join(f"word{n}*" for n in range(MANY)),
        " ".join(f"word{n}++" for n in range(MANY)),
        " ".join(f"(word{n} OR it{n})" for n in range(MANY)),
        '"' + " ".join(f"word{n}" for n in range(MANY)) + '"',
        "/".join(f"word{n}" for n in range(MANY)),
        "+".join(f"word{n}" for n in range(MANY)),
        "x" * 10_000,
        "e\u0301" * 5_000,
        "e" + "\u0301" * 9_000,
        "记忆" * MANY,
        "がé한" * 300,
        "(" * 4_000 + "x" + ")" * 4_000,
        "(x " * MANY + ")" * MANY,
        "(x OR y " * MANY + ")" * MANY,
        "(x OR y " * MANY + " NOT z)" * MANY,
        "x(" * MANY,
        '"' * 9_001,
        '" x' * MANY,
        "*" * 9_000,
        "+" * 4_000 + "x" + "+" * 4_000,
        "\ud800" * 900,
        "\0" * 9_000 + "x",
        " " * 10_000,
    ],
    ids=lambda typed: ascii(typed[:20]),
)
def test_a_huge_query_is_answered(repository, typed):
    assert repository.search_messages(typed) == []


def test_a_huge_query_still_finds(repository):
    alternatives = " OR ".join([*(f"word{n}" for n in range(MANY)), "needle"])
    assert len(repository.search_messages(alternatives)) == 3
    assert len(repository.search_messages("needle " * 1_000)) == 3
    assert len(repository.search_messages("(" * 4_000 + "needle OR x" + ")" * 4_000)) == 3


# --- any piece of a message -----------------------------------------------------------------------

LATIN = [
    "word",
    "Word",
    "foo",
    "x",
    "42",
    "Größe",
    "café",
    "café",
    "naïve",
    "Tiếng",
    "snake_case",
    "v1.2",
]
OTHER = [
    "Привет",
    "йод",
    "й",
    "Καλή",
    "记",
    "忆",
    "漢字",
    "が",
    "が",
    "ガ",
    "ｱ",
    "Ａ",
    "한글",
    "한",
    "ไทย",
    "ខ្មែរ",
    "🚀",
    "❤️",
    "👩\u200d💻",
    "👍🏽",
    "🇩🇪",
]
BETWEEN = [*" \n\t\u00a0.,;:!?'\"()[]{}<>/\\|@#$%^&*-_=+~`…—’“”。、°→€", "++", "->", "::", " - "]
MESSAGES = st.lists(
    st.sampled_from([*LATIN, *OTHER]) | st.sampled_from(BETWEEN), min_size=1, max_size=12
)
TYPED = {
    "as it is": str,
    "in capitals": lambda text: text.replace("ß", "ẞ").upper(),
    "in small letters": str.lower,
    "composed": lambda text: unicodedata.normalize("NFC", text),
    "taken apart": lambda text: unicodedata.normalize("NFD", text),
}

A_WORD_EACH = re.compile(
    "[\u0e00-\u11ff\u1780-\u17ff\u2600-\uff0f\uff65-\uffef\U0001f000-\U0003ffff]"
)
"""Not the wide Latin letters and digits: they are the narrow ones, and belong to their words."""
BELONGS_TO_THE_ONE_BEFORE = re.compile("[\u0300-\u036f\u1160-\u11ff\u3099\u200d\ufe0f🏽💻]")


def boundaries(text):
    """Where a word may begin or end."""
    for place in range(len(text) + 1):
        before, after = text[:place], text[place:]
        joined = re.search(r"\w[\u0300-\u036f]*$", before) and re.match(r"[^\W_]", after)
        joined = joined and not before.endswith("_")
        apart = A_WORD_EACH.match(before[-1:]) or A_WORD_EACH.match(after)
        if not BELONGS_TO_THE_ONE_BEFORE.match(after) and (apart or not joined):
            yield place


@settings(SAME_EVERY_TIME, max_examples=120)
@given(pieces=MESSAGES, how=st.sampled_from(list(TYPED)), data=st.data())
def test_a_piece_of_a_message_on_word_boundaries_finds_it(repository, pieces, how, data):
    text = "".join(pieces)
    if how in {"composed", "taken apart"}:
        text = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD"])), text)
    ends = st.sampled_from([*boundaries(text)])
    start, end = sorted((data.draw(ends), data.draw(ends)))
    typed = TYPED[how](text[start:end])
    assume(re.search(r"[^\W_]", typed))
    id_ = repository.append_message("s", "user", text)
    hits = repository.search_messages(typed, limit=1, sort="newest")
    assert [hit["id"] for hit in hits] == [id_], (typed, text)
    assert ">>>" in hits[0]["snippet"]


ANY_WORD = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8
)


@settings(SAME_EVERY_TIME, max_examples=120)
@given(words=st.lists(ANY_WORD, min_size=1, max_size=5), number=st.integers(0, 4))
def test_a_word_of_any_script_is_found(repository, words, number):
    typed = words[number % len(words)]
    assume(re.search(r"[^\W_]", typed))
    id_ = repository.append_message("s", "user", " ".join(words))
    hits = repository.search_messages(typed, limit=1, sort="newest")
    assert [hit["id"] for hit in hits] == [id_], (typed, words)
    assert ">>>" in hits[0]["snippet"]


SHREDS = [
    *'{}[]":,',
    "\\",
    "\\\\",
    "\\n",
    '\\"',
    "\\u",
    "\\u00",
    "\\u00e9",
    "\\ud83d",
    '{"a": "',
    '["',
    "data: ",
    "word",
    "\n",
    "\t",
    "\0",
    "7" * 5000,
    "NaN",
]


@settings(SAME_EVERY_TIME, max_examples=600)
@given(text=st.lists(st.sampled_from(SHREDS), min_size=1, max_size=12).map("".join))
@example(text='{"out": "apple\\n", "n": ' + "7" * 5000 + "}")
@example(text='["apple \\u00\\')
@example(text='{"a": "word\\u00\\"')
def test_what_only_looks_like_json_is_a_text(text):
    for columns in ((text, None, None), (text, "json", None), (None, None, text)):
        content, content_format, tool_calls = columns
        assert isinstance(folded(content, content_format, None, tool_calls), str | None)


def test_many_sequences_that_never_end_are_read():
    assert clean("\x90" * 200_000 + "\x07word").endswith("\x90word")
