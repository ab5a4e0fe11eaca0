"""Filters, order and pages of a search, and arguments that cannot be used."""

import pytest
from stored import change

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError

SESSIONS = {"c": "cli", "t": "telegram", "d": "discord"}
ROLES = ("user", "assistant", "tool")


@pytest.fixture(scope="module")
def repository(shared_database):
    """Nine messages: the sessions by turns, a role each round, the times against the order."""
    with SessionRepository(shared_database) as repository:
        for session_id, source in SESSIONS.items():
            repository.create_session(session_id, source)
        for number in range(9):
            session_id, role = list(SESSIONS)[number % 3], ROLES[number // 3]
            content = f"needle {session_id}-{role}"
            repository.append_message(session_id, role, content, timestamp=1000.0 - number)
        yield repository


def found(repository, typed, **arguments):
    """What is found, in the order of storing."""
    hits = repository.search_messages(typed, limit=None, **arguments)
    return [text(hit) for hit in sorted(hits, key=lambda hit: hit["id"])]


def text(hit):
    return hit["snippet"].replace(">>>", "").replace("<<<", "").removeprefix("needle ")


EVERYTHING = [f"{session_id}-{role}" for role in ROLES for session_id in SESSIONS]


@pytest.mark.parametrize(
    ("filters", "are_kept"),
    [
        ({"source_filter": ["cli"]}, lambda s, r: s == "c"),
        ({"source_filter": ["cli", "discord", "unknown"]}, lambda s, r: s in "cd"),
        ({"source_filter": ("unknown",)}, lambda s, r: False),
        ({"exclude_sources": ["cli"]}, lambda s, r: s != "c"),
        ({"exclude_sources": ["cli", "discord"]}, lambda s, r: s == "t"),
        ({"exclude_sources": ["unknown"]}, lambda s, r: True),
        ({"source_filter": ["cli", "discord"], "exclude_sources": ["cli"]}, lambda s, r: s == "d"),
        ({"role_filter": ["user"]}, lambda s, r: r == "user"),
        ({"role_filter": ["user", "tool"]}, lambda s, r: r != "assistant"),
        ({"session_id": "t"}, lambda s, r: s == "t"),
        ({"session_id": "unknown"}, lambda s, r: False),
        ({"exclude_session_id": "t"}, lambda s, r: s != "t"),
        ({"exclude_session_id": "unknown"}, lambda s, r: True),
        ({"session_id": "t", "role_filter": ["tool"]}, lambda s, r: (s, r) == ("t", "tool")),
        ({"session_id": "t", "source_filter": ["cli"]}, lambda s, r: False),
        ({"session_id": "t", "exclude_session_id": "t"}, lambda s, r: False),
        ({"since": 997.0}, lambda s, r: r == "user" or (s, r) == ("c", "assistant")),
        ({"until": 995.0}, lambda s, r: r == "tool"),
        ({"since": 995, "until": 998.0}, lambda s, r: r == "assistant"),
        ({"since": 0.0}, lambda s, r: True),
        ({"until": 0.0}, lambda s, r: False),
        ({"since": 994.0, "role_filter": ["tool"]}, lambda s, r: (s, r) == ("c", "tool")),
        ({"source_filter": [], "exclude_sources": (), "role_filter": []}, lambda s, r: True),
        ({"source_filter": None, "session_id": None, "since": None}, lambda s, r: True),
    ],
)
def test_a_filter_keeps_what_it_says(repository, filters, are_kept):
    kept = [each for each in EVERYTHING if are_kept(*each.split("-"))]
    for typed in ("needle", "needle NOT C++", "nee*"):
        assert found(repository, typed, **filters) == kept


def test_newest_and_oldest_are_in_the_order_of_storing(repository):
    oldest = [text(hit) for hit in repository.search_messages("needle", sort="oldest")]
    newest = [text(hit) for hit in repository.search_messages("needle", sort="newest")]
    assert oldest == newest[::-1] == EVERYTHING


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize("filters", [{}, {"role_filter": ["user", "tool"]}])
@pytest.mark.parametrize("typed", ["needle", "c OR t NOT C++"])
def test_pages_together_are_everything_once(repository, sort, filters, typed):
    everything = repository.search_messages(typed, limit=None, sort=sort, **filters)
    pages = [
        hit
        for offset in range(0, 12, 2)
        for hit in repository.search_messages(typed, limit=2, offset=offset, sort=sort, **filters)
    ]
    assert pages == everything
    assert len({hit["id"] for hit in pages}) == len(pages)


def test_the_size_of_a_page(repository):
    assert len(repository.search_messages("needle", limit=4)) == 4
    assert repository.search_messages("needle", limit=0) == []
    assert repository.search_messages("needle", offset=9) == []
    assert len(repository.search_messages("needle", offset=5)) == 4


def test_a_page_has_twenty_hits_unless_told_and_of_equal_ones_the_newest(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        ids = repository.append_messages("s", [{"role": "user", "content": "needle"}] * 30)
        hits = repository.search_messages("needle")
    assert [hit["id"] for hit in hits] == ids[:9:-1]


def test_the_most_relevant_comes_first(database):
    filling = "other words of a long message " * 20
    texts = [
        f"needle {filling}",
        "needle in needle",
        "needle in hay",
        f"{filling} needle {filling}",
    ]
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        ids = repository.append_messages("s", [{"role": "user", "content": t} for t in texts])
        repository.append_messages("s", [{"role": "user", "content": filling}] * 8)
        hits = repository.search_messages("needle")
    assert [ids.index(hit["id"]) for hit in hits] == [1, 2, 0, 3]


@pytest.mark.parametrize("typed", ["", "  ", "?!", '""', "()", "\ud800", "\0"])
@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_nothing_to_look_for_finds_nothing(repository, typed, sort):
    assert repository.search_messages(typed, sort=sort) == []


@pytest.mark.parametrize(
    ("argument", "bad"),
    [
        ("query", 5),
        ("query", b"needle"),
        ("query", ["needle"]),
        ("sort", "best"),
        ("sort", None),
        ("sort", []),
        ("markers", ">>>"),
        ("markers", ("<b>",)),
        ("markers", ("a", "b", "c")),
        ("markers", None),
        ("markers", (1, 2)),
        ("session_id", 5),
        ("session_id", ""),
        ("exclude_session_id", ["s"]),
        ("since", "2026-03-01"),
        ("since", float("nan")),
        ("until", float("inf")),
        ("until", [1]),
        ("limit", -1),
        ("limit", 1.5),
        ("offset", True),
        ("source_filter", "cli"),
        ("role_filter", [5]),
        ("exclude_sources", [str(number) for number in range(501)]),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(repository, argument, bad):
    with pytest.raises(InvalidArgumentError, match=argument):
        repository.search_messages(**{"query": "needle", argument: bad})


def test_a_transaction_finds_what_it_has_written(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        with repository.transaction() as transaction:
            transaction.append_message("s", "user", "I write C++")
            assert [len(transaction.search_messages(typed)) for typed in ("C++", "C#")] == [1, 0]
            assert repository.search_messages("C++") == []


def test_what_changes_is_found_as_it_is_now(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        first, second = repository.append_messages("s", [{"role": "user", "content": "one"}] * 2)
        change(
            database, "UPDATE messages SET content = 'two', tool_name = 'three' WHERE id = ?", first
        )
        assert [hit["id"] for hit in repository.search_messages("one")] == [second]
        assert [hit["id"] for hit in repository.search_messages("two three")] == [first]
        change(database, "UPDATE messages SET content = NULL, tool_name = NULL WHERE id = ?", first)
        assert repository.search_messages("two OR three") == []
        repository.delete_session("s")
        assert repository.search_messages("one") == []
