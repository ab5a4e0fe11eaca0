"""Fork, exit, drop and share: what a process does with the connections of a store."""

import gc
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import prepared
import pytest
from support import Caller, as_ordinary_user, until

from hermes_store import SessionRepository
from hermes_store.errors import (
    InvalidArgumentError,
    PoolExhaustedError,
    StoreBusyError,
    StoreClosedError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from hermes_store.execution.sharing import _Gate

R = TypeVar("R")


def descriptors(database: Path) -> list[str]:
    """The descriptors that this process has open on the file and its companions."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    targets = [str(link.readlink()) for link in links if link.is_symlink()]
    return [target for target in targets if target.startswith(str(database))]


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return prepared.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestSharing:
    def test_repositories_on_one_file_share_one_write_connection(self, database: Path) -> None:
        repositories = [SessionRepository(database) for _ in range(20)]
        for number, repository in enumerate(repositories):
            repository.create_session(f"s{number}", "test")
            assert repository.session_count() == number + 1
        main_file = [name for name in descriptors(database) if name == str(database)]
        assert len(main_file) <= 1 + 5  # the writer and one shared pool
        for repository in repositories:
            repository.close()
        assert descriptors(database) == []

    def test_a_symbolic_link_is_the_same_file(self, database: Path, tmp_path: Path) -> None:
        (tmp_path / "link.db").symlink_to(database)
        with SessionRepository(database) as one, SessionRepository(tmp_path / "link.db") as other:
            one.create_session("s", "test")
            with one.transaction() as tx:
                tx.append_message("s", "user", "first")
            other.append_message("s", "user", "second")
            assert [m["content"] for m in one.get_messages("s")] == ["first", "second"]

    def test_closing_one_repository_leaves_the_others_working(self, database: Path) -> None:
        one, other = SessionRepository(database), SessionRepository(database)
        one.close()
        with pytest.raises(StoreClosedError):
            one.session_count()
        with pytest.raises(StoreClosedError):
            one.create_session("s", "test")
        other.create_session("s", "test")
        other.close()
        other.close()

    def test_a_different_durability_on_the_same_file_is_refused(self, database: Path) -> None:
        with SessionRepository(database), pytest.raises(InvalidArgumentError, match="synchronous"):
            SessionRepository(database, synchronous="FULL")
        with SessionRepository(database, synchronous="full") as repository:
            with repository.transaction() as tx:
                assert tx.connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2

    def test_dropped_without_close_it_leaks_no_thread_and_no_descriptor(
        self, database: Path
    ) -> None:
        threads = threading.active_count()
        for _ in range(50):
            repository = SessionRepository(database)
            repository.ensure_session("s")
            repository.session_count()
            del repository
        gc.collect()
        assert threading.active_count() == threads
        assert descriptors(database) == []


class TestExit:
    def test_at_interpreter_exit_without_close_everything_acknowledged_is_there(
        self, database: Path
    ) -> None:
        done = run(
            """
            import sys
            from hermes_store import SessionRepository
            repository = SessionRepository(sys.argv[1])
            repository.create_session("s", "test")
            repository.append_message("s", "user", "x")
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")
        with SessionRepository(database) as repository:
            assert repository.message_count("s") == 1

    def test_exit_while_daemon_threads_write_does_not_hang_or_crash(self, database: Path) -> None:
        for _ in range(5):
            done = run(
                """
                import sys, threading
                from hermes_store import SessionRepository
                from hermes_store.errors import StoreClosedError
                repository = SessionRepository(sys.argv[1])
                repository.ensure_session("s")
                started = threading.Event()
                def work():
                    while True:
                        try:
                            repository.append_message("s", "user", "x")
                        except StoreClosedError:
                            return
                        started.set()
                for _ in range(4):
                    threading.Thread(target=work, daemon=True).start()
                started.wait(30)
                """,
                database,
            )
            assert (done.returncode, done.stderr) == (0, "")
        with SessionRepository(database) as repository:
            assert repository.get_session("s")["message_count"] == repository.message_count("s")

    def test_close_while_others_write_ends_every_call(self, database: Path) -> None:
        repository = SessionRepository(database)
        repository.ensure_session("s")
        done: list[int] = []

        def write() -> None:
            while True:
                done.append(repository.append_message("s", "user", "x"))

        def read() -> None:
            while True:
                repository.get_messages("s")

        callers = [Caller(write) for _ in range(6)] + [Caller(read) for _ in range(3)]
        while len(done) < 100:
            callers[0].join(0.001)
        repository.close()
        for caller in callers:
            with pytest.raises(StoreClosedError):
                caller.finish()
        with SessionRepository(database) as again:
            assert {m["id"] for m in again.get_messages("s")} == set(done)
        assert descriptors(database) == []


class TestFork:
    def test_child_and_parent_both_write_and_neither_hangs(self, database: Path) -> None:
        done = run(
            """
            import os, sys, threading, warnings
            warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads: on purpose
            from hermes_store import SessionRepository
            repository = SessionRepository(sys.argv[1])
            repository.ensure_session("s")
            stop = threading.Event()
            def work():
                while not stop.is_set():
                    repository.append_message("s", "parent", "x")
                    repository.message_count("s")
            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads: thread.start()
            children = []
            for number in range(6):
                pid = os.fork()
                if not pid:
                    for _ in range(20):
                        repository.append_message("s", "child", "x")
                    assert repository.message_count("s") >= 20
                    os._exit(0)
                children.append(pid)
            codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
            stop.set()
            for thread in threads: thread.join()
            repository.append_message("s", "parent", "after")
            assert codes == [0] * 6, codes
            repository.close()
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")
        with SessionRepository(database) as repository:
            roles = [m["role"] for m in repository.get_messages("s")]
            assert roles.count("child") == 6 * 20
            assert repository.get_session("s")["message_count"] == len(roles)

    def test_the_child_of_a_fork_uses_no_connection_of_its_parent(
        self, repository: SessionRepository, database: Path
    ) -> None:
        repository.ensure_session("s")
        repository.append_message("s", "user", "before")
        assert repository.message_count("s") == 1  # opens a connection that reads
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe()

        def child() -> None:
            theirs.send(descriptors(database))
            repository.append_message("s", "user", "child")
            theirs.send(repository.message_count("s"))

        process = context.Process(target=child)
        process.start()
        assert mine.poll(30)
        assert mine.recv() == []
        assert mine.poll(30)
        assert mine.recv() == 2
        process.join(30)
        assert process.exitcode == 0
        repository.append_message("s", "user", "after")
        assert repository.message_count("s") == 3

    def test_what_a_child_acknowledges_after_its_parent_has_closed_is_stored(
        self, database: Path
    ) -> None:
        done = run(
            """
            import os, sys
            from hermes_store import SessionRepository
            repository = SessionRepository(sys.argv[1])
            repository.ensure_session("s")
            assert repository.message_count("s") == 0
            closed, close = os.pipe()
            wrote, write = os.pipe()
            pid = os.fork()
            if not pid:
                repository.append_message("s", "child", "1")
                os.write(write, b"1")
                assert os.read(closed, 1) == b"c"
                for text in ("2", "3"):
                    repository.append_message("s", "child", text)
                os._exit(0)
            assert os.read(wrote, 1) == b"1"
            repository.close()
            os.write(close, b"c")
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")
        with SessionRepository(database) as repository:
            assert [m["content"] for m in repository.get_messages("s")] == ["1", "2", "3"]

    def test_a_fork_waits_for_the_reads_of_other_threads(self) -> None:
        gate, inside, leave = _Gate(), threading.Event(), threading.Event()

        def read() -> None:
            with gate:
                inside.set()
                leave.wait(30)

        reader = Caller(read)
        assert inside.wait(30)
        fork = Caller(lambda: gate.shut(30))
        until(lambda: gate._shut)
        late = Caller(gate.__enter__)
        fork.join(0.1)
        late.join(0.1)
        assert fork.is_alive()
        assert late.is_alive()
        leave.set()
        reader.finish()
        fork.finish()
        assert late.is_alive()
        gate.open()
        late.finish()

    def test_a_child_of_a_fork_inside_a_read_has_all_connections_to_itself(
        self, database: Path
    ) -> None:
        done = run(
            """
            import os, sys
            from hermes_store import SessionRepository
            repository = SessionRepository(sys.argv[1], pool_size=1, pool_timeout=0.1)
            repository.ensure_session("s")
            export = repository.iter_export()
            next(export)
            pid = os.fork()
            if not pid:
                assert repository.session_count() == 1
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            export.close()
            assert repository.session_count() == 1
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_child_of_a_fork_inside_a_read_acknowledges_nothing_that_could_be_lost(
        self, database: Path
    ) -> None:
        done = run(
            """
            import os, sys
            from hermes_store import SessionRepository
            from hermes_store.errors import StoreUnavailableError
            database = sys.argv[1]
            repository = SessionRepository(database)
            repository.ensure_session("s")
            export = repository.iter_export()
            next(export)
            pid = os.fork()
            if not pid:
                writes = [
                    lambda: repository.append_message("s", "user", "x"),
                    lambda: repository.transaction().__enter__(),
                    lambda: SessionRepository(database).append_message("s", "user", "x"),
                    repository.optimize,
                ]
                for write in writes:
                    try:
                        write()
                    except StoreUnavailableError as exc:
                        assert "fork between calls" in str(exc)
                    else:
                        os._exit(1)
                with SessionRepository(database + "-other") as other:
                    other.ensure_session("s")
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            export.close()
            pid = os.fork()
            if not pid:
                repository.append_message("s", "user", "x")
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            assert repository.message_count("s") == 1
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_fork_inside_a_transaction_leaves_it_to_the_parent(self, database: Path) -> None:
        done = run(
            """
            import os, sys
            from hermes_store import SessionRepository
            from hermes_store.errors import StoreUnavailableError
            repository = SessionRepository(sys.argv[1])
            repository.ensure_session("s")
            pid = None
            try:
                with repository.transaction() as tx:
                    tx.append_message("s", "user", "once")
                    pid = os.fork()
            except StoreUnavailableError as exc:
                assert pid == 0 and "fork" in str(exc)
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            assert repository.message_count("s") == 1
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_child_that_drops_its_parent_s_transaction_leaves_it_whole(
        self, database: Path
    ) -> None:
        done = run(
            """
            import gc, os, sys
            from hermes_store import SessionRepository
            from hermes_store.errors import StoreUnavailableError
            repository = SessionRepository(sys.argv[1])
            repository.ensure_session("s")
            try:
                with repository.transaction() as tx:
                    tx.append_message("s", "user", "before")
                    child = os.fork()
                    if child:
                        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
                        tx.append_message("s", "user", "after")
            except StoreUnavailableError:
                assert not child
            if not child:
                del tx
                gc.collect()
                os._exit(7)
            assert repository.message_count("s") == 2
            """,
            database,
        )
        assert (done.returncode, done.stderr) == (0, "")


class TestClose:
    def test_a_closed_repository_refuses_although_another_keeps_the_file_open(
        self, database: Path
    ) -> None:
        with SessionRepository(database) as other:
            closed = SessionRepository(database)
            closed.close()
            for call in (
                lambda: closed.create_session("s", "test"),
                closed.session_count,
                closed.optimize,
                lambda: closed.transaction().__enter__(),
            ):
                with pytest.raises(StoreClosedError):
                    call()
            assert other.session_count() == 0

    def test_a_connection_that_is_lent_at_closing_is_closed_when_it_comes_back(
        self, database: Path
    ) -> None:
        repository = SessionRepository(database)
        repository.create_session("s", "test")
        export = repository.iter_export()
        next(export)
        repository.close()
        assert descriptors(database) != []
        export.close()
        assert descriptors(database) == []


class TestTrouble:
    def test_behind_a_foreign_lock_writers_are_told_and_readers_read_on(
        self, database: Path
    ) -> None:
        holder = prepared.Popen(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()",
                database,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with SessionRepository(database, lock_timeout=0.3) as repository:
            assert holder.stdout.readline() == b"locked\n"
            with pytest.raises(StoreBusyError) as caught:
                repository.create_session("s", "test")
            assert caught.value.waited >= 0.3
            assert repository.session_count() == 0
            holder.communicate()
            repository.create_session("s", "test")
            assert repository.session_count() == 1

    def test_readers_are_not_behind_a_long_write(self, repository: SessionRepository) -> None:
        repository.create_session("s", "test")
        with repository.transaction() as tx:
            tx.append_message("s", "user", "not yet")
            assert Caller(lambda: repository.message_count("s")).finish() == 0
        assert repository.message_count("s") == 1

    def test_a_full_disk_is_a_typed_error_and_nothing_acknowledged_is_lost(
        self, repository: SessionRepository
    ) -> None:
        repository.create_session("s", "test")
        with repository.transaction() as tx:
            pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar()
            tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 40}")
        stored = []
        with pytest.raises(StoreUnavailableError, match=r"the disk is full .*; free some space"):
            while True:
                stored.append(repository.append_message("s", "user", f"text {len(stored)} " * 50))
        assert [m["id"] for m in repository.get_messages("s")] == stored
        assert repository.get_session("s")["message_count"] == len(stored)
        with repository.transaction() as tx:
            tx.connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        repository.append_message("s", "user", "again")

    def test_an_exhausted_pool_says_so(self, database: Path) -> None:
        with SessionRepository(database, pool_size=1, pool_timeout=0.1) as repository:
            repository.create_session("s", "test")
            export = repository.iter_export()
            next(export)
            with pytest.raises(PoolExhaustedError, match="pool_size"):
                repository.session_count()
            export.close()
            assert repository.session_count() == 1

    @pytest.fixture
    def public(self, template: Path) -> Iterator[Path]:
        """A store with one session, where an ordinary user can get at it."""
        with tempfile.TemporaryDirectory() as name:
            database = Path(shutil.copy(template, name))
            with SessionRepository(database) as repository:
                repository.create_session("s", "test")
            yield database
            database.parent.chmod(0o755)

    def test_a_file_turned_read_only_is_read_and_refuses_writes_clearly(self, public: Path) -> None:
        public.chmod(0o444)
        public.parent.chmod(0o777)
        assert as_ordinary_user(lambda: read_then_write(public)) == [1, "StoreReadOnlyError"]

    def test_a_folder_turned_read_only_is_read_and_refuses_writes_clearly(
        self, public: Path
    ) -> None:
        public.chmod(0o444)
        public.parent.chmod(0o555)
        assert as_ordinary_user(lambda: read_then_write(public)) == [1, "StoreReadOnlyError"]


def read_then_write(database: Path) -> list[object]:
    with SessionRepository(database) as repository:
        count = repository.session_count()
        try:
            repository.create_session("t", "test")
        except StoreReadOnlyError as exc:
            return [count, type(exc).__name__]
    return [count, "written"]
