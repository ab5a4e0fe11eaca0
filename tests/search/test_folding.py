"""Which characters count as the same, and that it is known where each stands in the text."""

from __future__ import annotations

import re
import unicodedata
from contextlib import closing
from functools import cache

import pytest

from hermes_store.database.driver import sqlite_driver
from hermes_store.search.characters import set_apart
from hermes_store.search.ddl import HEAD_DDL
from hermes_store.search.folding import changes_words, fold, plain
from hermes_store.search.folding_tables import MARKS
from hermes_store.search.matching import spellings

PLANES = [range(start, start + 0x10000) for start in range(0, 0x110000, 0x10000)]
SURROGATES = range(0xD800, 0xE000)
WITHOUT_CHARACTERS = [*PLANES[4:14], *PLANES[15:]]
"""All of them have no character, or are for private use; their ends stand for them."""
MARK = re.compile(f"[{MARKS}]")


@cache
def every_character():
    ends = [code for plane in WITHOUT_CHARACTERS for code in (*plane[:99], *plane[-99:])]
    codes = [code for plane in (*PLANES[:4], PLANES[14]) for code in plane]
    return [chr(code) for code in sorted([*codes, *ends]) if code not in SURROGATES]


@cache
def known():
    return [each for each in every_character() if unicodedata.category(each) != "Cn"]


@cache
def alone():
    """Every character behind a letter, folded by itself."""
    return [fold(f"x{character}") for character in every_character()]


@pytest.mark.parametrize("plane", WITHOUT_CHARACTERS, ids=lambda plane: f"{plane[0]:X}")
def test_a_plane_without_characters_is_left_as_it_is(plane):
    text = "".join(map(chr, plane))
    assert {unicodedata.category(each) for each in text} <= {"Cn", "Co"}
    is_left = plain(text) == (text, None)
    assert is_left


@pytest.mark.parametrize("between", ["", " "])
def test_every_character_is_folded_in_a_text_as_it_is_alone(between):
    clusters = [f"x{character}" for character in every_character()]
    assert fold(between.join(clusters)) == between.join(alone())


def test_what_is_folded_does_not_change_when_it_is_folded_again():
    folded = " ".join(alone())
    assert fold(folded) == folded


def test_the_place_of_every_folded_character_is_known():
    text = "".join(f"{character}x" for character in known())
    folded, place = plain(text)
    assert folded == fold(text)
    places = [place(at) for at in range(len(folded) + 1)]
    assert places == sorted(places)
    assert places[-1] == len(text)
    wrong = [
        text[place] for place, each in zip(places, folded, strict=False)
        if each == "x" and text[place] != "x" and "x" not in fold(text[place])
    ]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "word", "piece"),
    [
        ("❤\ufe0f here", "❤", "❤\ufe0f"),
        ("x \u1106\u116e\u11ab\u1109\u1165 y", "문", "\u1106\u116e\u11ab\u1109\u1165"),
        ("x ㈱y", "株", "㈱"),
        ("a ﬁne ﬁt", "f", "ﬁ"),
        ("soft\u00adware\u00ad it", "software", "soft\u00adware\u00ad"),
        ("cafe\u0301s", "cafe", "cafe\u0301"),
        ("Straße", "strass", "Straß"),
    ],
)
def test_a_piece_of_a_folding_stands_where_all_of_its_clusters_do(text, word, piece):
    folded, places = plain(text)
    start = folded.index(word)
    first, end = places.of((start, start + len(word)))
    assert text[first:end] == piece


def test_of_a_run_of_marks_as_many_count_as_a_word_may_have():
    assert fold("e" + "\u0301\u0323" * 1_000 + "t") == "et"
    assert len(fold("x" + "\u093c\u094d" * 1_000)) < 200
    assert spellings("e" + "\u0301\u0323" * 1_000) == ["e"]
    assert changes_words("ก" + "\u0e38\u0e48" * 2_000)
    assert not changes_words("ก\u0e38\u0e48" * 2_000)


def test_a_text_of_few_characters_is_folded_as_a_part_of_a_text_of_all():
    texts = [f"x{each}" for each in known() if each > "\x7f"]
    whole, place = plain("".join(texts))
    at = start = 0
    for text in texts:
        folded, its_place = plain(text)
        end = at + len(folded)
        assert folded == fold(text) == whole[at:end]
        assert [place(each) - start for each in range(at, end)] == [
            its_place(each) if its_place else each for each in range(len(folded))
        ]
        at, start = end, start + len(text)


def words(texts):
    """The words that the index on SQLite makes of each text."""
    table = HEAD_DDL["messages_fts"].replace(
        "content=messages_search, content_rowid=id", "content=''"
    )
    found = [[] for _ in texts]
    with closing(sqlite_driver().connect(":memory:")) as db:
        db.execute(table)
        rows = ((number, set_apart(text)) for number, text in enumerate(texts))
        db.executemany("INSERT INTO messages_fts(rowid, content) VALUES (?, ?)", rows)
        db.execute("CREATE VIRTUAL TABLE words USING fts5vocab(messages_fts, instance)")
        for term, number in db.execute("SELECT term, doc FROM words ORDER BY doc, offset"):
            found[number].append(term)
    return found


def test_of_a_text_that_changes_no_words_the_index_makes_the_words_of_the_folded_text():
    texts = [f"x{each}y" for each in known() if each > "\x7f" and not changes_words(each)]
    assert words(texts) == words([fold(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Größe", "GRÖSSE"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΟΣ", "οδοσ"),
        ("Ἀθῆναι", "αθηναι"),
        ("10 µm", "10 μm"),
        ("Résumé", "resume"),
        ("Łódź", "lodz"),
        ("Søren Đỗ", "soren do"),
        ("Ærø", "aero"),
        ("ПРИВЕТ", "привет"),
        ("Ёлка", "елка"),
        ("за́мок", "замок"),
        ("ﬁle", "file"),
        ("ｆｕｌｌ１２", "full12"),
        ("x² + y³", "x2 + y3"),
        ("“quoted”", '"quoted"'),
        ("pre–tax", "pre-tax"),
        ("ﾃﾞｰﾀ", "データ"),
        ("ガ", "ガ"),
        ("한글", "한글"),
        ("مُحَمَّد", "محمد"),
        ("كتــاب", "کتاب"),
        ("أحمد", "احمد"),
        ("۱۲۳ ٤٥٦", "123 456"),
        ("שָׁלוֹם", "שלום"),
        ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth\u200d\u2060\ufeff", "zerowidth"),
        ("क़लम", "क़लम"),
    ],
)
def test_texts_that_count_as_the_same(text, same):
    assert fold(text) == fold(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [("मल", "मूल"), ("й", "и"), ("ї", "і"), ("が", "か"), ("Brand™", "Brandtm"), ("ぱ", "ば")],
)
def test_texts_that_do_not(text, other):
    assert fold(text) != fold(other)
