"""Hits are read in the order of storing, whatever is filtered: SQLite's plans show it."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from hermes_store import SessionFilter, SessionRepository
from hermes_store.queries.filtering import _titles
from hermes_store.queries.searched import _has_one_of, searched
from hermes_store.search import sqlite
from hermes_store.search.sqlite_statements import statement

FILTERS = {
    "sources": 2,
    "exclude_sources": 1,
    "roles": 1,
    "session_id": 0,
    "exclude_session_id": 0,
    "since": 0,
    "until": 0,
    "without_rewound": 0,
    "only_live": 0,
}
COMBINATIONS = [
    *(tuple(some) for number in range(3) for some in combinations(FILTERS.items(), number)),
    tuple(FILTERS.items()),
]


@pytest.fixture(scope="module")
def repository(
    template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SessionRepository]:
    path = tmp_path_factory.mktemp("plans") / "state.db"
    path.write_bytes(template.read_bytes())
    with SessionRepository(path) as repository:
        yield repository


def plan(
    repository: SessionRepository,
    sort: str,
    filters: tuple[tuple[str, int], ...],
    which: SessionFilter | None = None,
) -> str:
    values = {name: "x" for name, number in filters if not number}
    values |= {f"{name}_{n}": "x" for name, number in filters for n in range(number)}

    def explain(connection):
        chosen, asked = searched(connection, which) if which else (None, {})
        asked_for = statement(sort, "", filters, chosen)
        sql, constants = asked_for._compile("sqlite", connection.core.dialect)
        dbapi = connection.dbapi
        page = {"match": '"word"', "limit": 20, "offset": 0, "ranked": 2_000, **asked}
        return dbapi.execute(f"EXPLAIN QUERY PLAN {sql}", values | page | constants).fetchall()

    return "\n".join(step for *_, step in repository._store.read(explain))


@pytest.mark.parametrize("filters", COMBINATIONS, ids=lambda f: ",".join(n for n, _ in f) or "none")
@pytest.mark.parametrize("sort", ["relevance", "relevance of all", "newest", "oldest"])
def test_the_index_is_read_in_the_order_of_storing(repository, sort, filters):
    steps = plan(repository, sort, filters)
    # Only what is ranked is sorted, when the newest hits have been read.
    assert steps.count("ORDER BY") == sort.startswith("relevance")
    assert steps.count("SCAN ranked") == (sort == "relevance")


@pytest.mark.parametrize("filters", COMBINATIONS, ids=lambda f: ",".join(n for n, _ in f) or "none")
@pytest.mark.parametrize("sort", ["relevance", "relevance of all"])
def test_no_table_is_read_from_end_to_end(repository, sort, filters):
    steps = plan(repository, sort, filters).splitlines()
    assert [step for step in steps if step.startswith("SCAN") and step != "SCAN ranked"] == [
        step for step in steps if step.startswith("SCAN messages_fts VIRTUAL TABLE")
    ]
    assert sum("messages_fts VIRTUAL TABLE" in step for step in steps) == 1


CHOSEN = [
    SessionFilter(),
    SessionFilter(source="cli", user_id="u", min_messages=1),
    SessionFilter(title="flaky"),
]


@pytest.mark.parametrize("which", CHOSEN, ids=["live", "fields", "title"])
@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_of_each_found_message_the_session_is_looked_up(repository, sort, which):
    steps = plan(repository, sort, (), which)
    assert "ORDER BY" not in steps
    assert "SCAN sessions" not in steps


def test_of_found_messages_only_the_titles_of_their_sessions_are_read(repository):
    def explain(connection):
        sql, _ = _titles((), _has_one_of(sqlite.GIVEN_IDS))._compile(
            "sqlite", connection.core.dialect
        )
        given = {"ids": sqlite.given([1, 2]), "word": "flaky"}
        return connection.dbapi.execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall()

    steps = [step for *_, step in repository._store.read(explain)]
    assert any(step.startswith("SEARCH sessions USING INDEX") for step in steps)
    assert [step for step in steps if step.startswith("SCAN")] == [
        "SCAN json_each VIRTUAL TABLE INDEX 1:"
    ]
