"""In SQLite: words that take bm25 long to count, so that fewer hits are ranked."""

import shutil

import pytest
from search.test_ranking import FILTERS, ids

from hermes_store import SessionRepository
from hermes_store.search.query import parse
from hermes_store.search.sqlite_ranking import ends, is_dear

DEAR = "hermes_store.search.sqlite_ranking"


@pytest.fixture
def empty(template, tmp_path):
    with SessionRepository(shutil.copy(template, tmp_path / "state.db")) as repository:
        yield repository


@pytest.fixture(scope="module")
def repository(template, tmp_path_factory):
    """Messages of which older ones are better, in two sessions."""
    path = shutil.copy(template, tmp_path_factory.mktemp("few") / "state.db")
    with SessionRepository(path) as repository:
        for name in ("c", "t"):
            repository.create_session(name, name)
        for number in range(24):
            name, role = "ct"[number % 3 == 0], ("user", "tool")[number % 4 == 0]
            language = ("C", "C#", "C++")[number % 3]
            text = f"needle in {language} " + "needle " * (number % 5) + "hay " * number
            repository.append_message(name, role, text + "rare" * (number == 6))
        yield repository


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("typed", ["needle", '"needle in" OR rare', "needle C#", "needle NOT rare"])
def test_of_words_that_take_long_to_count_fewer_hits_are_ranked_and_the_others_follow(
    repository, monkeypatch, typed, filters
):
    newest = ids(repository, typed, sort="newest", **filters)
    few(monkeypatch, 6)
    found = ids(repository, typed, **filters)
    with_the_words = ids(repository, typed.replace("C#", "C"), sort="newest", **filters)[:6]
    first = [id_ for id_ in newest if id_ in with_the_words]
    assert sorted(found[: len(first)], reverse=True) == first
    assert found[len(first) :] == newest[len(first) :]
    pages = (ids(repository, typed, limit=4, offset=n, **filters) for n in range(0, 24, 4))
    assert [id_ for page in pages for id_ in page] == found


def test_of_fewer_hits_too_the_best_comes_first_and_of_equal_ones_the_newest(empty, monkeypatch):
    empty.create_session("s", "cli")
    for needles in (1, 2, 5, 2, 1):
        empty.append_message("s", "user", "needle " * needles + "hay " * (9 - needles))
    few(monkeypatch, 4)
    assert ids(empty, "needle") == [3, 4, 2, 5, 1]


def test_of_long_texts_still_fewer_are_ranked(repository, monkeypatch):
    newest = ids(repository, "needle", sort="newest")
    few(monkeypatch, 6)
    monkeypatch.setattr(f"{DEAR}._CHARACTERS", 0)
    assert ids(repository, "needle") == newest


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("needle", True),
        ("rare", False),
        ("rare needle", True),
        ('"rare needle"', False),
        ('"needle in"', True),
        ("rare \ud800needle\x00", True),
        ("rare NOT needle", True),
        ("nee*", False),
        ("absent", False),
    ],
)
def test_counted_is_what_the_newest_messages_with_the_words_let_expect(
    repository, monkeypatch, typed, expected
):
    monkeypatch.setattr(f"{DEAR}._COUNTED", 12)
    monkeypatch.setattr(f"{DEAR}._LET", 1)
    monkeypatch.setattr(f"{DEAR}._SEEN", 3)
    assert (
        repository._store.read(
            lambda connection: is_dear(connection, parse(typed), ends(connection))
        )
        is expected
    )


def test_in_a_store_of_few_messages_nothing_is_counted_beforehand(repository, monkeypatch):
    monkeypatch.setattr(f"{DEAR}._share", None)
    assert ids(repository, "needle in")


def test_a_store_without_messages_has_nothing_to_count(empty):
    assert ids(empty, "needle") == []


def few(monkeypatch, number):
    """Let bm25 count nothing; of the newest hits so many are ranked."""
    monkeypatch.setattr(f"{DEAR}._COUNTED", 0)
    monkeypatch.setattr(f"{DEAR}._SEEN", 0)
    for module in (DEAR, "hermes_store.search.sqlite"):
        monkeypatch.setattr(f"{module}.FEW", number)
