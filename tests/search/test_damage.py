"""A damaged index costs no message, is never an empty list, is found by check(), and is repaired."""

from contextlib import closing

import pytest
from stored import change, check, column, rows
from support import Caller, only_sqlite

from hermes_store import SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import SearchIndexError, TransactionRolledBackError
from hermes_store.search.ddl import HEAD_DDL, TOGETHER, TRIGGERS

WORDS = [f"word{number}" for number in range(300)]
LEAVES = "UPDATE messages_fts_data SET block = {} WHERE id > 10 AND length(block) > 50"

# What can go wrong, and whether a write or a search meets it.
DAMAGES = {
    "no table": "DROP TABLE messages_fts",
    "no view": "DROP VIEW messages_search",
    "no texts": "DROP VIEW messages_text",
    "no data": "DROP TABLE messages_fts_data",
    "no docsize": "DROP TABLE messages_fts_docsize",
    "no idx": "DROP TABLE messages_fts_idx",
    "no config": "DROP TABLE messages_fts_config",
    "no state": "DROP TABLE search_index",
    "empty state": "DELETE FROM search_index",
    **{f"no trigger {name}": f"DROP TRIGGER {name}" for name in TRIGGERS},
    "empty data": "DELETE FROM messages_fts_data",
    "no structure": "DELETE FROM messages_fts_data WHERE id = 10",
    "garbage structure": "UPDATE messages_fts_data SET block = x'00000001ffff' WHERE id = 10",
    "no leaves": "DELETE FROM messages_fts_data WHERE id > 10",
    "empty leaves": LEAVES.format("x''"),
    "short leaves": LEAVES.format("substr(block, 1, 20)"),
    "garbage leaves": LEAVES.format("CAST(replace(hex(block), '0', 'F') AS BLOB)"),
    "another view": "DROP VIEW messages_search; CREATE VIEW messages_search AS SELECT id, content,"
    " tool_name, upper(tool_calls) AS tool_calls FROM messages",
    "a view that cannot be read": "DROP VIEW messages_search; CREATE VIEW messages_search AS"
    " SELECT id, content, tool_name, json_extract('{', '$') AS tool_calls FROM messages",
    "another table": "DROP TABLE messages_fts; CREATE TABLE messages_fts(rowid INTEGER, content,"
    " tool_name, tool_calls, messages_fts)",
    "other columns": "DROP TABLE messages_fts; CREATE VIRTUAL TABLE messages_fts USING fts5(content)",
}

_PIECES_MERGED = 16
"""So many pieces, one of each COMMIT, FTS5 merges into one: https://sqlite.org/fts5.html, crisismerge."""

# FTS5 takes such leaves for words that come later, and finds nothing.
UNNOTICED = LEAVES.format("zeroblob(length(block))")

pytestmark = pytest.mark.usefixtures("in_succession")


@pytest.fixture
def database(sqlite_database):
    """PostgreSQL keeps its index in step by itself; what can be damaged there is tested there."""
    return sqlite_database


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.create_session("t", "cli")
        for session_id in ("s", "t"):
            repository.append_message(session_id, "user", f"before {' '.join(WORDS)}")
        repository.append_message("t", "assistant", "記憶", tool_calls=[{"name": "grep"}])
        repository.search_messages("before")  # which puts into the index what waits
        repository.create_session("others", "cli")
        filler = {"role": "user", "content": "the index takes them together with the next ones"}
        repository.append_messages("others", [filler] * (TOGETHER - 3))
        yield repository


def damage(database, name):
    with closing(sqlite_driver().connect(database)) as connection:
        connection.executescript(DAMAGES[name])


def is_right_or_an_error(repository, typed, number):
    try:
        hits = repository.search_messages(typed, limit=None)
    except SearchIndexError:
        return
    assert len(hits) == number


@pytest.mark.parametrize("name", DAMAGES)
def test_no_write_is_lost_and_no_search_answers_wrong_and_reindex_repairs_it(
    repository, database, name
):
    damage(database, name)
    is_right_or_an_error(repository, "before", 2)
    repository.append_message("s", "user", "after", tool_name="ls")
    repository.append_messages("s", [{"role": "user", "content": "after"}] * 2)
    with repository.transaction() as transaction:
        transaction.append_message("s", "user", "after")
        is_right_or_an_error(transaction, "after", 4)
    repository.clear_messages("t")
    repository.append_message("t", "user", "after")
    repository.delete_session("t")
    assert [m["content"] for m in repository.get_messages("s")][1:] == ["after"] * 4
    is_right_or_an_error(repository, "after", 4)
    is_right_or_an_error(repository, "before", 1)
    assert repository.check() != []
    repository.reindex()
    assert len(repository.search_messages("before", limit=None)) == 1
    assert len(repository.search_messages("after", limit=None)) == 4
    assert repository.check() == []
    check(database)


@pytest.mark.parametrize("name", DAMAGES)
def test_a_file_with_the_damage_can_be_opened_written_and_repaired(database, name):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", f"before {' '.join(WORDS)}")
    damage(database, name)
    with SessionRepository(database) as repository:
        is_right_or_an_error(repository, "before", 1)
        repository.append_message("s", "user", "after")
        assert repository.message_count("s") == 2
    with SessionRepository(database) as repository:
        assert repository.check() != []
        repository.reindex()
        assert repository.check() == []
        assert len(repository.search_messages("before OR after")) == 2


def test_what_search_cannot_notice_is_found_by_check(repository, database):
    change(database, UNNOTICED)
    assert any("does not agree" in problem for problem in repository.check())
    repository.reindex()
    assert repository.check() == []


def test_the_damage_is_recorded(repository, database):
    change(database, "DROP TABLE messages_fts_docsize")
    repository.append_messages("s", [{"role": "user", "content": "after"}] * TOGETHER)
    ((state, detail),) = rows(database, "SELECT state, detail FROM search_index")
    assert state == "damaged"
    assert "messages_fts_docsize" in detail
    with pytest.raises(SearchIndexError, match="messages_fts_docsize") as raised:
        repository.search_messages("after")
    assert (raised.value.state, raised.value.detail) == ("damaged", detail)


def test_every_thread_that_writes_while_it_breaks_is_told_the_truth(repository, database):
    change(database, "DROP TABLE messages_fts_docsize")
    ids = [
        caller.finish()
        for caller in [
            Caller(lambda n=n: repository.append_message("s", "user", f"thread {n}"))
            for n in range(8)
        ]
    ]
    stored = column(database, "SELECT id FROM messages WHERE content LIKE 'thread%'")
    assert sorted(ids) == sorted(stored)
    assert column(database, "SELECT state FROM search_index") == ["damaged"]


@pytest.mark.parametrize("name", DAMAGES)
def test_a_transaction_of_the_callers_own_succeeds_at_the_latest_when_it_is_run_again(
    repository, database, name
):
    damage(database, name)

    def store():
        with repository.transaction() as transaction:
            transaction.append_message("s", "user", "after")
            transaction.clear_messages("t")

    try:
        store()
    except TransactionRolledBackError as exc:
        assert "run all of it again" in str(exc)  # noqa: PT017 - not every damage ends it
        store()
    assert [repository.message_count(session_id) for session_id in "st"] == [2, 0]
    repository.reindex()
    assert len(repository.search_messages("before OR after")) == 2


@pytest.mark.parametrize("name", DAMAGES)
def test_a_transaction_that_searches_succeeds_at_the_latest_when_it_is_run_again(
    repository, database, name
):
    repository.append_message("s", "user", "before")  # brings the others in: nothing waits
    repository.append_message("s", "user", "before")
    damage(database, name)

    def name_it():
        with repository.transaction() as transaction:
            is_right_or_an_error(transaction, "before", 4)
            transaction.set_session_title("s", "kept")
            is_right_or_an_error(transaction, "before", 4)

    try:
        name_it()
    except TransactionRolledBackError as exc:
        assert "run all of it again" in str(exc)  # noqa: PT017 - newer versions of SQLite end it
        name_it()
    assert repository.get_session("s")["title"] == "kept"


BROKEN_TRIGGERS = {
    "refuses": "SELECT RAISE(ABORT, 'refused')",
    "ends the transaction": "SELECT RAISE(ROLLBACK, 'refused')",
    "needs what is gone": "INSERT INTO refused VALUES (1)",
}


@pytest.mark.parametrize("why", BROKEN_TRIGGERS)
def test_a_write_that_fails_for_another_reason_does_not_set_the_index_aside(
    repository, database, why
):
    action = BROKEN_TRIGGERS[why]
    change(
        database,
        f"CREATE TRIGGER broken BEFORE INSERT ON messages WHEN new.content = 'x' BEGIN {action}; END",
    )
    schema = "SELECT sql FROM sqlite_master WHERE name <> 'broken'"
    before = column(database, schema)
    with pytest.raises(Exception, match="refused"):
        repository.append_message("s", "user", "x")
    with pytest.raises(Exception, match="refused"), repository.transaction() as transaction:
        transaction.append_message("s", "user", "x")
    assert column(database, schema) == before
    change(database, "DROP TRIGGER broken")
    repository.append_message("s", "user", "before")
    assert len(repository.search_messages("before")) == 3
    assert repository.check() == []


# --- check() --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read",
    [SessionRepository.check, lambda repository: repository.search_messages("before")],
    ids=["checked", "searched"],
)
def test_an_index_that_was_merged_since_this_connection_read_it_is_sound(repository, read):
    read(repository)
    for _ in range(2 * _PIECES_MERGED):
        repository.append_message("s", "user", "before")
        repository.search_messages("before")
    assert repository.check() == []


def behind_the_triggers(database, statement):
    """Change a table as a tool would that dropped the triggers and made them again."""
    with closing(sqlite_driver().connect(database)) as connection:
        for name in TRIGGERS:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        for sql in TRIGGERS.values():
            connection.execute(sql)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE messages SET content = 'other' WHERE id = 1", "does not agree"),
        ("UPDATE messages SET tool_calls = NULL WHERE id = 3", "does not agree"),
        ("DELETE FROM messages WHERE id = 1", "does not agree"),
        ("DELETE FROM messages_fts_docsize WHERE id IN (1, 2)", "2 messages are not in it"),
    ],
)
def test_an_index_that_is_stale_is_found(repository, database, statement, problem):
    behind_the_triggers(database, statement)
    change(database, "UPDATE sessions SET message_count ="
           " (SELECT count(*) FROM messages WHERE session_id = sessions.id)")  # fmt: skip
    assert any(problem in found for found in repository.check())
    repository.reindex()
    assert repository.check() == []


def test_entries_of_messages_that_are_gone_are_an_error_of_search(repository, database):
    behind_the_triggers(database, "DELETE FROM messages WHERE id = 1")
    with pytest.raises(SearchIndexError, match="do not exist"):
        repository.search_messages("before")


@pytest.mark.parametrize("name", [name for name in HEAD_DDL if name != "search_index"])
def test_an_object_that_is_missing_is_named(repository, database, name):
    kind = "TRIGGER" if name in TRIGGERS else "TABLE" if name == "messages_fts" else "VIEW"
    change(database, f"DROP {kind} {name}")
    assert any(name in problem for problem in repository.check())


@only_sqlite
def test_ctrl_c_inside_a_function_that_sqlite_calls_is_ctrl_c_and_no_damage(
    repository, monkeypatch
):
    repository.create_session("s", "test")
    repository.append_message("s", "user", "C# and C++")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("hermes_store.search.sqlite_symbols.matches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            repository.search_messages("C#")
    assert len(repository.search_messages("C#")) == 1
    assert repository.check() == []
