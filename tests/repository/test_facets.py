"""What sessions can be chosen by, counted among the last active ones; and that lists stay quick."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from repository.test_list_pages import explain
from stored import change
from support import only_sqlite

from hermes_store import SessionFilter
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import filtering, paging
from hermes_store.queries.listing import Shape, _search_statement


def at(month: int, day: int, hour: int = 12) -> float:
    return datetime(2026, month, day, hour, tzinfo=UTC).timestamp()


@pytest.fixture
def stored(repository):
    sessions = [
        {"id": "a", "source": "cli", "model": "large", "user_id": "ada", "started_at": at(1, 5)},
        {"id": "b", "source": "cli", "model": "small", "started_at": at(2, 5)},
        {"id": "c", "source": "cron", "model": "large", "started_at": at(2, 28, 23)},
        {"id": "d", "source": "cli", "started_at": at(3, 9), "archived": at(3, 10)},
    ]
    repository.import_sessions([{**each, "messages": []} for each in sessions])
    return repository


def test_each_value_has_the_number_of_its_sessions_the_most_frequent_first(stored):
    assert stored.session_facets() == {
        "counted": 3,
        "source": {"cli": 2, "cron": 1},
        "model": {"large": 2, "small": 1},
        "user_id": {"ada": 1},
        "month": {"2026-02": 2, "2026-01": 1},
    }


def test_a_filter_says_among_which_sessions(stored):
    found = stored.session_facets(filter=SessionFilter(model="large", archived=None))
    assert (found["counted"], list(found["source"])) == (2, ["cron", "cli"])
    assert stored.session_facets(filter=SessionFilter(archived=True))["month"] == {"2026-03": 1}


def test_only_the_last_active_ones_are_counted(stored):
    found = stored.session_facets(among=1)
    assert (found["counted"], found["source"]) == (1, {"cron": 1})
    assert stored.session_facets(among=0)["source"] == {}


def test_months_are_those_of_the_time_zone(stored):
    east = timezone(timedelta(hours=2))
    assert stored.session_facets(among=1, timezone=east)["month"] == {"2026-03": 1}
    with pytest.raises(InvalidArgumentError, match=r"^timezone: .*; \S"):
        stored.session_facets(timezone="UTC")


def test_a_part_of_a_conversation_and_a_delegate_are_counted_when_asked_for(repository):
    repository.create_session("a", "cli")
    repository.create_session("b", "cli", parent_session_id="a", link="compression")
    repository.create_session("c", "worker", parent_session_id="b", link="delegate")
    assert repository.session_facets()["source"] == {"cli": 1}
    assert repository.session_facets(include="all")["source"] == {"cli": 2, "worker": 1}


@pytest.mark.parametrize("among", [-1, "x", 1.5])
def test_a_wrong_number_is_refused(repository, among):
    with pytest.raises(InvalidArgumentError, match=r"; \S"):
        repository.session_facets(among=among)


TITLES = (
    "The Parser", "PARSER", "parse", "Straße", "STRASSE", "\u212aelvin", "kelvin", "İstanbul",
    "istanbul", "ﬁne", "fine", "naïve", "100% done", "记忆与会话", "x y", "Ωmega", "ωmega",
    "x" * 2_000, "a_b", "a%b", "acb", "%_" * 30_000,
)  # fmt: skip


WORDS = (
    "parser", "SER par", "strasse", "kelvin", "K", "istanbul", "fine", "é", "naïve", "%", "_",
    "记忆", "y x", "ω", "a\0b", "\0", "X" * 1_999, "a_B", "A%b", "%_" * 26_000, "%a" * 9,
)  # fmt: skip


def test_words_of_a_title_are_found_as_python_folds_them(repository, database):
    """SQL only leaves out what cannot hold them."""
    for number, title in enumerate(TITLES):
        repository.create_session(f"s{number:02d}", "cli")
        change(database, "UPDATE sessions SET title = ? WHERE id = ?", title, f"s{number:02d}")
    for words in WORDS:
        folded = words.casefold().split()
        expected = {each for each in TITLES if all(word in each.casefold() for word in folded)}
        assert {each["title"] for each in repository.find_sessions(words)} == expected, words


ASKED = {"asked_source": "cli", "asked_active_since": 1.0, "asked_active_until": 2.0}


@only_sqlite
@pytest.mark.parametrize("shape", [(("source", None),), (("source", None), ("active_since", 1))])
def test_a_list_of_a_source_walks_the_index_of_its_order(repository, shape):
    """The index of the sources would have it read and sort all of them for the newest few."""
    shape = Shape(shape, paging.Shape(by_last_active=True, limit=20))
    plan = explain(repository, _search_statement(shape), **ASKED)
    assert "USING INDEX idx_sessions_last_active" in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@only_sqlite
@pytest.mark.parametrize(("form", "walks"), [(None, False), (1, True)])
def test_a_list_of_many_titles_walks_the_index_of_its_order_and_few_are_looked_up(
    repository, form, walks
):
    shape = Shape((("title", form),), paging.Shape(by_last_active=True, limit=20))
    plan = explain(repository, _search_statement(shape), titled="[]")
    assert ("USING INDEX idx_sessions_last_active" in plan) == walks


def test_many_titles_give_the_pages_that_few_give(repository, monkeypatch):
    for number in range(9):
        repository.create_session(f"s{number}", "cli")
        repository.set_session_title(f"s{number}", f"{number} {'flaky' if number % 3 else 'done'}")
    which = SessionFilter(title="FLAKY")
    pages = []
    for many in (1_000, 1):
        monkeypatch.setattr(filtering, "_MANY", many)
        pages.append(repository.list_sessions_rich(limit=4, offset=1, filter=which))
    assert [each["id"] for each in pages[0]] == ["s7", "s5", "s4", "s2"]
    assert pages[0] == pages[1]


@only_sqlite
def test_a_time_of_activity_is_a_range_of_the_index(repository):
    shape = Shape((("active_since", 1), ("active_until", 1)), paging.Shape(by_last_active=True, limit=20))  # fmt: skip
    plan = explain(repository, _search_statement(shape), **ASKED)
    assert "idx_sessions_last_active (last_active>? AND last_active<?)" in plan


def test_a_session_of_another_tool_without_last_activity_is_still_chosen_by_its_start(
    stored, database
):
    change(database, "UPDATE sessions SET last_active = NULL WHERE id = 'a'")
    january = SessionFilter(active_since=at(1, 1), active_until=at(2, 1))
    assert [each["id"] for each in stored.list_sessions_rich(filter=january)] == ["a"]
    assert stored.session_facets(filter=january)["source"] == {"cli": 1}
