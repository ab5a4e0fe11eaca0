"""What a word is: the same for SQLite, for PostgreSQL and for the code that looks at texts."""

import re
import sys
import unicodedata
from contextlib import closing
from functools import cache

import pytest
from stored import change, column

from hermes_store import SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.search.alphabet import ACCENTS
from hermes_store.search.characters import WORD, join_up, set_apart
from hermes_store.search.ddl import HEAD_DDL

ACCENT = re.compile(f"[{ACCENTS}]")
SCRIPTS = "".join(map(chr, (*range(1, 0xD800), *range(0xE000, 0x20000))))
BEYOND = range(0x20000, sys.maxunicode + 1)


@cache
def every_character() -> str:
    """Where scripts are, between two letters; the others a thousand in a row."""
    scripts = " ".join(f"a{character}b" for character in SCRIPTS)
    rows = (BEYOND[start : start + 1000] for start in range(0, len(BEYOND), 1000))
    return " ".join([scripts, *("".join(map(chr, row)) for row in rows)])


def first_difference(found, expected):
    """None when there is none; equality itself would have pytest describe a million words."""
    pairs = zip(found, expected, strict=True)
    return next((pair for pair in pairs if pair[0] != pair[1]), None)


def test_a_word_on_sqlite_is_what_the_code_takes_for_one():
    table = HEAD_DDL["messages_fts"].replace(
        "content=messages_search, content_rowid=id", "content=''"
    )
    with closing(sqlite_driver().connect(":memory:")) as db:
        db.execute(table)
        db.execute(
            "INSERT INTO messages_fts(rowid, content) VALUES (1, ?)",
            (set_apart(every_character()),),
        )
        db.execute("CREATE VIRTUAL TABLE words USING fts5vocab(messages_fts, instance)")
        found = [len(word) for (word,) in db.execute("SELECT term FROM words ORDER BY offset")]
    expected = [len(ACCENT.sub("", word)) for word in WORD.findall(every_character())]
    assert first_difference(found, expected) is None


@pytest.mark.postgresql
def test_there_are_as_many_words_on_postgresql(postgresql_database):
    text = unicodedata.normalize("NFC", every_character()).lower().replace("\x1c", " ")
    (folded,) = column(postgresql_database, "SELECT hermes_search_fold(?)", text)
    found = [word for word in folded.split(" ") if word]
    assert len(found) == len(WORD.findall(text))


def test_the_view_sets_every_character_apart_as_the_code_does(sqlite_database):
    texts = [SCRIPTS, "".join(map(chr, BEYOND[:100_000]))]
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        for _ in texts:
            repository.append_message("s", "user", "", tool_name="名.🚀")
    for id_, text in enumerate(texts, 1):
        change(sqlite_database, "UPDATE messages SET content = ? WHERE id = ?", text, id_)
    found = column(sqlite_database, "SELECT content FROM messages_search ORDER BY id")
    assert first_difference(found, map(set_apart, texts)) is None
    names = column(sqlite_database, "SELECT DISTINCT tool_name FROM messages_search")
    assert names == [" 名 . 🚀 "]


def test_what_is_set_apart_can_be_joined_again():
    text = every_character().replace("\ufe0f", "")  # only says how to draw an emoji
    same = join_up(set_apart(text)) == text
    assert same
