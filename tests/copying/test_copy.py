"""A copy is the store itself on another database, whatever happened on the way."""

import os
import subprocess
import sys
from pathlib import Path

import postgres_server
import prepared
import pytest
import stores
from sqlalchemy import URL, Engine, event, text
from support import failing_write, only_sqlite

from hermes_store import SessionRepository, migrate
from hermes_store.copy import copy
from hermes_store.errors import (
    CopyError,
    ForeignDatabaseError,
    InvalidArgumentError,
    StoreBusyError,
    UpgradeRequiredError,
)

ROWS_AT_ONCE = 500


def written(database: Path | URL) -> str:
    """A database as an argument of a command."""
    if isinstance(database, Path):
        return str(database)
    return database.render_as_string(hide_password=False)


class StoppedError(Exception):
    pass


def stop_at(step: str, after: int):
    """A report that ends the copy at a step when so many are done."""

    def report(now: str, done: int, _total: int) -> None:
        if now == step and done >= after:
            raise StoppedError

    return report


class TestWhole:
    def test_who_listens_to_statements_sees_each_row_stored(self, filled, target):
        seen: list[str] = []

        def listen(_connection, _cursor, statement, *_):
            seen.append(statement.split("(")[0].strip())

        event.listen(Engine, "before_cursor_execute", listen)
        try:
            copy(filled, target)
        finally:
            event.remove(Engine, "before_cursor_execute", listen)
        assert {"INSERT INTO sessions", "INSERT INTO messages"} <= set(seen)
        assert stores.content(target) == stores.content(filled)

    def test_everything_comes_along_and_the_store_goes_on(self, filled, target):
        copied = copy(filled, target)
        assert (copied.sessions, copied.messages, copied.remarks) == (2, 5, {})
        assert stores.content(target) == stores.content(filled)
        with SessionRepository(filled) as source, SessionRepository(target) as goal:
            for query in ("don't", "foo/bar.py:42", "记忆", "C#", "picture", "read"):
                assert goal.search_messages(query) == source.search_messages(query) != []
            assert goal.check() == []
            ids = [repo.append_message("first", "user", "next") for repo in (source, goal)]
        assert ids[0] == ids[1] == 7  # 6 was deleted, and is never given again

    def test_there_and_back_again_is_the_same(self, filled, target, tmp_path):
        there = copy(filled, target)
        assert copy(target, tmp_path / "back.db") == there
        assert stores.content(tmp_path / "back.db") == stores.content(filled)

    def test_an_empty_store_can_be_copied(self, database, target):
        assert copy(database, target)[:2] == (0, 0)
        with SessionRepository(target) as goal:
            goal.create_session("s", "cli")
            assert goal.append_message("s", "user", "hi") == 1

    @pytest.mark.postgresql
    def test_a_missing_database_of_a_server_is_created(self, sqlite_database):
        url = postgres_server.template().set(database=f"hermes_copied_{os.getpid()}")
        try:
            copy(sqlite_database, url)
            assert migrate.inspect(url).is_current
        finally:
            postgres_server.drop(url)

    def test_progress_is_told_step_by_step(self, repository, database, target):
        stores.grow(repository, 1_100)
        told = []
        copy(database, target, progress=lambda *step: told.append(step))
        assert told == [
            ("sessions", 1, 1),
            *(("messages", done, 1_100) for done in (500, 1_000, 1_100)),
            ("comparing sessions", 1, 1),
            *(("comparing messages", done, 1_100) for done in (500, 1_000, 1_100)),
        ]

    def test_long_texts_are_copied_in_smaller_pieces(
        self, repository, database, target, monkeypatch
    ):
        monkeypatch.setattr("hermes_store.transfer.copy_rows._CHARACTERS_AT_ONCE", 1_000)
        repository.create_session("s", "cli")
        for _ in range(3):
            repository.append_message("s", "user", "word " * 100)
        told = []
        copy(database, target, progress=lambda *step: told.append(step))
        assert [done for step, done, _ in told if step == "messages"] == [2, 3]
        assert stores.content(target) == stores.content(database)


class TestAgain:
    def test_what_is_new_is_brought_along(self, filled, target):
        copy(filled, target)
        with SessionRepository(filled) as source:
            source.append_message("first", "assistant", "one more")
            source.create_session("third", "cli")
            source.set_session_title("first", "")
            source.set_session_title("an-earlier-id", "Title")  # which was the other's
            source.set_session_title("first", "Wörter")
            source.update_token_counts("first", output_tokens=9)
        assert copy(filled, target)[:2] == (3, 6)
        assert stores.content(target) == stores.content(filled)

    def test_nothing_new_is_no_error(self, filled, target):
        assert copy(filled, target) == copy(filled, target)

    def test_what_agents_write_meanwhile_waits_for_the_next_copy(
        self, repository, database, target
    ):
        stores.grow(repository, ROWS_AT_ONCE + 1)

        def write_too(step: str, _done: int, _total: int) -> None:
            repository.append_message("long", "user", f"while {step}")
            repository.ensure_session(f"new {step}", source="cli")

        assert copy(database, target, progress=write_too)[:2] == (1, ROWS_AT_ONCE + 1)
        again = copy(database, target)
        assert again.messages == repository.message_count() > ROWS_AT_ONCE + 1
        assert again.sessions == repository.session_count() > 1
        assert stores.content(target) == stores.content(database)


@only_sqlite
class TestInterrupted:
    @pytest.fixture
    def small_pieces(self, monkeypatch):
        """As many pieces of fewer rows; the child that is killed has them as they are."""
        monkeypatch.setattr("hermes_store.transfer.copy_rows._KEYS_AT_ONCE", ROWS_AT_ONCE // 10)

    @pytest.mark.usefixtures("small_pieces")
    @pytest.mark.parametrize(
        ("step", "after"),
        [("sessions", 1), ("messages", 1), ("messages", 120), ("comparing messages", 50)],
    )
    def test_by_an_exception_it_goes_on_where_it_stopped(
        self, repository, database, target, step, after
    ):
        stores.grow(repository, 120)
        with pytest.raises(StoppedError):
            copy(database, target, progress=stop_at(step, after))
        told = []
        copied = copy(database, target, progress=lambda *now: told.append(now))
        assert copied.messages == 120
        first = next((done for now, done, _ in told if now == "messages"), None)
        assert first == {"sessions": 50, "messages": 100}.get(step if after < 120 else "")
        assert stores.content(target) == stores.content(database)

    @pytest.mark.usefixtures("small_pieces")
    @pytest.mark.parametrize("number", range(1, 7))
    def test_by_an_error_of_any_write_it_goes_on_where_it_stopped(
        self, repository, database, target, number
    ):
        stores.grow(repository, 120)
        repository.set_session_title("long", "Title")
        with failing_write(number), pytest.raises(StoreBusyError):
            copy(database, target)
        assert copy(database, target).messages == 120
        assert stores.content(target) == stores.content(database)

    def test_by_kill_9_it_goes_on_where_it_stopped(self, repository, database, target):
        stores.grow(repository, 1_200)
        command = [sys.executable, stores.__file__, written(database), written(target)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        root = str(Path(__file__).parents[2])
        with prepared.Popen(
            command, text=True, env=os.environ | {"PYTHONPATH": root}, **pipes
        ) as child:
            for line in ("sessions 1\n", "messages 500\n"):
                assert child.stdout.readline() == line
                if line.startswith("sessions"):
                    child.stdin.write("\n")
                    child.stdin.flush()
            child.kill()
        with SessionRepository(target) as goal:
            assert goal.message_count() == 500
        told = []
        assert copy(database, target, progress=lambda *now: told.append(now)).messages == 1_200
        assert ("messages", 1_000, 1_200) in told
        assert ("messages", 500, 1_200) not in told
        assert stores.content(target) == stores.content(database)

    @pytest.mark.skipif(os.name != "posix", reason="limits the size of a child's files")
    @pytest.mark.parametrize("room", [60_000, 160_000], ids=["no schema", "a part"])
    def test_by_a_full_disk_it_says_so_and_goes_on(self, repository, database, tmp_path, room):
        import resource

        stores.grow(repository, 1_200)
        done = subprocess.run(
            [sys.executable, "-m", "hermes_store", "copy", database, tmp_path / "target.db"],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert b"error: the copy stopped, and goes on when it is run again: disk I/O" in done.stderr
        assert copy(database, tmp_path / "target.db").messages == 1_200
        assert stores.content(tmp_path / "target.db") == stores.content(database)

    def test_what_was_written_between_the_runs_comes_along(self, repository, database, target):
        stores.grow(repository, 600)
        with pytest.raises(StoppedError):
            copy(database, target, progress=stop_at("messages", 1))
        repository.append_message("long", "user", "late")
        assert copy(database, target).messages == 601


class TestRefused:
    def refused(self, source, target, match: str, error: type[Exception] = CopyError) -> None:
        before = stores.content(target)
        with pytest.raises(error, match=match):
            copy(source, target)
        assert stores.content(target) == before

    def test_a_target_with_another_session(self, filled, target):
        migrate.upgrade(target)
        with SessionRepository(target) as goal:
            goal.create_session("first", "cli")
            goal.create_session("theirs", "cli")
        self.refused(filled, target, "holds 1 session that the source lacks; copy into an empty")

    def test_a_target_that_has_gone_on_by_itself(self, filled, target):
        copy(filled, target)
        with SessionRepository(target) as goal:
            goal.append_message("first", "user", "written here")
        self.refused(filled, target, "of the messages up to 7, the target holds others")

    def test_a_target_with_the_same_ids_and_other_texts(self, repository, database, target):
        repository.create_session("first", "cli")
        repository.append_message("first", "user", "ours")
        migrate.upgrade(target)
        with SessionRepository(target) as goal:
            goal.create_session("first", "telegram")
            goal.append_message("first", "user", "theirs")
        self.refused(database, target, "of the messages up to 1, the target holds others")

    @pytest.mark.parametrize("session_id", ["an-earlier-id", "first"])  # the newest, others
    def test_a_source_that_lost_messages_meanwhile(self, filled, target, session_id):
        copy(filled, target)
        with SessionRepository(filled) as source:
            source.clear_messages(session_id)
        self.refused(filled, target, "the target holds others")

    def test_the_source_itself_under_another_name(self, filled, tmp_path):
        itself = filled
        if isinstance(filled, Path):
            itself = tmp_path / "link.db"
            itself.symlink_to(filled)
        self.refused(filled, itself, "is the source itself", InvalidArgumentError)

    def test_a_missing_source_is_not_created(self, tmp_path, target):
        with pytest.raises(CopyError, match="no store; name the database that holds one"):
            copy(tmp_path / "missing.db", target)
        assert not (tmp_path / "missing.db").exists()
        if isinstance(target, Path):
            assert not target.exists()

    def test_a_target_with_tables_of_our_names_that_another_program_made(self, filled, tmp_path):
        theirs = tmp_path / "theirs.db"
        with stores.closing(stores.sqlite_driver().connect(theirs)) as connection:
            connection.execute("CREATE TABLE sessions (cookie TEXT)")
        with pytest.raises(ForeignDatabaseError):
            copy(filled, theirs)

    @pytest.mark.postgresql
    def test_a_server_source_of_an_older_schema(self, tmp_path):
        with postgres_server.empty_database() as url:
            migrate.upgrade(url, "0008")
            with pytest.raises(UpgradeRequiredError, match="hermes-store upgrade"):
                copy(url, tmp_path / "target.db")


@only_sqlite
class TestCompared:
    """What is in the target is read back; a difference is never passed over."""

    def after_writing(self, database, target, change) -> None:
        def report(step: str, done: int, total: int) -> None:
            if step == "messages" and done == total:
                with SessionRepository(target) as goal:
                    change(goal)

        copy(database, target, progress=report)

    @pytest.mark.parametrize(
        ("statement", "found"),
        [
            ("UPDATE messages SET content = 'other' WHERE id = 3", "messages: content of 3 differ"),
            ("UPDATE messages SET timestamp = 1.5 WHERE id = 2", "messages: timestamp of 2 differ"),
            ("DELETE FROM messages WHERE id = 4", "messages: 4 is missing"),
            ("UPDATE sessions SET title = NULL WHERE id = 'first'", "title of first differ"),
            (
                "INSERT INTO messages (session_id, role, timestamp) VALUES ('first', 'user', 1.0)",
                "messages: 5 were read, and the target holds 6",
            ),
            (
                "INSERT INTO sessions (id, source, started_at) VALUES ('z', 'cli', 1.0)",
                "sessions: 2 were read, and the target holds 3",
            ),
        ],
    )
    def test_a_difference_is_an_error_that_names_it(self, filled, target, statement, found):
        def change(goal: SessionRepository) -> None:
            with goal.transaction() as tx:
                tx.execute(text(statement))

        with pytest.raises(CopyError, match=found):
            self.after_writing(filled, target, change)
