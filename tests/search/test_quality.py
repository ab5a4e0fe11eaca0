"""What people look for is found: the floor of the quality set, and that both databases agree."""

import shutil
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from random import Random

import postgres_server
import pytest
from sqlalchemy import URL
from stored import change

from benchmarks.quality.engines import store
from benchmarks.quality.pairs import TIERS, pairs
from benchmarks.quality.recall import asked, messages, rates, wrong
from hermes_store import SessionRepository

ALPHABETS = [
    "abcXYZ019", "éÄßøŁıİ", "ёЙиїќ", "άΣςῇ", "مُحمّدةيیكک٣", "שָלוֹםן", "मूलक़ा्‍", "กำาน้", "记忆ｋ１",
    "データｶﾞﾃﾞ", "한글ᄒ\u1161ᆫ", "🚀❤️👩‍💻", "²½ﬁ℃™№", "\u00ad\u200b\u200c\u200d\u2060\ufeff",
    ".-_/+#@:%$\"'“”–—", "\x1b[31m\x1b[0m", "\\n\\u00e9{}[],", " \n\t\r",
]  # fmt: skip
"""Each a bag of characters; a random text is made of runs of some of them."""


TYPED = list(dict.fromkeys(pair.typed for pair in pairs()))


@pytest.fixture(scope="module")
def hits(template, tmp_path_factory):
    """What each query of the set finds on a kind of database: asked once."""

    @cache
    def of(kind):
        with ExitStack() as stack:
            if kind == "sqlite":
                copied = tmp_path_factory.mktemp("quality") / "state.db"
                database = Path(shutil.copy(template, copied))
            else:
                database = stack.enter_context(postgres_server.store())
            search = stack.enter_context(store(messages(), database))
            return {typed: search(typed) for typed in TYPED}

    return of


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def found(request, hits):
    return asked(hits(request.param).__getitem__)


def test_the_set_has_some_hundred_pairs_of_many_kinds():
    assert len(pairs()) > 600
    assert len({pair.kind for pair in pairs()}) > 25
    assert {pair.tier for pair in pairs()} == set(TIERS.values())


def test_everything_that_must_be_found_is_found(found):
    assert wrong(found, "must") == []


def test_of_the_harder_ones_nearly_all_are_found(found):
    right, number = rates(found)["should"]
    assert right >= 0.92 * number, wrong(found, "should")


def test_of_what_must_not_be_found_hardly_anything_is(found):
    right, number = rates(found)["must not"]
    assert right <= 0.02 * number, wrong(found, "must not")


@pytest.mark.postgresql
def test_both_databases_find_the_same_of_the_set(hits):
    assert hits("sqlite") == hits("postgresql")


def random_text(random, pieces):
    return "".join(
        "".join(random.choices(random.choice(ALPHABETS), k=random.randint(1, 5)))
        for _ in range(random.randint(1, pieces))
    ).replace("\0", "")


def random_query(random, texts):
    """A piece of a text, as it is or in quotation marks."""
    text = random.choice(texts)
    start = random.randrange(len(text))
    piece = text[start : start + random.randint(1, 8)]
    return f'"{piece}"' if random.random() < 0.3 else piece


@pytest.mark.postgresql
@pytest.mark.parametrize("seed", range(4))
def test_both_databases_find_the_same_in_random_texts(sqlite_database, postgresql_database, seed):
    random = Random(seed)
    texts = [random_text(random, 12) for _ in range(150)]
    typed = [random_query(random, texts) for _ in range(250)]
    with store(texts, sqlite_database) as one, store(texts, postgresql_database) as other:
        differences = {each: (one(each), other(each)) for each in typed if one(each) != other(each)}
    assert differences == {}


@pytest.mark.parametrize("seed", range(3))
def test_every_piece_between_blanks_finds_its_text(database, seed):
    random = Random(seed)
    texts = [random_text(random, 8) for _ in range(100)]
    with store(texts, database) as search:
        missed = [
            (piece, text)
            for at, text in enumerate(texts)
            if "\x1b" not in text and "\\" not in text
            for piece in text.split()
            if '"' not in piece and "“" not in piece and "”" not in piece
            and (found := search(piece)) and at not in found
        ]  # fmt: skip
    assert missed == []


def test_a_store_whose_messages_are_folded_later_finds_the_same(database, hits):
    """As after an upgrade: the column is empty, and `reindex` fills it."""
    with store(messages(), database) as search:
        change(database, "UPDATE messages SET folded = NULL")
        with SessionRepository(database) as repository:
            repository.reindex()
        found = {typed: search(typed) for typed in TYPED}
    assert found == hits("postgresql" if isinstance(database, URL) else "sqlite")
