"""Pages of a list that go on behind a session."""

import random

import pytest
from stored import change
from support import only_sqlite

from hermes_store import SessionFilter
from hermes_store.database.given_texts import as_parameter
from hermes_store.errors import InvalidArgumentError
from hermes_store.queries import paging
from hermes_store.queries.listing import Shape, _rich_statement, _search_statement
from hermes_store.queries.sessions import NAMES

ORDERS = pytest.mark.parametrize("by_last_active", [False, True], ids=["started", "active"])


@pytest.fixture
def fill(repository, database):
    """Store sessions of few different times, so that many are of the same."""

    def fill(number=40, unknown=0):
        rng = random.Random(7)
        for each in range(number):
            name = f"{rng.choice('abcäB')}{each}"
            repository.create_session(name, rng.choice(["cli", "cron"]))
            change(database, "UPDATE sessions SET started_at = ?, last_active = ? WHERE id = ?",
                   rng.choice([1.5, 2.0, 1e9]), None if each < unknown else rng.choice([3.0, 0.1]), name)  # fmt: skip

    return fill


def pages(method, limit, **keywords):
    """The ids of each page of a list, one behind the other."""
    after = None
    while page := [each["id"] for each in method(limit=limit, after=after, **keywords)]:
        yield page
        after = page[-1]


def whole(method, **keywords):
    return [each["id"] for each in method(limit=None, **keywords)]


@ORDERS
@pytest.mark.parametrize("unknown", [0, 9])
def test_pages_one_behind_the_other_are_the_whole_list(repository, fill, by_last_active, unknown):
    fill(unknown=unknown)
    for method in (repository.list_sessions_rich, repository.search_sessions):
        for limit in (1, 3, 7, 100):
            found = pages(method, limit, order_by_last_active=by_last_active)
            expected = whole(method, order_by_last_active=by_last_active)
            assert [each for page in found for each in page] == expected


@ORDERS
def test_pages_keep_to_the_filter(repository, fill, by_last_active):
    fill()
    keywords = {"filter": SessionFilter(source="cli"), "order_by_last_active": by_last_active}
    found = [*pages(repository.list_sessions_rich, 4, **keywords)]
    assert len(found) > 2
    assert [each for page in found for each in page] == whole(
        repository.list_sessions_rich, **keywords
    )


def test_a_list_goes_on_behind_a_session_that_it_does_not_show(repository, fill):
    fill()
    listed = whole(repository.list_sessions_rich)
    for which in (SessionFilter(source="cli"), SessionFilter(source="cron")):
        shown = set(whole(repository.list_sessions_rich, filter=which))
        behind = [each for each in listed[listed.index(listed[11]) + 1 :] if each in shown]
        assert whole(repository.list_sessions_rich, filter=which, after=listed[11]) == behind


def test_sessions_that_begin_meanwhile_move_no_other_to_the_next_page(repository, fill):
    fill()
    there = whole(repository.list_sessions_rich)
    found = []
    for number, page in enumerate(pages(repository.list_sessions_rich, 5)):
        found += page
        repository.create_session(f"new {number}", "cli")
    assert found == there


def test_a_page_behind_a_session_may_also_be_cut_by_an_offset(repository, fill):
    fill()
    there = whole(repository.list_sessions_rich)
    found = repository.list_sessions_rich(limit=3, offset=2, after=there[4])
    assert [each["id"] for each in found] == there[7:10]


def test_behind_the_last_session_there_is_none(repository, fill):
    fill(3)
    last = whole(repository.list_sessions_rich)[-1]
    assert repository.list_sessions_rich(after=last) == []


@ORDERS
@pytest.mark.parametrize("after", ["nothing", "%", "x\0y", "", 7, b"x"], ids=repr)
def test_what_is_no_session_is_refused(repository, fill, after, by_last_active):
    fill(3)
    for method in (repository.list_sessions_rich, repository.search_sessions):
        with pytest.raises(InvalidArgumentError, match=r"^after: .*; \S"):
            method(after=after, order_by_last_active=by_last_active)


@only_sqlite
@ORDERS
@pytest.mark.parametrize("shown", [(), (("archived", 0),)], ids=["all", "live"])
def test_a_page_is_read_from_its_place_in_the_index(repository, by_last_active, shown):
    shape = Shape(shown, paging.Shape(by_last_active, goes_on=True, limit=20))
    index, column = (
        ("idx_sessions_last_active", "last_active")
        if by_last_active
        else ("idx_sessions_started", "started_at")
    )
    for statement in (_search_statement(shape), _rich_statement(shape, NAMES)):
        plan = explain(repository, statement)
        assert f"SEARCH sessions USING INDEX {index} ({column}<?)" in plan
        assert "TEMP B-TREE" not in plan


def explain(repository, statement, **asked):
    with repository.transaction() as transaction:
        sql, constants = statement._compile("sqlite", transaction.connection.dialect)
        given = {
            "limit": 20,
            "offset": 0,
            "blanks": " ",
            "at": 1.0,
            "after": "a",
            **asked,
            **constants,
        }
        driver = transaction.connection.connection.dbapi_connection
        return "\n".join(row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", given))


OF_MANY_TITLES = Shape((("title", 1),), paging.Shape(by_last_active=True, limit=20))
TITLED = as_parameter([f"s{n}" for n in range(1, 5_000, 4)])


@only_sqlite
def test_a_page_of_many_titles_is_read_from_the_index_and_not_sorted(repository):
    plan = explain(repository, _rich_statement(OF_MANY_TITLES, NAMES), titled=TITLED)
    assert "SCAN sessions USING INDEX idx_sessions_last_active" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.postgresql
def test_a_server_reads_a_page_of_many_titles_from_the_index(postgresql_database):
    plan = explained_by_a_server(postgresql_database, OF_MANY_TITLES, titled=TITLED)
    assert "Index Scan using idx_sessions_last_active on sessions" in plan
    assert "Hash" not in plan.replace("hashed SubPlan", "")
    assert "hashed SubPlan" in plan


@pytest.mark.postgresql
@ORDERS
def test_a_server_reads_a_page_from_its_place_in_the_index(postgresql_database, by_last_active):
    shape = Shape((("archived", 0),), paging.Shape(by_last_active, goes_on=True, limit=20))
    index = "idx_sessions_last_active" if by_last_active else "idx_sessions_started"
    plan = explained_by_a_server(postgresql_database, shape)
    assert f"Index Scan using {index} on sessions" in plan
    assert "Index Cond: " in plan


def explained_by_a_server(database, shape, **asked):
    from sqlalchemy import text

    from hermes_store import SessionRepository

    with SessionRepository(database) as repository, repository.transaction() as own:
        own.execute(text("INSERT INTO sessions (id, source, started_at, last_active)"
                         " SELECT 's' || n, 'cli', n, n FROM generate_series(1, 5000) AS n"))  # fmt: skip
        own.execute(text("ANALYZE sessions"))
        sql, constants = _search_statement(shape)._compile("postgresql", own.connection.dialect)
        given = {"limit": 20, "offset": 0, "at": 2500.0, "after": "s2500", **asked, **constants}
        driver = own.connection.connection.dbapi_connection
        return "\n".join(row[0] for row in driver.execute(f"EXPLAIN {sql}", given).fetchall())


@pytest.mark.postgresql
@ORDERS
def test_a_server_plans_a_page_once_for_all_calls(postgresql_database, by_last_active):
    from hermes_store import SessionRepository

    with SessionRepository(postgresql_database, pool_size=1) as repository:
        for _ in range(30):
            repository.list_sessions_rich(order_by_last_active=by_last_active)
        kept = "SELECT generic_plans FROM pg_prepared_statements WHERE strpos(statement, 'LIMIT 20') > 0"
        found = repository._store.read(lambda connection: connection.execute(kept, {}).fetchall())
        assert [plans > 0 for (plans,) in found] == [True]


@pytest.mark.parametrize("limit", [1, 99, 100, 101, None])
def test_a_page_has_as_many_sessions_as_the_limit_says(repository, limit):
    for number in range(103):
        repository.create_session(f"s{number}", "cli")
    for offset in (0, 2):
        expected = min(limit or 103, 103 - offset)
        assert len(repository.list_sessions_rich(limit=limit, offset=offset)) == expected
        assert len(repository.search_sessions(limit=limit, offset=offset)) == expected
