"""In SQLite: beginnings of so many words that a page reads the texts of fewer messages."""

import shutil

import pytest
from search.test_bounded import OF_T, pages
from search.test_ranking import ids
from stored import change

from hermes_store import SessionRepository
from hermes_store.search.loosened import without
from hermes_store.search.query import Phrase, parse
from hermes_store.search.sqlite_prefixes import too_long

WANTED = [
    ("need*", {}),
    ("n* h*", {}),
    ("need* in", {}),
    ('"needle i"*', {}),
    ("rare OR h*", {}),
    ("rare n*", {}),
    ("needle NOT ra*", {}),
    ("in NOT (ra* OR C*)", {}),
    ("n* C++", {}),
    ("need*", OF_T),
    ("h* C#", OF_T),
]


@pytest.fixture(scope="module")
def repository(template, tmp_path_factory):
    path = shutil.copy(template, tmp_path_factory.mktemp("beginnings") / "state.db")
    with SessionRepository(path) as repository:
        for name in ("c", "t"):
            repository.create_session(name, name)
        for number in range(40):
            language = ("C++", "C", "C#")[number % 3]
            text = f"needle {('in', 'with')[number % 5 == 0]} {language} " + "hay " * (number % 4)
            text += "rare" * (number in {3, 30})
            repository.append_message("ct"[number % 4 == 0], "user", text)
        yield repository


@pytest.fixture
def long_lists(monkeypatch):
    monkeypatch.setattr("hermes_store.search.sqlite_prefixes.LEAVES", -2)
    monkeypatch.setattr("hermes_store.search.sqlite_candidates.FEW", 7)


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize(("typed", "which"), WANTED)
def test_pages_that_go_on_are_everything_once(repository, long_lists, typed, which, sort):
    everything = ids(repository, typed, sort="oldest" if sort == "oldest" else "newest", **which)
    found = list(pages(repository, typed, sort=sort, **which))
    assert len(found) > 1 or typed == "rare n*"
    if sort == "relevance":
        found = [sorted(page, reverse=True) for page in found]
    assert [id_ for page in found for id_ in page] == everything


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        ("a b*", "a"),
        ("a b* c", "a c"),
        ("(a OR b*) c", "c"),
        ("a OR c", "a OR c"),
        ("a OR b*", None),
        ("b*", None),
    ],
)
def test_without_a_beginning_the_other_words_are_asked_for_or_every_message(typed, rest):
    assert without(parse(typed), {Phrase("b", prefix=True)}) == (rest and parse(rest))


def test_of_the_messages_that_are_read_the_best_come_first(repository, long_lists):
    page = repository.search_page("hay*")
    assert [hit["id"] for hit in page["hits"]] == [40, 36, 39, 35, 38, 34]
    assert page["next_id"] == 33
    assert [hit["id"] for hit in repository.search_page("hay*", 2, 1)["hits"]] == [36, 39]


def test_of_long_texts_fewer_are_read_and_one_at_least(repository, long_lists, monkeypatch):
    monkeypatch.setattr("hermes_store.search.sqlite_ranking._CHARACTERS", 40)
    assert repository.search_page("n*", sort="newest")["next_id"] in {37, 38, 39}
    monkeypatch.setattr("hermes_store.search.sqlite_ranking._CHARACTERS", 0)
    assert list(pages(repository, "n*", sort="newest")) == [[id_] for id_ in range(40, 0, -1)]


def test_the_oldest_are_looked_at_first_also_where_another_tool_gave_an_id_below_one(
    template, tmp_path, long_lists
):
    with SessionRepository(shutil.copy(template, tmp_path / "state.db")) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle")
        change(
            tmp_path / "state.db",
            "INSERT INTO messages (id, session_id, role, content, timestamp)"
            " VALUES (-5, 's', 'user', 'needle', 1)",
        )
        assert ids(repository, "need*", sort="oldest") == [-5, 1]
        assert list(pages(repository, "need*", sort="oldest")) == [[-5, 1]]


def test_a_search_without_a_page_finds_all_as_before(repository, long_lists):
    assert len(ids(repository, "need*", limit=None)) == 40


def test_messages_that_wait_to_be_indexed_are_read_too(template, tmp_path, long_lists):
    with SessionRepository(shutil.copy(template, tmp_path / "state.db")) as repository:
        repository.create_session("s", "cli")
        with repository.transaction() as transaction:
            appended = transaction.append_messages("s", [{"role": "user", "content": "needle"}] * 3)
            page = transaction.search_page("nee*", sort="newest")
            assert [hit["id"] for hit in page["hits"]] == appended[::-1]


def test_lists_that_are_long_together_are_told_from_short_ones(template, tmp_path, monkeypatch):
    with SessionRepository(shutil.copy(template, tmp_path / "state.db")) as repository:
        repository.create_session("s", "cli")
        words = (" ".join(f"{a}{number:04d}" for a in "xyyy") for number in range(2_000))
        repository.append_messages("s", [{"role": "user", "content": text} for text in words])
        repository.optimize()

        def left_out(typed, most, sort="newest"):
            monkeypatch.setattr("hermes_store.search.sqlite_prefixes.LEAVES", most)
            return repository._store.read(lambda read: too_long(read, parse(typed), sort))

        x, y = Phrase("x", prefix=True), Phrase("y", prefix=True)
        assert left_out("x* y* absent*", 0) == {x, y}
        assert left_out("x y0001 absent*", 0) == set()
        assert left_out("x* y*", 1_000) == set()
        least = next(most for most in range(1_000) if left_out("x*", most) == set())
        assert left_out("x*", least, "relevance") == {x}
        assert left_out('x* OR "a y"*', least) == {y}
        assert left_out("x NOT y*", least) == {y}
