"""On SQLite the newest messages enter the index together: they are found at once nevertheless."""

import math
import signal
import subprocess
import sys
from contextlib import closing, contextmanager
from itertools import chain
from random import Random

import prepared
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored import change, column
from support import Caller
from test_against_matcher import MESSAGES, QUERIES, holds, text, typed
from test_quality import TYPED, random_query, random_text

from benchmarks.quality.engines import store
from benchmarks.quality.pairs import pairs
from benchmarks.quality.recall import messages
from hermes_store import SessionFilter, SessionRepository, migrate
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import MigrationError, SearchIndexError
from hermes_store.search.ddl import TOGETHER

CHECK = "INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)"
INDEXED = "SELECT id FROM messages_fts_docsize ORDER BY id"
UPTO = "SELECT indexed_upto FROM search_index"
MATCH = "SELECT rowid FROM messages_fts WHERE messages_fts MATCH ? ORDER BY rowid"
OTHER_TOOL = "INSERT INTO messages(session_id, role, content, timestamp) VALUES ('s', 'user', ?, 1)"
AS_THE_STORE = OTHER_TOOL.replace("timestamp)", "timestamp, may_wait)").replace(", 1)", ", 1, 1)")

pytestmark = pytest.mark.usefixtures("in_succession")


@pytest.fixture
def database(sqlite_database):
    return sqlite_database


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        yield repository


@contextmanager
def another_program_writes(database):
    with closing(sqlite_driver().connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def ids(repository, query, **options):
    return [hit["id"] for hit in repository.search_messages(query, **options)]


# --- they wait ------------------------------------------------------------------------------------


def test_the_newest_messages_wait_and_the_next_one_brings_them_into_the_index(repository, database):
    for _ in range(TOGETHER - 1):
        repository.append_message("s", "user", "word")
    assert column(database, INDEXED) == []
    repository.append_message("s", "user", "word")
    assert column(database, INDEXED) == list(range(1, TOGETHER + 1))
    repository.append_messages("s", [{"role": "user", "content": "word"}] * (2 * TOGETHER + 1))
    assert column(database, INDEXED) == list(range(1, 3 * TOGETHER + 1))
    change(database, CHECK)


def test_the_first_messages_of_a_run_are_each_in_the_index_at_once(
    repository, database, monkeypatch
):
    monkeypatch.setattr("hermes_store.search.waiting.FEW", 3)
    monkeypatch.setattr("hermes_store.search.waiting._BETWEEN_RUNS", math.inf)
    for number in range(1, 4):
        repository.append_message("s", "user", "word")
        assert column(database, INDEXED) == list(range(1, number + 1))
    repository.append_message("s", "user", "word")
    assert column(database, INDEXED) == [1, 2, 3]
    monkeypatch.setattr("hermes_store.search.waiting._BETWEEN_RUNS", -1.0)  # a run of its own
    repository.append_message("s", "user", "word")
    assert column(database, INDEXED) == [1, 2, 3, 4, 5]
    monkeypatch.setattr("hermes_store.search.waiting._BETWEEN_RUNS", math.inf)
    repository.append_messages("s", [{"role": "user", "content": "word"}] * 2)
    assert column(database, INDEXED) == [1, 2, 3, 4, 5, 6, 7]
    repository.append_message("s", "user", "word")
    assert column(database, INDEXED) == [1, 2, 3, 4, 5, 6, 7]
    change(database, CHECK)


def test_a_message_after_a_pause_enters_the_index_with_those_that_wait(
    repository, database, monkeypatch
):
    repository.append_message("s", "user", "the needle")
    monkeypatch.setattr("hermes_store.search.waiting.SUCCESSION", -1.0)  # there is always a pause
    repository.append_message("s", "user", "another needle")
    assert column(database, MATCH, "needle") == [1, 2]
    repository.append_messages("s", [{"role": "user", "content": "needles"}] * 3)
    assert column(database, MATCH, "needles") == [3, 4, 5]
    change(database, CHECK)


def test_a_search_puts_them_into_the_index(repository, database):
    new = repository.append_message("s", "user", "the needle")
    assert ids(repository, "needle") == [new]
    assert column(database, INDEXED) == column(database, UPTO) == [new]


def test_what_another_tool_inserts_is_in_the_index_at_once_with_those_that_wait(
    repository, database
):
    repository.append_message("s", "user", "the needle")
    change(database, OTHER_TOOL, "another needle")
    assert column(database, MATCH, "needle") == [1, 2]
    change(database, CHECK)


@pytest.mark.parametrize("column_of_it", ["content", "tool_name", "tool_calls"])
def test_a_long_message_is_in_the_index_at_once_with_those_that_wait(
    repository, database, column_of_it
):
    repository.append_message("s", "user", "the needle")
    repository.append_message("s", "tool", **{column_of_it: "needle " * 1_000})
    assert column(database, INDEXED) == column(database, MATCH, "needle") == [1, 2]
    contents = ["a needle", "needle " * 1_000, "needle"]
    repository.append_messages("s", [{"role": "user", "content": each} for each in contents])
    assert column(database, INDEXED) == [1, 2, 3, 4]
    assert ids(repository, "needle", sort="newest") == [5, 4, 3, 2, 1]
    change(database, CHECK)


def test_a_message_that_becomes_a_long_one_does_not_wait(repository, database):
    for _ in range(2):
        repository.append_message("s", "user", "the needle")
    repository.replace_message("s", 1, content="needle " * 1_000)
    assert column(database, INDEXED) == [1, 2]
    change(database, CHECK)
    assert ids(repository, "needle", sort="newest") == [2, 1]


def test_in_a_file_that_the_revisions_made_other_tools_find_what_they_insert(tmp_path):
    path = tmp_path / "state.db"
    migrate.upgrade(path)
    change(path, "INSERT INTO sessions(id, source, started_at) VALUES ('s', 'cli', 1)")
    for number in range(3):
        change(path, OTHER_TOOL, f"needle {number}")
        assert column(path, MATCH, "needle") == list(range(1, number + 2))


def test_a_file_that_every_repository_has_closed_has_nothing_that_waits(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "the needle")
    assert column(database, MATCH, "needle") == [1]


def test_a_repository_that_closes_while_another_program_writes_leaves_them_waiting(database):
    repository = SessionRepository(database)
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "the needle")
    with another_program_writes(database):
        repository.close()
    assert column(database, INDEXED) == []
    with SessionRepository(database) as repository:
        assert ids(repository, "needle") == [1]


def test_messages_of_a_killed_process_are_found(database):
    script = (
        "import sys, time; from hermes_store import SessionRepository\n"
        "from hermes_store.search import waiting\n"
        "waiting.SUCCESSION, waiting.FEW = float('inf'), 0\n"
        "repository = SessionRepository(sys.argv[1]); repository.create_session('s', 'cli')\n"
        "print(repository.append_message('s', 'user', 'the needle'), flush=True); time.sleep(600)"
    )
    process = prepared.Popen([sys.executable, "-c", script, database], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    process.wait()
    assert column(database, INDEXED) == []
    with SessionRepository(database, read_only=True) as repository:
        assert ids(repository, "needle") == [1]
    with SessionRepository(database) as repository:
        assert ids(repository, "needle") == [1]
        assert repository.check() == []


# --- the index is right ---------------------------------------------------------------------------


def test_fts5_s_own_check_and_rebuild_agree_while_messages_wait(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "word"}] * (TOGETHER + 3))
    change(database, CHECK)
    change(database, "INSERT INTO messages_fts(messages_fts) VALUES ('rebuild')")
    change(database, CHECK)
    assert column(database, INDEXED) == list(range(1, TOGETHER + 1))
    assert len(ids(repository, "word", limit=None)) == TOGETHER + 3
    assert repository.check() == []


def test_the_check_of_a_store_says_nothing_of_those_that_wait(repository):
    repository.append_message("s", "user", "the needle")
    assert repository.check() == []


def test_those_that_wait_can_be_changed_and_deleted(repository, database):
    gone, changed, moved = (repository.append_message("s", "user", "the needle") for _ in "123")
    change(database, "DELETE FROM messages WHERE id = ?", gone)
    change(database, "UPDATE messages SET content = 'a haystack' WHERE id = ?", changed)
    change(database, "UPDATE messages SET id = 700 WHERE id = ?", moved)
    change(database, CHECK)
    assert ids(repository, "needle") == [700]
    assert ids(repository, "haystack") == [changed]
    change(database, CHECK)


def test_an_indexed_message_whose_id_becomes_the_newest_waits(repository, database):
    repository.append_message("s", "user", "the needle")
    assert ids(repository, "needle") == [1]
    change(database, "UPDATE messages SET id = 700")
    change(database, CHECK)
    assert ids(repository, "needle") == [700]
    repository.append_message("s", "user", "another needle")
    assert ids(repository, "needle") == [701, 700]
    change(database, CHECK)


def test_a_message_in_place_of_a_deleted_one_is_found(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "word"}] * TOGETHER)
    change(database, "DELETE FROM messages WHERE id > 3")
    change(database, "INSERT INTO messages(id, session_id, role, content, timestamp, may_wait)"
           " VALUES (5, 's', 'user', 'the needle', 1, 1)")  # fmt: skip
    assert column(database, INDEXED) == [1, 2, 3, 5]
    assert ids(repository, "needle") == [5]
    change(database, CHECK)


def test_reindex_and_optimize_leave_nothing_out(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "word"}] * (TOGETHER + 3))
    repository.reindex()
    repository.append_message("s", "user", "word")
    repository.optimize()
    assert len(ids(repository, "word", limit=None)) == TOGETHER + 4
    assert repository.check() == []


def test_without_its_state_the_index_takes_every_message_at_once(repository, database):
    change(database, "DELETE FROM search_index")
    repository.append_message("s", "user", "the needle")
    assert column(database, MATCH, "needle") == [1]


def test_reindex_after_the_state_was_lost_indexes_what_is_there(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "word"}] * 3)
    change(database, "DROP TABLE search_index")
    repository.append_message("s", "user", "word")
    repository.reindex()
    assert column(database, INDEXED) == [1, 2, 3, 4]
    change(database, CHECK)


def test_the_way_down_takes_them_into_the_index(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
    change(database, AS_THE_STORE, "the needle")
    assert column(database, INDEXED) == []
    migrate.downgrade(database, "0020")
    assert column(database, MATCH, "needle") == [1]
    migrate.upgrade(database)
    change(database, CHECK)


def test_a_file_whose_index_has_lost_its_state_goes_both_ways(tmp_path):
    path = tmp_path / "state.db"
    migrate.upgrade(path, "0020")
    change(path, "DROP TABLE search_index")
    migrate.upgrade(path)
    change(path, "DROP TABLE search_index")
    migrate.downgrade(path, "0020")
    with SessionRepository(path) as repository:
        with pytest.raises(SearchIndexError, match="not recorded"):
            repository.search_messages("needle")
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "the needle")
        repository.reindex()
        assert ids(repository, "needle") == [1]
        assert repository.check() == []


def test_another_program_s_view_of_the_new_name_is_left_alone(tmp_path):
    path = tmp_path / "state.db"
    migrate.upgrade(path, "0020")
    change(path, "CREATE VIEW messages_text AS SELECT 'theirs' AS text")
    with pytest.raises(MigrationError, match="messages_text already exists"):
        migrate.upgrade(path)
    assert column(path, "SELECT text FROM messages_text") == ["theirs"]


@pytest.mark.parametrize("way", [(migrate.upgrade, "0020"), (migrate.downgrade, "0021")])
def test_a_revision_does_not_hide_that_a_trigger_is_missing(tmp_path, way):
    step, begin = way
    path = tmp_path / "state.db"
    migrate.upgrade(path, begin)
    change(path, "INSERT INTO sessions(id, source, started_at) VALUES ('s', 'cli', 1)")
    change(path, "DROP TRIGGER messages_fts_insert")
    change(path, OTHER_TOOL, "the needle")
    step(path, {"0020": "0021", "0021": "0020"}[begin])
    with SessionRepository(path) as repository:
        with pytest.raises(SearchIndexError, match="what keeps it in step is missing"):
            repository.search_messages("needle")
        repository.reindex()
        assert ids(repository, "needle") == [1]


# --- in a transaction -----------------------------------------------------------------------------


def test_a_transaction_finds_what_it_has_appended_and_takes_it_back(repository, database):
    with pytest.raises(KeyError), repository.transaction() as transaction:
        transaction.append_message("s", "user", "the needle")
        assert ids(transaction, "needle") == [1]
        assert ids(repository, "needle") == []
        raise KeyError
    assert ids(repository, "needle") == []
    change(database, CHECK)


def test_a_search_in_a_transaction_writes_nothing(repository, database):
    repository.append_message("s", "user", "the needle")
    with repository.transaction() as transaction:
        assert ids(transaction, "needle") == [1]
    assert column(database, UPTO) == [0]
    assert ids(repository, "needle") == [1]


def test_a_repository_finds_committed_messages_while_its_own_transaction_is_open(repository):
    repository.append_message("s", "user", "the needle")
    with repository.transaction():
        assert ids(repository, "needle") == [1]


# --- where they cannot be indexed, they are looked at -----------------------------------------------


def test_they_are_found_while_another_program_writes(repository, database):
    for number in range(TOGETHER + 3):
        repository.append_message("s", ("user", "tool")[number % 2], f"needle{number % 3} C++")
    number = TOGETHER + 3
    newest, oldest = list(range(number, 0, -1)), list(range(1, number + 1))
    with another_program_writes(database):
        assert column(database, UPTO) == [TOGETHER]
        for query in ("needle*", "C++", '"needle0 C" OR needle1 OR needle2', "c NOT absent"):
            assert ids(repository, query, sort="newest", limit=None) == newest
            assert ids(repository, query, sort="oldest", limit=None) == oldest
            assert sorted(ids(repository, query, limit=None)) == oldest
            assert ids(repository, query, limit=None)[:3] == newest[:3]
        for sort, order in (("newest", newest), ("oldest", oldest)):
            pages = [ids(repository, "needle*", sort=sort, limit=4, offset=at) for at in range(0, number, 4)]  # fmt: skip
            assert list(chain(*pages)) == order
        assert ids(repository, "needle*", role_filter=["tool"], sort="newest", limit=2) == [34, 32]
        assert ids(repository, "needle0 NOT c", limit=None) == []
        assert column(database, UPTO) == [TOGETHER]


@pytest.mark.parametrize(
    ("options", "is_there"),
    [
        ({"session_id": "s"}, True),
        ({"session_id": "t"}, False),
        ({"exclude_session_id": "s"}, False),
        ({"exclude_session_id": "t"}, True),
        ({"source_filter": ["cli"]}, True),
        ({"exclude_sources": ["cli"]}, False),
        ({"role_filter": ["tool"]}, False),
        ({"since": 0.0}, True),
        ({"until": 1.0}, False),
        ({"include": "all"}, True),
        ({"include": "live"}, True),
        ({"filter": SessionFilter(source="cli")}, True),
        ({"filter": SessionFilter(source="web")}, False),
    ],
)
def test_filters_apply_to_them(repository, database, options, is_there):
    repository.create_session("t", "web")
    repository.append_message("s", "user", "the needle")
    with another_program_writes(database):
        assert bool(ids(repository, "needle", **options)) is is_there
        assert bool(repository.search_page("needle NOT c", **_of_pages(options))["hits"]) is (
            is_there if options == _of_pages(options) else True
        )


def _of_pages(options):
    return {name: each for name, each in options.items() if name in {"include", "filter"}}


def test_those_that_were_taken_back_are_not_found(repository, database):
    first = repository.append_message("s", "user", "the needle")
    repository.rewind("s", first)
    with another_program_writes(database):
        assert ids(repository, "needle") == []
        assert ids(repository, "needle", include="all") == [first]


def test_a_bounded_page_looks_at_them_too(repository, database):
    repository.append_messages("s", [{"role": "user", "content": "C++ word"}] * (TOGETHER + 2))
    with another_program_writes(database):
        page = repository.search_page("C++", sort="newest", limit=3)
    assert [hit["id"] for hit in page["hits"]] == [34, 33, 32]


A_DAY = 3_600_000


def test_a_search_waits_for_another_program_no_longer_where_sqlite_would(database):
    with SessionRepository(database, busy_timeout=A_DAY, lock_timeout=A_DAY) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "the needle")
        with another_program_writes(database):
            assert Caller(lambda: ids(repository, "needle")).finish() == [1]
            Caller(repository.close).finish()


def test_a_search_waits_for_no_company(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
    change(database, AS_THE_STORE, "the needle")
    with SessionRepository(database, batch_wait_ms=60_000) as repository:
        assert Caller(lambda: ids(repository, "needle")).finish() == [1]
        Caller(repository.close).finish()
    assert column(database, UPTO) == [1]


def everything_waits(database):
    """Make a store's whole index forget its messages, as if all of them were new."""
    change(database, "INSERT INTO messages_fts(messages_fts) VALUES ('delete-all')")
    change(database, "UPDATE search_index SET indexed_upto = 0")


@contextmanager
def looking(database):
    """A search that looks at every message, because it cannot write."""
    everything_waits(database)
    with SessionRepository(database, read_only=True) as repository:
        yield repository
    assert column(database, UPTO) == [0]


def test_a_look_finds_of_the_quality_set_what_the_index_finds(sqlite_database):
    assert len(pairs()) > 600
    with store(messages(), sqlite_database) as search:
        expected = {each: search(each) for each in TYPED}
    first = min(column(sqlite_database, "SELECT id FROM messages"))
    with looking(sqlite_database) as repository:
        looked = {
            each: {id_ - first for id_ in ids(repository, each, limit=None)} for each in TYPED
        }
    assert looked == expected


@pytest.mark.parametrize("seed", range(4))
def test_a_look_finds_in_random_texts_what_the_index_finds(sqlite_database, seed):
    random = Random(seed)
    texts = [random_text(random, 12) for _ in range(150)]
    queries = [random_query(random, texts) for _ in range(250)]
    with store(texts, sqlite_database) as search:
        expected = {each: search(each) for each in queries}
    with looking(sqlite_database) as repository:
        looked = {each: {id_ - 1 for id_ in ids(repository, each, limit=None)} for each in queries}
    assert {
        each: (looked[each], expected[each]) for each in queries if looked[each] != expected[each]
    } == {}


@pytest.fixture(scope="module")
def waiting_store(template, tmp_path_factory):
    path = tmp_path_factory.mktemp("waiting") / "state.db"
    path.write_bytes(template.read_bytes())
    with store([text(m, n) for n, m in enumerate(MESSAGES)], path):
        pass
    with looking(path) as repository:
        yield repository


@settings(derandomize=True, database=None, max_examples=100)
@given(query=QUERIES, implicit=st.booleans(), sort=st.sampled_from(["relevance", "newest"]))
def test_a_look_finds_what_the_matcher_finds(waiting_store, query, implicit, sort):
    hits = ids(waiting_store, typed(query, implicit), limit=None, sort=sort)
    assert sorted(hits) == [n + 1 for n, message in enumerate(MESSAGES) if holds(message, query)]
