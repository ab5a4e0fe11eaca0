"""Untidy files come along; what a server cannot hold is made to fit, counted and told."""

import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
import stores
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.copy import copy
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import CopyError

LEGACY = sorted(path.stem for path in stores.GOLDEN.glob("*.sql"))
REMARKS = {
    "orphans": {
        "sessions without an id, left out": 1,
        "sessions that only messages named, made": 1,
    },
    "extra_columns": {
        "values of sessions.cwd_of_others, left out": 3,
        "values of messages.starred, left out": 5,
    },
}


@pytest.fixture
def source(sqlite_database: Path) -> Path:
    """A store that its test fills with what the repository would not write."""
    return sqlite_database


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite_driver().connect(path)) as connection:
        connection.execute(statement, values)
        connection.commit()


def add_session(path: Path, session_id: object, title: object = None) -> None:
    statement = "INSERT INTO sessions (id, source, started_at, title) VALUES (?, 'cli', 1.0, ?)"
    change(path, statement, session_id, title)


def add_message(path: Path, session_id: object, content: object, timestamp: object = 1.0) -> None:
    change(
        path,
        "INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, 'user', ?, ?)",
        session_id,
        content,
        timestamp,
    )


@pytest.mark.postgresql
@pytest.mark.parametrize("name", LEGACY)
def test_a_file_of_the_original_comes_along_and_comes_back(name, postgresql_database, tmp_path):
    source, back = stores.untidy(name, tmp_path), tmp_path / "back.db"
    there = copy(source, postgresql_database)
    assert there.remarks == REMARKS.get(name, {})
    assert copy(postgresql_database, back) == there._replace(remarks={})
    if name != "orphans":
        assert stores.content(back) == stores.content(source)


def test_messages_of_a_missing_session_get_one(target, tmp_path):
    copy(stores.untidy("orphans", tmp_path), target)
    with SessionRepository(target) as repository:
        made = repository.get_session("nobody")
        assert (made["source"], made["message_count"]) == ("unknown", 1)
        assert made["started_at"] == made["last_active"] == 1767500002.0
        assert repository.get_messages("nobody")[0]["content"] == "orphaned needle"
        assert repository.get_session("child-of-nobody")["parent_session_id"] == "nobody"
        assert repository.check() == []


@pytest.mark.parametrize("odd", ["x'61'", "CAST(x'61ff' AS TEXT)", "'a' || char(0) || 'z'"])
def test_a_copy_and_its_copy_have_one_digest_however_keys_are_ordered(
    source, target, tmp_path, odd
):
    add_session(source, "b")
    add_session(source, "a\ufffe")
    insert = "INSERT INTO sessions (id, source, started_at) VALUES"
    change(source, f"{insert} ({odd}, 'cli', 1.0)")
    change(source, f"INSERT INTO meta (key, value) VALUES ('b', '1'), ({odd}, '1')")
    there = copy(source, target)
    assert copy(target, tmp_path / "back.db").digest == there.digest
    assert copy(source, target).digest == there.digest
    change(source, "UPDATE meta SET value = '2' WHERE key = 'b'")
    assert copy(source, target).digest != there.digest


def test_a_parent_that_is_nowhere_is_taken_away(source, target):
    add_session(source, "child")
    change(source, "UPDATE sessions SET parent_session_id = 'nowhere'")
    assert copy(source, target).remarks == {"parents that do not exist, taken away": 1}


@pytest.mark.parametrize(
    ("statement", "column", "expected"),
    [
        ("UPDATE messages SET token_count = 'many'", "messages.token_count", None),
        ("UPDATE messages SET token_count = 2.5", "messages.token_count", 2),
        ("UPDATE messages SET token_count = 1e300", "messages.token_count", None),
        ("UPDATE messages SET timestamp = 'yesterday'", "messages.timestamp", 0.0),
        ("UPDATE messages SET content = x'6f6c64'", "messages.content", "old"),
        ("UPDATE messages SET content = CAST(x'80' AS TEXT)", "messages.content", "\ufffd"),
        ("UPDATE messages SET role = CAST(x'edb2a9' AS TEXT)", "messages.role", "\ufffd" * 3),
        ("UPDATE sessions SET title = x'61'", "sessions.title", "a"),
        ("UPDATE sessions SET model_config = x'5b5d'", "sessions.model_config", []),
        ("UPDATE sessions SET ended_at = x'00'", "sessions.ended_at", None),
    ],
)
def test_a_value_of_another_type_is_made_to_fit(source, target, statement, column, expected):
    add_session(source, "s")
    add_message(source, "s", "text")
    change(source, statement)
    assert copy(source, target).remarks == {f"values of {column}, made to fit": 1}
    [session] = stores.content(target)
    table, _, name = column.partition(".")
    assert (session if table == "sessions" else session["messages"][0])[name] == expected


def test_values_that_only_look_odd_stay(source, target):
    add_session(source, "s")
    add_message(source, "s", "text", timestamp=9e999)
    change(source, "UPDATE messages SET id = -5, token_count = -9223372036854775808")
    assert copy(source, target).remarks == {}
    with SessionRepository(target) as repository:
        [message] = repository.get_messages("s")
    assert (message["id"], message["token_count"]) == (-5, -(2**63))
    assert message["timestamp"] == float("inf")


def test_nul_characters_stay_where_the_database_has_them(source, target):
    add_session(source, "s\0id", "a\0title")
    add_message(source, "s\0id", "a\0b")
    add_session(source, "s")  # between the two on one database, before them on the other
    remarks = copy(source, target).remarks
    ids = {session["id"]: session["messages"] for session in stores.content(target)}
    if isinstance(target, URL):
        assert remarks == {
            f"values of {column}, made to fit": 1
            for column in (
                "sessions.id",
                "sessions.title",
                "messages.session_id",
                "messages.content",
            )
        }
        assert ids["s\ufffdid"][0]["content"] == "a\ufffdb"
    else:
        assert remarks == {}
        assert ids["s\0id"][0]["content"] == "a\0b"
    assert copy(source, target).remarks == remarks


def test_ids_that_are_no_text_are_made_to_fit_and_keep_their_messages(source, target):
    add_session(source, b"blob")
    add_message(source, b"blob", "text")
    assert copy(source, target)[:2] == (1, 1)
    [session] = stores.content(target)
    assert (session["id"], session["messages"][0]["content"]) == ("blob", "text")
    assert copy(source, target)[:2] == (1, 1)


def test_two_sessions_that_would_become_one_are_an_error(source, target):
    add_session(source, b"same", "one")
    add_session(source, "same", "two")
    with pytest.raises(CopyError, match=r"sessions: in the target two rows .* same; give one"):
        copy(source, target)


@pytest.mark.postgresql
def test_keys_of_meta_that_would_become_one_are_an_error(source, postgresql_database):
    for key in ("a\0", "a\ufffd"):
        change(source, "INSERT INTO meta (key, value) VALUES (?, '1')", key)
    with pytest.raises(CopyError, match=r"meta: in the target two rows .* a.; give one"):
        copy(source, postgresql_database)


@pytest.mark.postgresql
def test_what_the_server_refuses_is_an_error_with_its_reason_and_no_text_of_the_row(
    source, postgresql_database
):
    import random

    letters = random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9_000)
    add_session(source, "".join(letters))
    with pytest.raises(CopyError, match=r"\(index row requires .* is 8191\); change it"):
        copy(source, postgresql_database)


def test_memory_holds_a_batch_whatever_the_size(source, target):
    add_session(source, "s")
    messages = [{"role": "user", "content": "x" * 50_000}] * 20
    with SessionRepository(source) as repository:
        for _ in range(20):
            repository.append_messages("s", messages)
    tracemalloc.start()
    try:
        assert copy(source, target).messages == 400
        assert tracemalloc.get_traced_memory()[1] < 12_000_000  # of 20 million characters
    finally:
        tracemalloc.stop()
