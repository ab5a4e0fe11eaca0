"""A file that is moved, removed or replaced while it is open: nothing acknowledged is lost."""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import stored
from durability.writers import with_sessions, writing_to
from support import raises, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import FileReplacedError, StoreUnavailableError

KILLED = """
import os, sys, hermes_store
repository = hermes_store.SessionRepository(sys.argv[1])
repository.create_session("s", "test")
os.kill(os.getpid(), 9)
"""


def contents(database: Path) -> set[str]:
    with SessionRepository(database) as repository:
        assert repository.check() == []
    stored.check(database)
    return set(stored.column(database, "SELECT content FROM messages"))


def move(database: Path, other: Path) -> None:
    database.rename(database.with_name("moved.db"))
    other.rename(database)


def remove(database: Path, other: Path) -> None:
    database.unlink()
    other.rename(database)


def remove_with_companions(database: Path, other: Path) -> None:
    for each in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        each.unlink()
    other.rename(database)


def rename_over(database: Path, other: Path) -> None:
    other.replace(database)


@pytest.fixture
def other(template: Path, tmp_path: Path) -> Path:
    """Another store, in the same file system."""
    return with_sessions(Path(shutil.copy(template, tmp_path / "other.db")))


@pytest.mark.parametrize("replace", [move, remove, remove_with_companions, rename_over])
def test_no_acknowledged_message_is_lost_when_the_file_is_replaced_under_two_processes(
    database: Path, other: Path, replace: Callable[[Path, Path], None]
) -> None:
    with_sessions(database)
    with closing(sqlite_driver().connect(database)) as witness:  # has the old file and its log
        witness.execute("SELECT count(*) FROM messages").fetchall()
        with writing_to(database) as writers:
            replace(database, other)
            moment = time.monotonic_ns()
            until(lambda: writers.all_wrote_after(moment))
        old = {content for (content,) in witness.execute("SELECT content FROM messages")}
    new = contents(database)
    assert writers.acknowledged.keys() - old - new == set()
    assert writers.begun_after(moment) - new == set()
    assert set(writers.errors) <= {"FileReplacedError", "StoreUnavailableError"}


def test_all_that_was_acknowledged_is_in_the_file_that_was_moved(
    database: Path, other: Path
) -> None:
    with_sessions(database)
    moved = database.with_name("moved.db")
    with writing_to(database) as writers:
        move(database, other)
        moment = time.monotonic_ns()
        until(lambda: writers.all_wrote_after(moment))
    assert writers.acknowledged.keys() - contents(moved) - contents(database) == set()


class TestOneProcess:
    def test_the_next_operation_uses_the_new_file(self, database: Path, other: Path) -> None:
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            other.replace(database)
            with pytest.raises(FileReplacedError, match="replaced by another file"):
                repository.append_message("s", "user", "x")
            repository.append_message("one-0", "user", "y")
            assert repository.message_count() == 1
        assert contents(database) == {"y"}

    def test_a_reader_notices_too(self, database: Path, other: Path) -> None:
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            assert repository.session_count() == 1
            other.replace(database)
            until(lambda: raises(FileReplacedError, repository.session_count))
            assert repository.session_count() == 8

    def test_a_transaction_of_the_caller_notices_before_its_commit(
        self, database: Path, other: Path
    ) -> None:
        with SessionRepository(database) as repository:
            with pytest.raises(FileReplacedError), repository.transaction() as tx:
                tx.create_session("s", "test")
                other.replace(database)
            assert repository.get_session("s") is None
        assert contents(database) == set()

    def test_the_error_says_where_the_file_is_and_its_messages_are_in_it(
        self, database: Path
    ) -> None:
        moved = database.with_name("moved.db")
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            repository.append_message("s", "user", "kept")
            database.rename(moved)
            with pytest.raises(FileReplacedError, match=re.escape(f"is now {moved}")) as raised:
                repository.append_message("s", "user", "x")
            assert raised.value.now_at == str(moved)
            with pytest.raises(StoreUnavailableError, match=r"no store at .* any more"):
                repository.append_message("s", "user", "x")
            assert not database.exists()
            assert "kept" in contents(moved)
            moved.rename(database)
            repository.append_message("s", "user", "back")
        assert {"kept", "back"} <= contents(database)

    def test_no_store_is_made_in_the_place_of_a_file_that_is_moved_at_once_again(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moved = database.with_name("moved.db")
        look = migrate.look_at_file

        def look_and_move(*arguments: Any, **keywords: Any) -> Any:
            state = look(*arguments, **keywords)
            database.rename(moved)
            return state

        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            database.rename(moved)
            with pytest.raises(FileReplacedError):
                repository.append_message("s", "user", "x")
            moved.rename(database)
            with monkeypatch.context() as patch, pytest.raises(StoreUnavailableError):
                patch.setattr(migrate, "look_at_file", look_and_move)
                repository.append_message("s", "user", "x")
            assert not database.exists()
            moved.rename(database)
            repository.append_message("s", "user", "back")
        assert "back" in contents(database)

    def test_closing_writes_back_what_the_moved_file_owns(self, database: Path) -> None:
        moved = database.with_name("moved.db")
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            repository.append_message("s", "user", "kept")
            database.rename(moved)
        assert contents(moved) == {"kept"}

    def test_a_process_that_opens_the_new_file_first_does_not_read_the_old_log(
        self, database: Path, other: Path
    ) -> None:
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            repository.append_message("s", "user", "kept")
            database.rename(database.with_name("moved.db"))
            other.rename(database)
            count = "import sys, hermes_store as h; print(h.SessionRepository(sys.argv[1]).session_count())"
            done = subprocess.run(
                [sys.executable, "-c", count, database], capture_output=True, text=True, check=True
            )
            assert done.stdout == "8\n"
        assert contents(database) == set()
        assert contents(database.with_name("moved.db")) == {"kept"}

    def test_a_log_that_a_killed_process_left_is_kept_apart_from_the_new_file(
        self, database: Path, other: Path
    ) -> None:
        left = subprocess.run(
            [
                sys.executable,
                "-c",
                KILLED,
                database,
            ],
            check=False,
        )
        assert left.returncode == -9
        log = Path(f"{database}-wal").read_bytes()
        other.replace(database)
        assert contents(database) == set()
        (kept,) = database.parent.glob("*-wal.of-*")
        assert kept.read_bytes() == log

    def test_a_log_that_was_copied_with_its_file_is_read(
        self, database: Path, tmp_path: Path
    ) -> None:
        copies = tmp_path / "copies"
        copies.mkdir()
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            for name in (database.name, f"{database.name}-wal"):
                subprocess.run(["cp", "-a", database.with_name(name), copies], check=True)
        with SessionRepository(copies / database.name) as repository:
            assert repository.session_count() == 1

    def test_an_older_file_is_upgraded_before_it_is_written(
        self, database: Path, tmp_path: Path
    ) -> None:
        from hermes_store import migrate

        migrate.upgrade(tmp_path / "old.db", "0006")
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            (tmp_path / "old.db").replace(database)
            with pytest.raises(FileReplacedError):
                repository.create_session("t", "test")
            repository.create_session("t", "test")
        assert contents(database) == set()

    def test_a_log_that_is_removed_is_noticed_and_its_messages_are_kept(
        self, database: Path
    ) -> None:
        with SessionRepository(database) as repository:
            repository.create_session("s", "test")
            repository.append_message("s", "user", "kept")
            Path(f"{database}-wal").unlink()
            until(lambda: raises(FileReplacedError, lambda: repository.ensure_session("s")))
            repository.append_message("s", "user", "later")
        assert contents(database) == {"kept", "later"}


def test_a_symbolic_link_is_no_second_name_and_the_log_lies_beside_the_file(
    database: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "link.db"
    link.symlink_to(database)
    with SessionRepository(link) as repository:
        repository.create_session("s", "test")
        assert Path(f"{database}-wal").exists()
        assert [*folder.iterdir()] == [link]
