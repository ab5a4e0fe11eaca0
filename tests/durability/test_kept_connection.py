"""The connection that looks at a file when it is opened serves the first read."""

import shutil
import signal
import threading
from pathlib import Path

import pytest
from durability.test_processes import descriptors, run
from sqlalchemy import event
from support import Caller

from hermes_store import SessionRepository
from hermes_store.database import sqlite_file
from hermes_store.database.address import url_of
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.sqlite_engines import plain_engine
from hermes_store.errors import FileReplacedError


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The mode of each connection to a file, as they are made."""
    modes: list[str] = []
    connect = sqlite_file.connect

    def noting(driver: object, path: str, mode: str, **keywords: object) -> object:
        modes.append(mode)
        return connect(driver, path, mode, **keywords)

    monkeypatch.setattr(sqlite_file, "connect", noting)
    return modes


def main_files(database: Path) -> int:
    return descriptors(database).count(str(database))


def test_opening_and_the_first_read_connect_once(database: Path, connected: list[str]) -> None:
    with SessionRepository(database) as repository:
        assert repository.list_sessions_rich() == []
        assert repository.session_count() == 0
    assert connected == ["mode=rw"]


def test_what_the_look_distrusted_is_as_in_every_other_reader(database: Path) -> None:
    def pragmas(repository: SessionRepository) -> list[object]:
        with repository._store.reading() as reader:
            return [
                reader.core.exec_driver_sql(f"PRAGMA {each}").scalar()
                for each in ("cell_size_check", "trusted_schema", "query_only", "cache_size")
            ]

    with SessionRepository(database) as repository:
        first = pragmas(repository)
        with repository._store.reading():  # lends the first, so that another one is made
            assert pragmas(repository) == first
    assert first[0] == 0


def test_closed_without_a_read_it_leaves_one_file_and_no_descriptor(database: Path) -> None:
    with SessionRepository(database):
        assert main_files(database) == 1
    assert descriptors(database) == []
    assert [each.name for each in database.parent.iterdir()] == [database.name]


def test_a_log_that_is_there_is_read_by_a_connection_of_its_own(
    database: Path, connected: list[str]
) -> None:
    with SessionRepository(database) as other:
        other.create_session("s", "test")
        connected.clear()
        with SessionRepository(database, pool_size=2) as repository:
            assert repository.session_count() == 1
    assert connected == ["mode=ro", "mode=rw"]


def test_one_that_could_move_a_log_into_the_file_does_not_read_for_a_store_that_is_read_only(
    database: Path, connected: list[str]
) -> None:
    with (
        SessionRepository(database, read_only=True) as reader,
        SessionRepository(database) as other,
    ):
        other.create_session("s", "test")
        assert reader.session_count() == 1
    assert (connected[0], connected[-1]) == ("mode=rw", "mode=ro")


def test_a_file_replaced_between_opening_and_the_first_read_is_noticed(
    database: Path, template: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(template, tmp_path / "other.db"))
    with SessionRepository(other) as repository:
        repository.create_session("s", "test")
    with SessionRepository(database) as repository:
        other.replace(database)
        with pytest.raises(FileReplacedError, match="replaced by another file"):
            repository.session_count()
        assert repository.session_count() == 1


def test_a_new_file_s_log_survives_the_close_of_what_was_kept_of_the_old_one(
    database: Path, template: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(template, tmp_path / "other.db"))
    done = run(
        """
        import os, sys
        from hermes_store import SessionRepository
        kept = SessionRepository(sys.argv[1])
        os.rename(sys.argv[1], sys.argv[1] + ".moved")
        os.rename(sys.argv[2], sys.argv[1])
        if not (pid := os.fork()):
            SessionRepository(sys.argv[1], pool_size=2).create_session("s", "test")
            os.kill(os.getpid(), 9)  # its message stays in the log
        os.waitpid(pid, 0)
        kept.close()
        """,
        database,
        other,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with SessionRepository(database) as repository:
        assert repository.session_count() == 1
    with SessionRepository(f"{database}.moved") as repository:
        assert repository.session_count() == 0


WRITTEN_BY_A_KILLED_PROCESS = """
    import os, sys
    from hermes_store import SessionRepository
    SessionRepository(sys.argv[1], pool_size=2).create_session("theirs", "test")
    os.kill(os.getpid(), 9)  # its session stays in the log
"""


def give_another_log(database: Path) -> None:
    """What a file gets that was away, while SQLite took the log of the one in its place."""
    for ending in ("-wal", "-shm"):
        Path(f"{database}{ending}").unlink()
    assert run(WRITTEN_BY_A_KILLED_PROCESS, database).returncode == -signal.SIGKILL


@pytest.mark.parametrize("has_read", [False, True])
def test_a_file_that_got_another_log_is_noticed_and_loses_nothing_of_it(
    database: Path, has_read: bool
) -> None:
    with SessionRepository(database) as repository:
        if has_read:
            assert repository.session_count() == 0
        give_another_log(database)
        with pytest.raises(FileReplacedError, match="given another log"):
            repository.session_count()
        repository.create_session("ours", "test")
        assert repository.session_count() == 2
    with SessionRepository(database) as repository:
        assert repository.session_count() == 2
        assert repository.check() == []


@pytest.mark.parametrize("has_written", [False, True])
def test_closing_leaves_a_log_that_another_process_put_in_the_place_of_its_own(
    database: Path, has_written: bool
) -> None:
    with SessionRepository(database) as repository:
        if has_written:
            repository.create_session("ours", "test")
            with plain_engine(url_of(database)).connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        give_another_log(database)
    with SessionRepository(database) as repository:
        assert repository.session_count() == 1 + has_written
        assert repository.check() == []
    assert [each.name for each in database.parent.iterdir()] == [database.name]


def test_the_child_of_a_fork_between_opening_and_the_first_read_inherits_nothing(
    database: Path,
) -> None:
    done = run(
        """
        import os, sys
        from hermes_store import SessionRepository
        repository = SessionRepository(sys.argv[1])
        if not (pid := os.fork()):
            links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
            names = [os.readlink(each) for each in links if os.path.islink(each)]
            repository.create_session("s", "test")
            os._exit(any(each.startswith(sys.argv[1]) for each in names))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert repository.session_count() == 1
        """,
        database,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_program_that_listens_from_the_start_sees_the_first_read(database: Path) -> None:
    seen: list[str] = []
    with SessionRepository(database) as repository:
        event.listen(
            repository.engines.read, "before_cursor_execute", lambda *given: seen.append(given[2])
        )
        repository.session_count()
    assert seen


def test_two_threads_that_ask_first_get_one_engine(database: Path) -> None:
    both = threading.Barrier(2)

    def make() -> object:
        both.wait(30)
        return plain_engine(url_of(database))

    engine = LateEngine(make)
    callers = [Caller(engine) for _ in range(2)]
    first, second = [caller.finish() for caller in callers]
    assert first is second is engine()
