"""Text that others wrote cannot steer the terminal, whatever it is."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_store.cli import text

STEERING = {
    *map(chr, range(0x20)), "\x7f", *map(chr, range(0x80, 0xA0)), "\u2028", "\u2029",
    *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)),
    *map(chr, range(0xE0000, 0xE0080)),
}  # fmt: skip
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(sorted(STEERING))))


def test_each_kind_is_shown_as_a_picture():
    assert text.plain("a\x1b[31mb\x07\x7fc\td\r\ne") == "a␛[31mb␇␡c\td\ne"
    assert text.plain("\x9b \u202e \u2066 \u2028 \U000e0041") == (
        "<U+009B> <U+202E> <U+2066> <U+2028> <U+E0041>"
    )
    assert text.one_line("a\nb\tc") == "a␊b␉c"
    assert text.in_one_line(" a \n\n b\tc ") == "a b c"


def test_letters_of_every_language_stay_what_they_are():
    written = "Grüße 记忆 ذاكرة זיכרון मूल 👩‍👩‍👧 café"
    assert text.one_line(written) == text.plain(written) == written


@given(TEXT)
def test_no_text_steers_the_terminal(given_text):
    assert not STEERING - {"\n", "\t"} & set(text.plain(given_text))
    assert not STEERING & set(text.one_line(given_text))
    assert not STEERING & set(text.in_one_line(given_text))
    assert text.is_plain(text.one_line(given_text))


@given(st.recursive(TEXT | st.integers(), lambda inner: st.dictionaries(TEXT, inner)))
def test_json_for_a_terminal_has_the_same_value_and_steers_nothing(value):
    document = text.escaped_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(document) == value
    assert not STEERING & set(document)
    assert not {c for c in document if unicodedata.category(c) == "Cc"}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("no database at /x/postgres:/ada:s3cret@h/db", "no database at /x/postgres:/ada:***@h/db"),
        ("postgresql://ada:s3:c/ret@h/db", "postgresql://ada:***@h/db"),
        ("postgresql://h/db?password=s3cret&x=1", "postgresql://h/db?password=***&x=1"),
        ("postgresql://h/db?sslpassword=s3cret", "postgresql://h/db?sslpassword=***"),
        ("host=h password=s3cret", "host=h password=***"),
        ("/home/ada/state.db: it is at 10:30", "/home/ada/state.db: it is at 10:30"),
    ],
)
def test_passwords_are_hidden(said, shown):
    assert text.hide_passwords(said) == shown


def test_a_name_that_is_like_another_is_asked_about():
    assert text.like("sorce", ["source", "role"]) == " (did you mean 'source'?)"
    assert text.like("zzz", ["source", "role"]) == ""


def test_a_long_list_of_names_is_cut():
    assert text.listed("abcdefg") == "a, b, c, d, e, and 2 more"
    assert text.listed(["a\nb", "c"]) == "a␊b, c"
