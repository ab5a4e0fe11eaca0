"""Files of Hermes Agent as they are in the field: nothing is lost without a word."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import postgres_server
import prepared
import pytest
from hermes_schema import HermesDatabase

from hermes_store import SessionRepository, migrate
from hermes_store.errors import (
    DamagedFileError,
    ForeignDatabaseError,
    InvalidArgumentError,
    StoreUnavailableError,
)
from hermes_store.transfer.importers.hermes import import_hermes_file

PAGE = 4096
IMPORT = """
import sys
from hermes_store.transfer.importers.hermes import import_hermes_file
import_hermes_file(sys.argv[1], sys.argv[2], progress=lambda *step: print(*step, flush=True))
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def target(request, tmp_path):
    if request.param == "sqlite":
        yield tmp_path / "new.db"
    else:
        with postgres_server.store() as url:
            yield url


@pytest.fixture
def old(tmp_path):
    old = HermesDatabase(tmp_path / "old.db", 22)
    old.insert("sessions", id="s", source="cli", started_at=1.0, title="Title")
    return old


def say(old: HermesDatabase, content: object, **more: object) -> None:
    row = {"session_id": "s", "role": "user", "timestamp": 2.0, "content": content, **more}
    old.insert("messages", **row)


def test_tables_without_a_rowid_come_along(old, target):
    say(old, "Hello!")
    say(old, "Goodbye!")
    for table, key in (("sessions", "id"), ("messages", "id"), ("state_meta", "key")):
        columns = ", ".join(old.tables[table]).replace(" AUTOINCREMENT", "")
        old.run(f"ALTER TABLE {table} RENAME TO old_{table}")
        old.run(f"CREATE TABLE {table} ({columns}) WITHOUT ROWID")
        old.run(f"INSERT INTO {table} SELECT * FROM old_{table} ORDER BY {key}")
        old.run(f"DROP TABLE old_{table}")
    old.run("INSERT INTO state_meta VALUES ('k', 'v')")
    before = old.path.read_bytes()
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    assert old.path.read_bytes() == before
    with SessionRepository(target) as repository:
        assert repository.get_session("s")["title"] == "Title"
        assert [m["content"] for m in repository.get_messages("s")] == ["Hello!", "Goodbye!"]
        assert repository.meta.get("k") == "v"


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
def test_a_message_under_the_least_or_the_greatest_number_comes_along(old, target, number):
    say(old, "Hello!", id=number)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    with SessionRepository(target) as repository:
        assert [m["content"] for m in repository.get_messages("s")] == ["Hello!"]


@pytest.mark.parametrize("name", ["rowid", "oid", "_ROWID_"])
def test_a_column_with_a_name_of_the_rowid_hides_no_row(old, target, name):
    old.run(f"ALTER TABLE messages ADD COLUMN {name} TEXT")
    say(old, "Hello!")
    say(old, "Goodbye!")
    old.run(f"UPDATE messages SET {name} = 'same'")
    assert import_hermes_file(old.path, target).left_out == []
    with SessionRepository(target) as repository:
        assert [m["content"] for m in repository.get_messages("s")] == ["Hello!", "Goodbye!"]


def test_equal_titles_are_numbered_and_said(old, target):
    old.insert("sessions", id="t", source="cli", started_at=2.0, title="Title")
    account = import_hermes_file(old.path, target)
    assert account.altered == ["session t: its title is 'Title #2' now"]
    assert account.left_out == []


def test_a_parent_that_is_nowhere_is_kept_by_name_and_said(old, target):
    old.insert("sessions", id="c", source="cli", started_at=2.0, parent_session_id="gone")
    account = import_hermes_file(old.path, target)
    assert account.altered == ["session c: its parent is nowhere, so it has none"]
    with SessionRepository(target) as repository:
        child = repository.get_session("c")
        assert child["parent_session_id"] is None
        assert child["extra"] == {"parent_session_id": "gone"}


def test_messages_of_no_session_get_one(old, target):
    say(old, "lost", session_id="nowhere", timestamp=7.0)
    account = import_hermes_file(old.path, target)
    assert account.altered == ["session nowhere: made: only messages named it"]
    with SessionRepository(target) as repository:
        assert repository.get_session("nowhere")["started_at"] == 7.0
        assert [m["content"] for m in repository.get_messages("nowhere")] == ["lost"]


def test_values_of_a_wrong_type_are_put_right_and_said(old, target):
    say(old, b"bytes \xff", role="user", timestamp="3.5", token_count="12")
    say(old, 42, timestamp="yesterday", platform_message_id="p")
    say(old, "again", platform_message_id="p")
    old.run("UPDATE sessions SET message_count = 'many', input_tokens = 1e30")
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    assert {line.split(":")[0] for line in account.altered} == {
        "message 1",
        "message 2",
        "message 3",
        "session s",
    }
    with SessionRepository(target) as repository:
        first, second, third = repository.get_messages("s")
        assert (first["content"], first["timestamp"]) == ("bytes \N{REPLACEMENT CHARACTER}", 3.5)
        assert first["token_count"] == 12
        assert (second["content"], second["timestamp"]) == ("42", 3.5)
        assert (second["external_id"], third["external_id"]) == ("p", None)
        assert third["extra"] == {"platform_message_id": "p"}
        assert repository.get_session("s")["message_count"] == 3
        assert repository.check() == []


def test_platform_ids_that_no_message_can_have_are_kept_aside(old, target):
    for odd in ("a\0b", "x" * 501):
        say(old, "hi", platform_message_id=odd)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    assert all("it is too long or holds a NUL" in line for line in account.altered)
    with SessionRepository(target) as repository:
        found = [(m["external_id"], m["extra"]) for m in repository.get_messages("s")]
    assert found == [
        (None, {"platform_message_id": "a\0b"}),
        (None, {"platform_message_id": "x" * 501}),
    ]


def test_tables_that_nobody_foresaw_are_kept_row_by_row(old, target):
    old.run("CREATE TABLE telegram_topics (chat TEXT, topic INTEGER, icon BLOB)")
    old.run("INSERT INTO telegram_topics VALUES ('42', 7, x'ff00')")
    account = import_hermes_file(old.path, target)
    [line] = [each for each in account.tables if each.table == "telegram_topics"]
    assert (line.rows, line.now) == (1, 1)
    with SessionRepository(target) as repository, repository.transaction() as tx:
        [stored] = tx.connection.exec_driver_sql(
            "SELECT value FROM meta WHERE key = 'hermes.telegram_topics/1'"
        ).scalars()
    assert stored == '{"chat": "42", "topic": 7, "icon": {"base64": "/wA="}}'


def test_missing_columns_and_a_broken_full_text_index_are_no_hindrance(tmp_path, target):
    path = tmp_path / "half.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE schema_version (version INTEGER);"
            "CREATE TABLE sessions (id TEXT PRIMARY KEY);"
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT);"
            "CREATE VIRTUAL TABLE messages_fts USING fts5(content);"
            "INSERT INTO sessions VALUES ('s'), (NULL);"
            "INSERT INTO messages (session_id, role) VALUES ('s', 'user'), ('s', NULL);"
            "PRAGMA writable_schema=ON;"
            "DELETE FROM sqlite_master WHERE name = 'messages_fts_data';"
        )
    account = import_hermes_file(path, target)
    assert account.left_out == []
    with SessionRepository(target) as repository:
        assert [m["role"] for m in repository.get_messages("s")] == ["user", "unknown"]
        assert repository.session_count() == 2


def test_an_agent_that_goes_on_writing_is_not_in_the_way(old, target):
    say(old, "before")
    with closing(sqlite3.connect(old.path, isolation_level=None)) as agent:
        agent.execute("BEGIN IMMEDIATE")
        agent.execute("INSERT INTO messages (session_id, role, timestamp) VALUES ('s', 'user', 3)")
        account = import_hermes_file(old.path, target)
        agent.execute("COMMIT")
    assert {each.table: each.now for each in account.tables}["messages"] == 1


@pytest.mark.parametrize("where", [0.3, 0.6])
def test_of_a_damaged_file_every_row_that_can_be_read_comes_along(old, target, where):
    with closing(sqlite3.connect(old.path)) as connection:
        connection.executemany(
            "INSERT INTO messages (session_id, role, timestamp, content) VALUES ('s', 'user', 2, ?)",
            [(f"number {number} " + "x" * 300,) for number in range(2_000)],
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(old.path.read_bytes())
    page = int(len(data) // PAGE * where) * PAGE
    data[page : page + PAGE] = b"\xa5" * PAGE
    old.path.write_bytes(data)
    account = import_hermes_file(old.path, target)
    assert [line for line in account.left_out if line.startswith("messages: row")]
    with SessionRepository(target) as repository:
        stored = repository.get_messages("s")
        assert 1_900 < len(stored) < 2_000
        assert all(m["content"].startswith(f"number {m['id'] - 1} ") for m in stored)
        assert repository.check() == []


def test_a_file_that_was_cut_off_is_read_up_to_there(old, target):
    with closing(sqlite3.connect(old.path)) as connection:
        connection.executemany(
            "INSERT INTO messages (session_id, role, timestamp, content) VALUES ('s', 'user', 2, ?)",
            [("x" * 1_000,) for _ in range(200)],
        )
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = old.path.read_bytes()
    old.path.write_bytes(whole[: len(whole) - 20 * PAGE])
    account = import_hermes_file(old.path, target)
    [damaged] = account.left_out
    assert damaged.startswith("messages: rows from")
    with SessionRepository(target) as repository:
        assert 100 < repository.message_count("s") < 200
        assert repository.check() == []


def test_killed_at_any_moment_it_goes_on_and_ends_whole(old, target):
    for number in range(40):
        old.insert("sessions", id=f"n{number}", source="cli", started_at=5.0 + number)
    with closing(sqlite3.connect(old.path)) as connection:
        connection.executemany(
            "INSERT INTO messages (session_id, role, timestamp, content) VALUES (?, 'user', 2, ?)",
            [("s", f"text {n}") for n in range(3_000)]
            + [(f"n{n % 40}", f"short {n}") for n in range(2_000)],
        )
        connection.commit()
    address = target if isinstance(target, Path) else target.render_as_string(hide_password=False)
    migrate.upgrade(target)
    for lines in (2, 5, 9):
        command = [sys.executable, "-c", IMPORT, str(old.path), str(address)]
        with prepared.Popen(command, stdout=subprocess.PIPE) as process:
            for _ in range(lines):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    lines = {each.table: (each.rows, each.now) for each in account.tables}
    assert lines == {"sessions": (41, 41), "messages": (5_000, 5_000)}
    with SessionRepository(target) as repository:
        assert [m["content"] for m in repository.get_messages("s")] == [
            f"text {n}" for n in range(3_000)
        ]
        assert repository.check() == []


def test_ids_that_are_none_or_alike_become_ids_and_lose_no_message(tmp_path, target):
    path = tmp_path / "odd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE sessions (id, source, started_at);"
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id, role, content, timestamp);"
            "INSERT INTO sessions VALUES (NULL,'a',1),('','b',1),(1,'c',1),('1','d',1),('n'||char(0),'e',1);"
            "INSERT INTO messages (session_id, role, content, timestamp) VALUES"
            " (NULL,'user','of none',2),('','user','of empty',2),(1,'user','of 1',2),"
            " ('1','user','of text 1',2),('n'||char(0),'user','of nul',2),(x'ff','user','made',2);"
        )
    account = import_hermes_file(path, target)
    assert account.left_out == []
    lines = {each.table: (each.rows, each.now) for each in account.tables}
    assert lines == {"sessions": (5, 6), "messages": (6, 6)}
    with SessionRepository(target) as repository:
        said = {s["id"]: [m["content"] for m in s["messages"]] for s in repository.export_all()}
    assert sorted(map(sorted, said.values())) == [
        [],
        ["made"],
        ["of 1"],
        ["of empty", "of none"],
        ["of nul"],
        ["of text 1"],
    ]
    assert said["1"] == ["of text 1"]
    assert import_hermes_file(path, target).tables == account.tables


def test_odd_rows_beside_the_conversations_stop_nothing(old, target):
    old.run("INSERT INTO state_meta VALUES ('blob', x'ff'), (x'fe', 'v')")
    old.insert("session_model_usage", session_id="s", model="m", last_seen=1e300, input_tokens=-5)
    old.insert("session_model_usage", session_id="s", model="x" * 9_000, last_seen=7200.0)
    account = import_hermes_file(old.path, target)
    assert account.left_out == []
    lines = {each.table: (each.rows, each.now) for each in account.tables}
    assert (lines["session_model_usage"], lines["state_meta"]) == ((2, 2), (2, 2))
    with SessionRepository(target) as repository:
        assert repository.meta.get("blob") == {"base64": "/w=="}
        assert repository.check() == []


def test_what_is_no_file_of_hermes_is_refused_by_name(tmp_path, sqlite_database):
    other, text = tmp_path / "other.db", tmp_path / "text.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER)")
    text.write_text("no database at all " * 100)
    target = tmp_path / "new.db"
    with pytest.raises(ForeignDatabaseError, match="sessions"):
        import_hermes_file(other, target)
    with pytest.raises(ForeignDatabaseError, match="hermes-store copy"):
        import_hermes_file(sqlite_database, target)
    with pytest.raises(DamagedFileError):
        import_hermes_file(text, target)
    with pytest.raises(StoreUnavailableError):
        import_hermes_file(tmp_path / "missing.db", target)
    assert not target.exists()


@pytest.mark.parametrize("odd", ["", 5, b"old.db", None, "\ud800", "a\0b", "~nobody-here/old.db"])
def test_a_source_that_is_no_path_is_refused(tmp_path, odd):
    with pytest.raises(InvalidArgumentError, match="source: "):
        import_hermes_file(odd, tmp_path / "new.db")
    assert not [*tmp_path.iterdir()]
