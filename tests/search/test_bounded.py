"""`search_page`: how far it looks, and that it goes on from there."""

import pytest
from search.test_ranking import ids, ranked

from hermes_store import SessionFilter, SessionRepository
from hermes_store.errors import InvalidArgumentError

OF_T = {"filter": SessionFilter(source="t")}
DOUBTED = [
    ("C++", {}),
    ('"needle in"', {}),
    ("needle NOT C++", {}),
    ("needle NOT with", {}),
    ("foo/needle OR C#", {}),
    ("needle", OF_T),
    ('"needle in" C#', OF_T),
    ("needle", {"filter": SessionFilter(title="to tee")}),
    ("needle C#", {"filter": SessionFilter(title="TEE")}),
]


@pytest.fixture(scope="module")
def repository(shared_database):
    """Forty messages with a needle, one of four in session `t`, one of three about C++."""
    with SessionRepository(shared_database) as repository:
        for name in ("c", "t"):
            repository.create_session(name, name)
        repository.set_session_title("t", "Tee to drink")
        for number in range(40):
            place, language = ("in", "with")[number % 5 == 0], ("C++", "C", "C#")[number % 3]
            text = f"needle {place} {language} " + "needle " * (number % 4)
            repository.append_message("ct"[number % 4 == 0], "user", text, timestamp=number + 1.0)
        yield repository


def pages(repository, typed, **arguments):
    """The ids of each page, and where it ended, until nothing is left to be looked at."""
    next_id = None
    while True:
        page = repository.search_page(typed, limit=None, from_id=next_id, **arguments)
        next_id = page["next_id"]
        yield [hit["id"] for hit in page["hits"]]
        if next_id is None:
            return


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize(("typed", "which"), DOUBTED)
def test_pages_that_go_on_are_everything_once(repository, monkeypatch, typed, which, sort):
    everything = ids(repository, typed, sort="oldest" if sort == "oldest" else "newest", **which)
    ranked(monkeypatch, 7)
    found = list(pages(repository, typed, sort=sort, **which))
    assert len(found) > 1
    if sort == "relevance":
        found = [sorted(page, reverse=True) for page in found]
    assert [id_ for page in found for id_ in page] == everything


@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_it_looks_at_the_newest_messages_with_the_words(repository, monkeypatch, sort):
    ranked(monkeypatch, 10)
    needles = ids(repository, "needle", sort="newest")
    page = repository.search_page("needle NOT C#", sort=sort)
    assert {hit["id"] for hit in page["hits"]} == {
        id_ for id_ in ids(repository, "needle NOT C#", sort="newest") if id_ in needles[:10]
    }
    assert (page["next_id"], page["next_at"]) == (needles[10], 30.0)


def test_it_looks_at_the_oldest_where_these_are_asked_for(repository, monkeypatch):
    ranked(monkeypatch, 10)
    needles = ids(repository, "needle", sort="oldest")
    page = repository.search_page("needle", sort="oldest", **OF_T)
    assert [hit["id"] for hit in page["hits"]] == [needles[0], needles[4], needles[8]]
    assert (page["next_id"], page["next_at"]) == (needles[10], 11.0)


def test_of_what_it_looks_at_the_best_come_first_and_pages_hold_all(repository, monkeypatch):
    ranked(monkeypatch, 16)
    best = next(pages(repository, '"needle in"'))
    newest = next(pages(repository, '"needle in"', sort="newest"))
    assert best != newest
    assert sorted(best, reverse=True) == newest
    parts = [
        hit["id"]
        for offset in range(0, 16, 3)
        for hit in repository.search_page('"needle in"', 3, offset)["hits"]
    ]
    assert parts == best


def test_of_more_than_three_words_fewer_messages_are_looked_at(repository, monkeypatch):
    monkeypatch.setattr("hermes_store.search.sqlite_candidates._OF_MANY_WORDS", 5)
    monkeypatch.setattr("hermes_store.search.postgresql.MOST_TEXTS", 5)
    with_the_words = ids(repository, "needle in C", sort="newest")
    page = repository.search_page("needle need* in C", sort="newest")
    assert [hit["id"] for hit in page["hits"]] == with_the_words[:5]
    assert page["next_id"] == with_the_words[5]


@pytest.mark.parametrize("typed", ["needle", "needle C", "need*", "needle OR C"])
def test_what_the_index_knows_is_not_bounded(repository, monkeypatch, typed):
    ranked(monkeypatch, 5)
    assert list(pages(repository, typed)) == [ids(repository, typed)]


def test_words_of_fewer_messages_are_looked_at_to_the_end(repository):
    page = repository.search_page("C++ needle", **OF_T)
    assert [hit["id"] for hit in page["hits"]] == ids(repository, "C++ needle", **OF_T)[:20]
    assert (page["next_id"], page["next_at"]) == (None, None)
    assert repository.search_page("")["hits"] == repository.search_page("C++ absent")["hits"] == []


def test_a_transaction_looks_as_far_as_a_repository(repository, monkeypatch):
    ranked(monkeypatch, 7)
    with repository.transaction() as transaction:
        assert list(pages(transaction, "C++")) == list(pages(repository, "C++"))


@pytest.mark.parametrize("bad", [0, -1, 1.5, "7", True, 2**63])
def test_a_place_that_is_no_message_is_refused(repository, bad):
    with pytest.raises(InvalidArgumentError, match="from_id"):
        repository.search_page("needle", from_id=bad)


def test_a_place_whose_message_was_deleted_is_gone_on_from(repository):
    newest = ids(repository, "needle", sort="newest")
    page = repository.search_page("needle", sort="newest", from_id=newest[0] + 100)
    assert [hit["id"] for hit in page["hits"]] == newest[:20]
    page = repository.search_page("needle", sort="oldest", from_id=newest[0] + 100)
    assert page["hits"] == []
