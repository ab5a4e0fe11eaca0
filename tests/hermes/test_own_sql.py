"""Hermes' own SQL on `_conn` of a file: what it writes is in the store, and counters follow."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB
from hermes_store.database.sqlite_engines import sqlite_driver


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionDB]:
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    db = SessionDB(db_path=tmp_path / "state.db")
    yield db
    db.close()


@pytest.fixture
def store(db: SessionDB) -> Iterator[SessionRepository]:
    """The same store, beside the adapter."""
    with SessionRepository(db.db_path) as repository:
        yield repository


NEW = "INSERT INTO sessions (id, source, model, system_prompt, started_at) VALUES (?, ?, ?, ?, ?)"


def made_if_new(db: SessionDB, session_id: str, title: str | None = None) -> dict[str, Any] | None:
    """As the program's API server makes a session."""

    def write(conn: Any) -> dict[str, Any] | None:
        if conn.execute("SELECT id FROM sessions WHERE id = ?", (session_id,)).fetchone():
            return None
        conn.execute(NEW, (session_id, "api_server", "model", "prompt", 100.0))
        if title is not None:
            conn.execute("UPDATE sessions SET title = ? WHERE id = ?", (title, session_id))
        return dict(conn.execute("SELECT * FROM sessions WHERE id = ?", (session_id,)).fetchone())

    return db._execute_write(write)


def test_a_session_that_sql_inserts_is_one_of_the_store(db: SessionDB, store: SessionRepository):
    row = made_if_new(db, "s", "A title")
    assert row is not None
    assert (row["source"], row["title"], row["message_count"]) == ("api_server", "A title", 0)
    db.append_message("s", "user", "hello")
    kept = store.get_session("s")
    assert kept is not None
    assert (kept["model"], kept["system_prompt"], kept["started_at"]) == ("model", "prompt", 100.0)
    assert kept["message_count"] == 1
    assert store.check() == []


def test_columns_of_hermes_alone_come_with_an_inserted_session(db: SessionDB):
    db._conn.execute(
        "INSERT INTO sessions (id, source, started_at, session_key, chat_id, archived, model_config) "
        "VALUES ('s', 'telegram', 5, 'key', '7', 1, ?)",
        (json.dumps({"temperature": 0}),),
    )
    row = db._conn.execute("SELECT * FROM sessions").fetchone()
    assert (row["session_key"], row["chat_id"], row["archived"]) == ("key", "7", 1)
    assert json.loads(row["model_config"]) == {"temperature": 0}


def test_an_inserted_session_overwrites_none(db: SessionDB, store: SessionRepository):
    made_if_new(db, "s", "first")
    assert made_if_new(db, "s", "second") is None
    with pytest.raises(sqlite_driver().OperationalError):
        db._conn.execute(NEW, ("s", "cli", None, None, 1.0))
    kept = store.get_session("s")
    assert kept is not None
    assert (kept["title"], kept["source"]) == ("first", "api_server")


def test_of_many_threads_that_make_one_session_one_does(db: SessionDB):
    made: list[bool] = []
    threads = [
        threading.Thread(target=lambda: made.append(made_if_new(db, "s") is not None))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 7 + [True]


def test_a_session_without_messages_is_deleted_by_sql(db: SessionDB, store: SessionRepository):
    made_if_new(db, "s")
    db._conn.execute("DELETE FROM sessions WHERE id = ?", ("s",))
    assert store.get_session("s") is None


def test_a_session_with_messages_is_not_deleted_by_sql(db: SessionDB, store: SessionRepository):
    made_if_new(db, "s")
    db.append_message("s", "user", "hello")
    with pytest.raises(sqlite_driver().OperationalError):
        db._conn.execute("DELETE FROM sessions WHERE id = ?", ("s",))
    assert len(store.get_messages("s")) == 1


def test_a_message_that_sql_deletes_leaves_the_counters(db: SessionDB, store: SessionRepository):
    made_if_new(db, "s")
    first = db.append_message("s", "user", "hello")
    db.append_message("s", "user", "more")
    db._conn.execute("DELETE FROM messages WHERE id = ?", (first,))
    kept = store.get_session("s")
    assert kept is not None
    assert kept["message_count"] == 1
    assert store.check() == []


def test_a_message_that_sql_changes_is_found_by_its_new_text(
    db: SessionDB, store: SessionRepository
):
    made_if_new(db, "s")
    id_ = db.append_message("s", "user", "hello")
    db._conn.execute("UPDATE messages SET content = 'otherwise' WHERE id = ?", (id_,))
    assert [hit["id"] for hit in store.search_messages("otherwise")] == [id_]
    assert store.search_messages("hello") == []


GREATEST = 2**63 - 1


@pytest.mark.parametrize("stored", [GREATEST, 2**62 + 1, 2**53])
def test_usage_whose_sum_no_column_holds_is_told_as_the_greatest_number(
    db: SessionDB, store: SessionRepository, stored: int
):
    db.update_token_counts("s", input_tokens=5, output_tokens=2, model="m", api_call_count=1)
    with closing(sqlite_driver().connect(db.db_path)) as other:
        other.execute("UPDATE usage SET hour = hour - 1, input_tokens = ?, calls = ?", [stored] * 2)
        other.execute("UPDATE sessions SET api_call_count = ?", [stored])
        other.commit()
    db.update_token_counts("s", input_tokens=GREATEST, model="m", api_call_count=1)
    columns = "input_tokens, output_tokens, api_call_count"
    [row] = db._conn.execute(f"SELECT {columns} FROM session_model_usage")
    assert tuple(row) == (min(stored + 2**53, GREATEST), 2, min(stored + 1, GREATEST))
    assert store.get_session("s")["api_call_count"] == stored
