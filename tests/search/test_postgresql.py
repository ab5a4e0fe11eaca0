"""PostgreSQL's own index: whatever is written is stored and found, also what a vector cannot hold."""

import json

import pytest
from sqlalchemy.event import listen
from stored import change, column

from hermes_store import SessionRepository
from hermes_store.errors import SearchIndexError
from hermes_store.search.postgresql import _FOLD, _is_word
from hermes_store.search.postgresql_statements import Shape, statement

pytestmark = pytest.mark.postgresql
INSERT = """INSERT INTO messages(session_id, role, timestamp, content, content_format, tool_name,
    tool_calls) VALUES ('s', 'user', 0, ?, ?, ?, ?)"""


@pytest.fixture
def database(postgresql_database):
    return postgresql_database


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        yield repository


def is_found(repository, typed):
    return bool(repository.search_messages(typed))


# --- any value ------------------------------------------------------------------------------------

DEEP = "[" * 20_000 + '"needle"' + "]" * 20_000
ODD = [
    "", "words", "Ünïcödé 记忆 🚀 needle", "\ufeff[]", "[", "[1, 2", '"text"', "null", "{}", "[]", "[[]]",
    '{"a": "needle"}', '[{"type": "text", "text": "a\\u0000b \\"q\\" \\\\ \\ud800 needle"}]', DEEP,
    DEEP.replace("[", '{"a":').replace("]", "}"), '[{"name": 5, "arguments": {"a": null}}]',
    '[{"function": "text"}, 7, null, "x"]', '{"function": {"name": "f", "arguments": "{\\"a\\": 1}"}}',
    '["' + "\\\\" * 50 + '"]', '"' * 99, "\\" * 99, 'a " b', '[" \n ", "\t"]', "'", "a'b \\'c:1A",
    json.dumps([{"function": {"name": "f", "arguments": '{"a": "\\ud800 needle"}'}}]),
]  # fmt: skip


@pytest.mark.parametrize("place", ["content", "parts", "tool_name", "tool_calls"])
def test_whatever_another_tool_writes_is_stored_and_found(repository, database, place):
    for value in ODD:
        columns = {
            "content": (value, None, None, None),
            "parts": (value, "json", None, None),
            "tool_name": (None, None, value, None),
            "tool_calls": (None, None, None, value),
        }[place]
        change(database, INSERT, *columns)
    with_needle = sum("needle" in value for value in ODD)
    hits = repository.search_messages("needle", limit=None)
    assert len(hits) == with_needle
    assert all(">>>needle<<<" in hit["snippet"] for hit in hits)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 600_000,
        " ".join(f"w{n}" for n in range(150_000)),
        " ".join(f"记{n}" for n in range(60_000)),
        "x" * 2_000_000,
        "\u0301" * 100_000,
        "x" * 300 + "é" * 300,
    ],
    ids=lambda text: text[:9],
)
def test_what_a_vector_cannot_hold_is_stored_and_its_beginning_is_found(repository, text):
    repository.append_message("s", "user", f"first {text}")
    assert is_found(repository, "first")


def test_phrases_are_found_in_a_message_that_has_lost_places_of_its_words(repository):
    words = [f"w{n}" for n in range(20_000)]
    repository.append_message("s", "user", "red green " + " ".join(words) + " blue yellow")
    repository.append_message(
        "s", "user", "green red " + "word " * 300 + "one two " + "word " * 300
    )
    assert [is_found(repository, f'"{phrase}"') for phrase in (
        "red green", "w15000 w15001", "w19998 w19999", "blue yellow", "green red", "one two",
        "word one two word", "two one", "w19999 w19998", "green blue", "one one",
    )] == [True] * 7 + [False] * 4  # fmt: skip


def test_pages_of_a_phrase_leave_out_a_long_message_that_holds_its_words_apart(repository):
    other_words = " ".join(f"w{n}" for n in range(4_000))  # the long message is the better one
    texts = [f"red green {other_words}", "green word red word " * 300, f"red green {other_words} b"]
    messages = [{"role": "user", "content": text} for text in texts]
    one, _, other = repository.append_messages("s", messages)
    pages = [repository.search_messages('"red green"', limit=1, offset=n) for n in range(3)]
    assert [[hit["id"] for hit in page] for page in pages] == [[one], [other], []]


@pytest.mark.parametrize(
    "typed", ["x" * 600, f"{'x' * 600}*", f"{'x' * 550}*", "é" * 700, "記" * 200]
)
def test_words_and_phrases_longer_than_a_query_can_hold_are_found(repository, typed):
    repository.append_message("s", "user", f"see {typed.removesuffix('*')} there")
    assert is_found(repository, typed)


def test_a_word_of_ascii_is_folded_as_the_server_folds_it(repository):
    typed = ["exception", "getUserName", "V1", "007", "x" * 600, "ABC1def", "i", "I"]

    def folded(connection):
        return _FOLD.run(connection, texts=typed).fetchall()

    assert all(map(_is_word, typed))
    assert repository._store.read(folded) == [(each, each.lower()) for each in typed]


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
@pytest.mark.parametrize(
    ("part", "sorts"), [("walked", False), ("near", True), ("sorted", True), ("whole", True)]
)
def test_what_is_to_be_sorted_cannot_be_planned_as_a_walk_over_all_messages(
    repository, sort, part, sorts
):
    looking = statement(Shape(sort, (), None, is_doubted=False), part)
    given = {"possible": "'word'", "bound": 1_000, "far": 500, "limit": 20}

    def plan(connection):
        sql, _ = looking._compile("postgresql", connection.core.dialect)
        for way in ("sort", "seqscan", "bitmapscan"):
            connection.run(f"SET LOCAL enable_{way} = off")
        return "\n".join(step for (step,) in connection.execute(f"EXPLAIN {sql}", given))

    assert ("Sort" in repository._store.read(plan)) == sorts


@pytest.mark.parametrize(
    ("worth_a_look", "asked"),
    [(50_000, {"sort": "newest"}), (50_000, {"session_id": "s"}), (0, {}), (0, {"sort": "oldest"})],
)
def test_each_look_at_the_index_is_planned_for_its_own_words(
    database, monkeypatch, worth_a_look, asked
):
    monkeypatch.setattr("hermes_store.search.postgresql_looks._WORTH_A_LOOK", worth_a_look)
    with SessionRepository(database, pool_size=1) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle")
        for _ in range(12):
            repository.search_messages("needle", **asked)
        assert not kept(repository, "search @@")
        assert kept(repository, "WITH hit")  # of the page that is shown


def test_in_a_small_store_the_plan_of_a_ranked_search_is_kept(database):
    with SessionRepository(database, pool_size=1) as repository:
        repository.create_session("s", "cli")
        ids = repository.append_messages("s", [{"role": "user", "content": "needle"}] * 3)
        for _ in range(12):
            assert [hit["id"] for hit in repository.search_messages("needle")] == ids[::-1]
        assert kept(repository, "search @@")


def kept(repository, part):
    """Statements with this part that the connection has prepared."""
    sql = "SELECT statement FROM pg_prepared_statements WHERE strpos(statement, %(part)s) > 0"
    return repository._store.read(lambda db: db.execute(sql, {"part": part}).fetchall())


@pytest.mark.parametrize("typed", ["needle", "C++"])
def test_a_hit_that_is_deleted_during_a_transaction_s_search_is_left_out(
    repository, database, typed
):
    gone, kept = repository.append_messages(
        "s", [{"role": "user", "content": "needle C++"} for _ in range(2)]
    )

    def delete_before_it_is_shown(_connection, _cursor, statement, *_):
        if statement.startswith("WITH hit"):
            change(database, "DELETE FROM messages WHERE id = ?", gone)

    listen(repository.engines.write, "before_cursor_execute", delete_before_it_is_shown)
    with repository.transaction() as tx:
        assert [hit["id"] for hit in tx.search_messages(typed)] == [kept]


def test_a_long_word_is_told_from_one_that_begins_like_it(repository):
    repository.append_message("s", "user", "x" * 600 + "y")
    assert not is_found(repository, "x" * 600 + "z")
    assert not is_found(repository, "x" * 600)


# --- degraded -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("ALTER TABLE messages DROP COLUMN search", "search"),
        ("DROP VIEW messages_search", "messages_search"),
        ("DROP INDEX idx_messages_search", "idx_messages_search"),
        ("ALTER FUNCTION hermes_search_fold RENAME TO gone", "hermes_search_fold"),
    ],
)
def test_what_is_missing_is_found_by_check_and_repaired_by_reindex(
    repository, database, damage, named
):
    repository.append_message("s", "user", "before")
    change(database, damage)
    assert any(named in problem for problem in repository.check())
    repository.append_message("s", "user", "after")
    told = []
    repository.reindex(lambda *progress: told.append(progress))
    assert told == [(0, 2), (2, 2)]
    assert repository.check() == []
    assert [is_found(repository, word) for word in ("before", "after")] == [True, True]


@pytest.mark.parametrize(
    "damage",
    [
        "ALTER TABLE messages DROP COLUMN search",
        "DROP VIEW messages_search",
        "DROP FUNCTION hermes_search_fold CASCADE",
    ],
)
def test_search_without_its_index_is_an_error_and_not_an_empty_list(repository, database, damage):
    repository.append_message("s", "user", "words")
    change(database, damage)
    with pytest.raises(SearchIndexError, match="reindex"):
        repository.search_messages("words")
    repository.append_message("s", "user", "more")
    assert repository.message_count("s") == 2


def test_deleted_text_is_not_found_and_its_space_is_used_again(repository, database):
    texts = [" ".join(f"{n}w{m}" for m in range(n, n + 500)) for n in range(100)]
    messages = [{"role": "user", "content": text} for text in texts]
    sizes = []
    for _ in range(3):
        repository.create_session("s", "cli")
        repository.append_messages("s", messages)
        sizes += column(database, "SELECT pg_total_relation_size('messages')")
        repository.delete_session("s")
        repository.optimize()
        assert repository.search_messages("5w7") == []
    assert sizes[2] == sizes[1]


def test_the_view_can_be_read_whole_by_several_processes_of_the_server(repository):
    repository.append_message("s", "user", "words", tool_calls=[{"name": "f", "arguments": "{}"}])
    cheap = ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size")

    def read(connection):
        for setting in cheap:
            connection.core.exec_driver_sql(f"SET LOCAL {setting} = 0")
        seen = "SELECT content, tool_calls, hermes_search_fold(content) FROM messages_search"
        return connection.core.exec_driver_sql(seen).all()

    assert repository._store.read(read) == [("words", "f {}", "words")]
