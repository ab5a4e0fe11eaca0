"""Beside a plain Hermes: where the store is, what the first start copies, and what stays as it is."""

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB
from hermes_store.adapters.hermes_agent.paths import store_of
from hermes_store.adapters.hermes_agent.taking_over import take_over
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import StoreBusyError

sys.path.insert(0, str(Path(__file__).parents[1] / "importing"))
from hermes_schema import HermesDatabase


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    return tmp_path


def plain(path: Path, version: int = 22) -> str:
    """A plain Hermes' file with one conversation; returns the hash of its bytes."""
    old = HermesDatabase(path, version)
    old.insert("sessions", id="s", source="cli", started_at=1.0, message_count=1)
    old.insert("messages", session_id="s", role="user", content="said before", timestamp=2.0)
    return digest(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_store_is_never_the_file_of_a_plain_hermes(home: Path):
    ours = home / "hermes_store.db"
    assert store_of(None) == store_of(home / "state.db") == ours
    profile = home / "profiles" / "work"
    assert store_of(profile / "state.db") == profile / "hermes_store.db"
    assert store_of(home / "other.db") == home / "other.db"


def test_a_home_may_be_on_a_server(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HERMES_STORE_URL", "postgresql://host/db")
    assert store_of(None) == "postgresql://host/db"
    assert (
        store_of(home / "profiles" / "a" / "state.db")
        == home / "profiles" / "a" / "hermes_store.db"
    )


def test_a_new_home_needs_no_file(home: Path):
    db = SessionDB()
    db.create_session("s", "cli")
    db.close()
    assert sorted(path.name for path in home.iterdir() if path.suffix == ".db") == [
        "hermes_store.db"
    ]


@pytest.mark.parametrize("version", [7, 11, 22, 30])
def test_the_first_start_copies_what_is_there_and_changes_nothing_of_it(home: Path, version: int):
    before = plain(home / "state.db", version)
    db = SessionDB()
    assert [m["content"] for m in db.get_messages("s")] == ["said before"]
    db.append_message("s", "user", "said after")
    db.close()
    assert digest(home / "state.db") == before
    assert [m["content"] for m in SessionDB().get_messages("s")] == ["said before", "said after"]


def test_it_says_what_it_does_before_it_does_it(home: Path):
    plain(home / "state.db")
    told: list[str] = []
    account = take_over(home / "state.db", home / "hermes_store.db", told.append)
    assert account is not None
    assert "copied" in told[0]
    assert "kept as it is" in told[1]
    assert any(line.startswith("messages: 1 rows, now 1") for line in told)
    assert take_over(home / "state.db", home / "hermes_store.db", told.append) is None


def test_a_file_of_tables_that_other_modules_made_is_no_reason_to_copy(home: Path):
    with closing(sqlite3.connect(home / "state.db")) as connection:
        connection.execute("CREATE TABLE async_delegations (delegation_id TEXT PRIMARY KEY)")
    SessionDB().close()
    assert not (home / "hermes_store.db.lock").exists()


def test_a_file_that_is_too_damaged_to_be_copied_is_told_of_and_kept(home: Path, caplog):
    for damaged in (b"no database " * 500, b"SQLite format 3\0" + b"\xff" * 5_000):
        (home / "state.db").write_bytes(damaged)
        (home / "hermes_store.db").unlink(missing_ok=True)
        caplog.clear()
        SessionDB().close()
        assert "is not copied, and stays as it is" in caplog.text
        said: list[str] = []
        assert take_over(home / "state.db", home / "other.db", said.append) is None
        assert "too damaged" in said[0]
        assert (home / "state.db").read_bytes() == damaged


def test_a_file_that_is_locked_now_is_copied_at_a_later_start(home: Path):
    plain(home / "state.db")
    # By the store's own library: of two on one file, each takes away the other's locks.
    with closing(sqlite_driver().connect(home / "state.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError):
            SessionDB()
    assert not (home / "hermes_store.db").exists()
    db = SessionDB()
    assert db.message_count() == 1
    db.close()


def test_a_newer_file_at_another_path_is_left_alone_too(home: Path):
    before = plain(home / "profile.db")
    db = SessionDB(db_path=home / "profile.db")
    assert db.db_path == home / "profile.db.hermes_store.db"
    db.append_message("s", "user", "said after")
    db.close()
    assert digest(home / "profile.db") == before


def _open(folder: str) -> int:
    os.environ["HERMES_HOME"] = folder
    db = SessionDB()
    try:
        return db.message_count()
    finally:
        db.close()


def test_processes_that_start_together_copy_it_once(home: Path):
    plain(home / "state.db")
    with get_context("spawn").Pool(3) as pool:
        assert pool.map(_open, [str(home)] * 3) == [1, 1, 1]
    with SessionRepository(home / "hermes_store.db") as repo:
        assert repo.check() == []


def test_without_the_program_the_launcher_says_what_to_install(home: Path):
    command = [sys.executable, "-m", "hermes_store.adapters.hermes_agent", "chat"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=home, env=env)
    assert done.returncode == 1
    assert "pip install hermes-agent" in done.stderr
