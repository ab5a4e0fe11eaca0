"""Which hits are ranked, and that pages are whole however the server looks at its index."""

import pytest
from stored import change

from hermes_store import SessionRepository
from hermes_store.search.postgresql_looks import Seen, _way

WORDS = ("needle", "needle NOT C++", "needle C#", '"needle in"', "nee* OR rare", "rare")
FILTERS = ({}, {"source_filter": ["t"]}, {"role_filter": ["tool"]}, {"session_id": "t"})


@pytest.fixture(scope="module")
def repository(shared_database):
    """Messages of which older ones are better, in two sessions, with gaps between their ids."""
    with SessionRepository(shared_database) as repository:
        for name in ("c", "t"):
            repository.create_session(name, name)
        for number in range(24):
            name, role = "ct"[number % 3 == 0], ("user", "tool")[number % 4 == 0]
            language = ("C", "C#", "C++")[number % 3]
            text = f"needle in {language} " + "needle " * (number % 5) + "hay " * number
            if number == 6:
                text += "rare"
            (id_,) = repository.append_messages(name, [{"role": role, "content": text}])
            if number % 6 == 1:
                repository.delete_messages(name, [id_])
        yield repository


def ids(repository, typed, **arguments):
    hits = repository.search_messages(typed, **{"limit": None, **arguments})
    return [hit["id"] for hit in hits]


def ranked(monkeypatch, number):
    for database in ("sqlite", "postgresql"):
        monkeypatch.setattr(f"hermes_store.search.{database}.RANKED", number)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("typed", ["needle", "nee* OR rare"])
def test_the_newest_hits_are_ranked_and_the_older_ones_follow_the_newest_first(
    repository, monkeypatch, typed, filters
):
    best = ids(repository, typed, **filters)
    newest = ids(repository, typed, sort="newest", **filters)
    ranked(monkeypatch, 4)
    expected = [id_ for id_ in best if id_ in newest[:4]] + newest[4:]
    assert ids(repository, typed, **filters) == expected
    pages = (ids(repository, typed, limit=3, offset=n, **filters) for n in range(0, 24, 3))
    assert [id_ for page in pages for id_ in page] == expected


def test_of_what_filters_leave_the_best_are_found_however_many_others_are_newer(
    repository, monkeypatch
):
    best = ids(repository, "needle", session_id="t")
    ranked(monkeypatch, len(best))
    assert ids(repository, "needle", session_id="t") == best
    assert ids(repository, "needle", source_filter=["t"], limit=2) == best[:2]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_of_symbols_the_newest_messages_with_the_words_are_ranked_and_older_hits_follow(
    repository, monkeypatch, filters
):
    best = ids(repository, "needle C#", **filters)
    newest = ids(repository, "needle C#", sort="newest", **filters)
    with_the_words = ids(repository, "needle C", sort="newest", **filters)[:4]
    ranked(monkeypatch, 4)
    expected = [id_ for id_ in best if id_ in with_the_words]
    expected += [id_ for id_ in newest if id_ not in with_the_words]
    assert ids(repository, "needle C#", **filters) == expected
    pages = (ids(repository, "needle C#", limit=2, offset=n, **filters) for n in range(0, 24, 2))
    assert [id_ for page in pages for id_ in page] == expected


# --- looks at the index of PostgreSQL -------------------------------------------------------------


@pytest.mark.parametrize(("first", "way"), [(1, "walked"), (5, "sorted"), (3, "near")])
@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
def test_whatever_the_first_look_sees_the_pages_are_the_same(
    repository, monkeypatch, sort, first, way
):
    def found():
        return [
            ids(repository, typed, sort=sort, limit=limit, offset=offset, **filters)
            for typed in WORDS
            for filters in FILTERS[::3]
            for limit, offset in ((None, 0), (2, 3))
        ]

    expected = found()
    monkeypatch.setattr("hermes_store.search.postgresql_looks._WORTH_A_LOOK", 0)
    monkeypatch.setattr("hermes_store.search.postgresql_looks._FIRST", first)
    monkeypatch.setattr("hermes_store.search.postgresql_looks._way", lambda *_: way)
    assert found() == expected


@pytest.mark.parametrize(
    ("found", "matching", "missing", "how"),
    [
        (0, 0, 20, "sorted"),
        (0, 4_500, 20, "sorted"),
        (7, 7, 13, "sorted"),
        (1, 1, 19, "sorted"),
        (20, 20, 980, "sorted"),
        (50, 50, 950, "near"),
        (100, 100, 500, "walked"),
        (50, 2_500, 950, "walked"),
        (500, 500, 500, "walked"),
    ],
)
def test_words_that_are_rare_among_the_newest_messages_are_asked_of_the_index(
    found, matching, missing, how
):
    assert _way(Seen(5_000, found, 3 * matching / 5_000), 1_000_000, missing) == how


GREATEST, LEAST = 2**63 - 1, -(2**63)


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("given", [[GREATEST - 1, GREATEST], [LEAST, LEAST + 1], [LEAST, GREATEST]])
def test_ids_of_other_tools_at_both_ends_of_the_numbers_are_found(database, given, sort):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        for id_ in given:
            insert = "INSERT INTO messages (id, session_id, role, content, timestamp)"
            change(database, f"{insert} VALUES (?, 's', 'user', 'needle', 1.0)", id_)
        assert ids(repository, "needle", sort=sort) == given[:: -1 if sort == "newest" else 1]
