"""Group commit: alone at once, together under load, acknowledged after COMMIT, never a hang."""

import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest
from support import Caller, until

from hermes_store.database.address import url_of
from hermes_store.database.connection import OpenConnection
from hermes_store.database.late_engine import LateEngine
from hermes_store.database.repair import Repair
from hermes_store.database.sqlite import SQLITE
from hermes_store.database.sqlite_engines import sqlite_driver, write_engine
from hermes_store.errors import (
    InvalidArgumentError,
    NestedTransactionError,
    StoreBusyError,
    StoreClosedError,
    StoreUnavailableError,
)
from hermes_store.execution.writer import Writer
from hermes_store.settings import make_settings

SCHEMA = """
CREATE TABLE item (name TEXT PRIMARY KEY, parent TEXT REFERENCES item(name) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER poison AFTER INSERT ON item WHEN new.name = 'poison'
BEGIN SELECT RAISE(ROLLBACK, 'poisoned'); END;
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "items.db"
    connection = sqlite_driver().connect(path)
    connection.executescript(SCHEMA)
    connection.close()
    return path


@pytest.fixture
def make_writer(path: Path) -> Iterator[Callable[..., Writer]]:
    writers = []

    def make(repair: Repair | None = None, **keywords: object) -> Writer:
        settings = make_settings(**keywords)
        engine = LateEngine(partial(write_engine, url_of(path), settings))
        writers.append(Writer(engine, SQLITE, settings, repair))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close()


@pytest.fixture
def writer(make_writer: Callable[..., Writer]) -> Writer:
    return make_writer()


def insert(name: str, parent: str | None = None) -> Callable[[OpenConnection], str]:
    def operation(connection: OpenConnection) -> str:
        connection.core.exec_driver_sql("INSERT INTO item VALUES (?, ?)", (name, parent))
        return name

    return operation


def stored(path: Path) -> set[str]:
    connection = sqlite_driver().connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM item")}
    connection.close()
    return names


def triggers(path: Path) -> set[str]:
    with closing(sqlite_driver().connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in found}


def in_a_group(writer: Writer, *operations: Callable[[OpenConnection], object]) -> list[Caller]:
    """Queue the operations behind a transaction, then let them run as one group."""
    with writer.transaction():
        callers = []
        for number, operation in enumerate(operations, start=1):
            callers.append(Caller(lambda operation=operation: writer.run(operation)))
            until(lambda number=number: writer.waiting == number)
    for caller in callers:
        caller.join(30)
        assert not caller.is_alive()
    return callers


class TestAlone:
    def test_a_lone_write_runs_in_the_calling_thread(self, writer: Writer) -> None:
        assert writer.run(lambda _: threading.get_ident()) == threading.get_ident()

    def test_a_write_is_visible_to_every_connection_when_it_returns(
        self, writer: Writer, path: Path
    ) -> None:
        for number in range(100):
            writer.run(insert(f"n{number}"))
            assert f"n{number}" in stored(path)

    def test_what_an_operation_raises_reaches_its_caller_and_leaves_no_trace(
        self, writer: Writer, path: Path
    ) -> None:
        def half(connection: OpenConnection) -> None:
            insert("half")(connection)
            raise LookupError("stop")

        with pytest.raises(LookupError, match="stop"):
            writer.run(half)
        assert stored(path) == set()
        assert writer.run(insert("next")) == "next"


class TestGroups:
    def test_operations_that_wait_together_are_committed_together(
        self, writer: Writer, path: Path
    ) -> None:
        before, operations = writer.figures.groups, writer.figures.operations
        callers = in_a_group(writer, *(insert(f"n{number}") for number in range(10)))
        assert [caller.finish() for caller in callers] == [f"n{number}" for number in range(10)]
        assert (
            writer.figures.groups == before + 2
        )  # the transaction that held them back, and one group
        assert writer.figures.operations == operations + 1 + 10
        assert stored(path) == {f"n{number}" for number in range(10)}

    def test_batch_size_bounds_a_group(self, make_writer: Callable[..., Writer]) -> None:
        writer = make_writer(batch_size=4)
        in_a_group(writer, *(insert(f"n{number}") for number in range(10)))
        assert writer.figures.groups == 1 + 3

    def test_without_batching_every_operation_is_a_transaction(
        self, make_writer: Callable[..., Writer]
    ) -> None:
        writer = make_writer(enable_batching=False)
        in_a_group(writer, *(insert(f"n{number}") for number in range(5)))
        assert writer.figures.groups == 1 + 5

    def test_a_failing_operation_leaves_no_trace_and_the_others_commit(
        self, writer: Writer, path: Path
    ) -> None:
        def half(connection: OpenConnection) -> None:
            insert("half")(connection)
            insert("half")(connection)

        first, broken, last = in_a_group(writer, insert("first"), half, insert("last"))
        assert (first.finish(), last.finish()) == ("first", "last")
        assert broken.error is not None
        assert stored(path) == {"first", "last"}

    def test_an_error_that_rolls_the_transaction_back_costs_only_its_operation(
        self, writer: Writer, path: Path
    ) -> None:
        def poison_then_more(connection: OpenConnection) -> None:
            try:
                insert("poison")(connection)
            finally:
                insert("in autocommit")(connection)

        callers = in_a_group(writer, insert("first"), poison_then_more, insert("last"))
        assert [caller.error is None for caller in callers] == [True, False, True]
        assert stored(path) == {"first", "last"}

    def test_a_rollback_that_an_operation_swallows_is_an_error_and_costs_the_others_nothing(
        self, writer: Writer, path: Path
    ) -> None:
        def swallow(connection: OpenConnection) -> str:
            insert("gone")(connection)
            with suppress(Exception):
                insert("poison")(connection)
            return "all is well"

        with pytest.raises(StoreUnavailableError, match="rolled the transaction back"):
            writer.run(swallow)
        first, broken, last = in_a_group(writer, insert("first"), swallow, insert("last"))
        assert (first.finish(), last.finish()) == ("first", "last")
        assert broken.error is not None
        assert stored(path) == {"first", "last"}

    def test_when_commit_fails_every_caller_of_the_group_gets_the_error(
        self, writer: Writer, path: Path
    ) -> None:
        callers = in_a_group(writer, insert("good"), insert("child", parent="nobody"))
        assert all("FOREIGN KEY" in str(caller.error) for caller in callers)
        assert stored(path) == set()
        assert writer.run(insert("next")) == "next"

    def test_batch_wait_ms_holds_a_group_until_company_comes(
        self, make_writer: Callable[..., Writer]
    ) -> None:
        writer = make_writer(batch_wait_ms=60_000, batch_size=2)
        callers = [Caller(lambda n=n: writer.run(insert(f"n{n}"))) for n in range(2)]
        assert {caller.finish() for caller in callers} == {"n0", "n1"}
        assert writer.figures.groups == 1

    def test_a_repairable_failure_is_repaired_and_the_operation_runs_again(
        self, make_writer: Callable[..., Writer], path: Path
    ) -> None:
        def drop_trigger(connection: OpenConnection, _: BaseException) -> None:
            connection.core.exec_driver_sql("DROP TRIGGER complain")

        repair = Repair(lambda exc: "complaint" in str(exc), drop_trigger)
        writer = make_writer(repair)
        for operations in (["alone"], ["a", "b", "c"]):
            writer.run(
                lambda connection: connection.core.exec_driver_sql(
                    "CREATE TRIGGER complain AFTER INSERT ON item "
                    "BEGIN SELECT RAISE(ABORT, 'complaint'); END"
                )
            )
            if len(operations) == 1:
                writer.run(insert(operations[0]))
            else:
                for caller in in_a_group(writer, *map(insert, operations)):
                    caller.finish()
        assert stored(path) == {"alone", "a", "b", "c"}

    def test_a_repair_that_did_not_help_is_undone_and_costs_the_others_nothing(
        self, make_writer: Callable[..., Writer], path: Path
    ) -> None:
        def drop_trigger(connection: OpenConnection, _: BaseException) -> None:
            connection.core.exec_driver_sql("DROP TRIGGER complain")

        def broken(connection: OpenConnection) -> None:
            insert("broken")(connection)  # needs the repair, and is not enough
            insert("broken")(connection)

        writer = make_writer(Repair(lambda exc: "complaint" in str(exc), drop_trigger))
        complain = (
            "CREATE TRIGGER complain AFTER INSERT ON item WHEN new.name = 'broken' "
            "BEGIN SELECT RAISE(ABORT, 'complaint'); END"
        )
        writer.run(lambda connection: connection.core.exec_driver_sql(complain))
        first, second, last = in_a_group(writer, insert("first"), broken, insert("last"))
        assert (first.finish(), last.finish()) == ("first", "last")
        assert "UNIQUE" in str(second.error)
        assert stored(path) == {"first", "last"}
        assert triggers(path) == {"poison", "complain"}


class TestInterrupts:
    @pytest.mark.parametrize(
        "exception", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError]
    )
    def test_any_exception_inside_an_operation_leaves_the_writer_working(
        self, writer: Writer, path: Path, exception: type[BaseException]
    ) -> None:
        def broken(connection: OpenConnection) -> None:
            insert("half")(connection)
            raise exception

        with pytest.raises(exception):
            writer.run(broken)
        first, middle, last = in_a_group(writer, insert("first"), broken, insert("last"))
        assert (first.finish(), last.finish()) == ("first", "last")
        assert isinstance(middle.error, exception)
        assert stored(path) == {"first", "last"}

    def test_ctrl_c_in_the_leading_thread_gives_the_others_their_turn(
        self, writer: Writer, path: Path
    ) -> None:
        callers: list[Caller] = []

        def interrupted(connection: OpenConnection) -> None:
            insert("half")(connection)
            for name in ("a", "b"):
                callers.append(Caller(lambda name=name: writer.run(insert(name))))
                until(lambda: writer.waiting == len(callers))
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            writer.run(interrupted)
        assert [caller.finish() for caller in callers] == ["a", "b"]
        assert stored(path) == {"a", "b"}

    def test_ctrl_c_while_leading_a_group_costs_no_follower_its_operation(
        self, writer: Writer, path: Path
    ) -> None:
        in_main, release = threading.Event(), threading.Event()
        interrupts = iter([True])

        def follower(connection: OpenConnection) -> str:
            if threading.current_thread() is threading.main_thread() and next(interrupts, False):
                signal.raise_signal(signal.SIGINT)
            return insert("follower")(connection)

        def hold() -> None:
            with writer.transaction():
                in_main.set()
                release.wait(30)

        def queue_follower_then_release() -> str:
            until(lambda: writer.waiting == 1)  # the main thread waits and will lead
            caller = Caller(lambda: writer.run(follower))
            until(lambda: writer.waiting == 2)
            release.set()
            return caller.finish()

        holder = Caller(hold)
        assert in_main.wait(30)
        helper = Caller(queue_follower_then_release)
        with pytest.raises(KeyboardInterrupt):
            writer.run(insert("main"))
        assert helper.finish() == "follower"
        holder.finish()
        assert stored(path) == {"follower"}


class TestLocks:
    @pytest.fixture
    def foreign(self, path: Path) -> Iterator[sqlite3.Connection]:
        connection = sqlite_driver().connect(path, isolation_level=None, check_same_thread=False)
        yield connection
        connection.close()

    def test_a_foreign_lock_is_waited_for_within_the_budget_and_reported(
        self, make_writer: Callable[..., Writer], foreign: sqlite3.Connection, path: Path
    ) -> None:
        writer = make_writer(lock_timeout=0.2, busy_timeout=10)
        writer.run(insert("before"))
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError) as caught:
            writer.run(insert("refused"))
        assert caught.value.waited >= 0.2
        with pytest.raises(StoreBusyError), writer.transaction():
            pass
        foreign.execute("ROLLBACK")
        writer.run(insert("after"))
        assert stored(path) == {"before", "after"}

    def test_a_foreign_lock_that_goes_in_time_costs_nothing(
        self, make_writer: Callable[..., Writer], foreign: sqlite3.Connection
    ) -> None:
        writer = make_writer(busy_timeout=1)
        foreign.execute("BEGIN IMMEDIATE")
        caller = Caller(lambda: writer.run(insert("patient")))
        caller.join(0.1)
        assert caller.is_alive()
        foreign.execute("ROLLBACK")
        assert caller.finish() == "patient"

    def test_callers_behind_a_long_transaction_are_told_after_their_patience(
        self, make_writer: Callable[..., Writer]
    ) -> None:
        writer = make_writer(lock_timeout=0.1)
        with writer.transaction():
            caller = Caller(lambda: writer.run(insert("late")))
            with pytest.raises(StoreBusyError, match="another thread"):
                caller.finish()
        assert writer.run(insert("next")) == "next"

    def test_a_full_queue_holds_callers_back(self, make_writer: Callable[..., Writer]) -> None:
        writer = make_writer(queue_size=2)
        with writer.transaction():
            callers = [Caller(lambda n=n: writer.run(insert(f"n{n}"))) for n in range(5)]
            until(lambda: writer.waiting == 2)
            callers[0].join(0.1)
            assert writer.waiting == 2
        assert {caller.finish() for caller in callers} == {f"n{n}" for n in range(5)}

    def test_a_full_queue_that_does_not_move_is_an_error(
        self, make_writer: Callable[..., Writer]
    ) -> None:
        writer = make_writer(queue_size=1, lock_timeout=0.1)
        with writer.transaction():
            callers = [Caller(lambda n=n: writer.run(insert(f"n{n}"))) for n in range(3)]
            for caller in callers:
                with pytest.raises(StoreBusyError, match="of this process"):
                    caller.finish()
        assert writer.run(insert("third")) == "third"


class TestTransaction:
    def test_it_commits_on_a_clean_exit_and_rolls_back_on_an_error(
        self, writer: Writer, path: Path
    ) -> None:
        with writer.transaction() as connection:
            insert("kept")(connection)
        with pytest.raises(LookupError), writer.transaction() as connection:
            insert("dropped")(connection)
            raise LookupError
        assert stored(path) == {"kept"}

    def test_a_write_inside_it_on_the_same_thread_is_refused_at_once(self, writer: Writer) -> None:
        with writer.transaction():
            with pytest.raises(NestedTransactionError):
                writer.run(insert("inner"))
            with pytest.raises(NestedTransactionError), writer.transaction():
                pass
            with pytest.raises(NestedTransactionError):
                writer.close()
        assert writer.run(insert("after")) == "after"

    def test_after_the_database_rolled_it_back_nothing_runs_in_autocommit(
        self, writer: Writer, path: Path
    ) -> None:
        with pytest.raises(StoreUnavailableError, match="rolled the transaction back"):
            with writer.transaction() as connection:
                insert("first")(connection)
                with pytest.raises(Exception, match="poisoned"):
                    insert("poison")(connection)
                insert("later")(connection)
        assert stored(path) == set()
        assert writer.run(insert("next")) == "next"

    def test_a_swallowed_rollback_is_an_error_at_the_end(self, writer: Writer, path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match="run all of it again"):
            with writer.transaction() as connection:
                insert("first")(connection)
                with pytest.raises(Exception, match="poisoned"):
                    insert("poison")(connection)
        assert stored(path) == set()


class TestClose:
    def test_it_can_be_called_twice_and_later_calls_raise_at_once(self, writer: Writer) -> None:
        writer.run(insert("one"))
        writer.close()
        writer.close()
        with pytest.raises(StoreClosedError):
            writer.run(insert("two"))
        with pytest.raises(StoreClosedError), writer.transaction():
            pass

    def test_while_others_write_everyone_gets_a_result_or_a_clear_error(
        self, make_writer: Callable[..., Writer], path: Path
    ) -> None:
        writer = make_writer()
        done: set[str] = set()

        def write(thread: int) -> None:
            for number in range(100_000):
                done.add(writer.run(insert(f"{thread}.{number}")))

        callers = [Caller(lambda thread=thread: write(thread)) for thread in range(8)]
        until(lambda: len(done) > 200)
        writer.close()
        for caller in callers:
            with pytest.raises(StoreClosedError):
                caller.finish()
        assert stored(path) == done

    def test_it_waits_for_the_running_transaction_and_refuses_the_queue(
        self, writer: Writer, path: Path
    ) -> None:
        inside, release = threading.Event(), threading.Event()

        def hold() -> None:
            with writer.transaction() as connection:
                inside.set()
                release.wait(30)
                insert("held")(connection)

        holder = Caller(hold)
        assert inside.wait(30)
        queued = Caller(lambda: writer.run(insert("queued")))
        until(lambda: writer.waiting == 1)
        closer = Caller(writer.close)
        with pytest.raises(StoreClosedError):
            queued.finish()
        assert closer.is_alive()
        release.set()
        closer.finish()
        holder.finish()
        assert stored(path) == {"held"}

    def test_a_transaction_that_does_not_end_cannot_make_it_hang(
        self, make_writer: Callable[..., Writer], path: Path
    ) -> None:
        writer = make_writer(lock_timeout=0.1)
        with writer.transaction() as connection:
            insert("kept")(connection)
            with pytest.raises(StoreBusyError):
                Caller(writer.close).finish()
        assert stored(path) == {"kept"}
        assert not len(writer._connections)  # closed at the end of the transaction


class TestFailures:
    def test_a_full_disk_is_a_clear_error_and_the_writer_goes_on(
        self, writer: Writer, path: Path
    ) -> None:
        def limit(connection: OpenConnection, pages: int) -> None:
            connection.core.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        writer.run(insert("small"))
        writer.run(lambda connection: limit(connection, 1))
        with pytest.raises(StoreUnavailableError, match=r"the disk is full .*; free some space"):
            writer.run(insert("x" * 1_000_000))
        big, little = in_a_group(writer, insert("y" * 1_000_000), insert("little"))
        assert isinstance(big.error, StoreUnavailableError)
        assert little.finish() == "little"
        writer.run(lambda connection: limit(connection, 1_000_000))
        writer.run(insert("x" * 1_000_000))
        assert stored(path) == {"small", "little", "x" * 1_000_000}

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("pool_size", 0),
            ("batch_size", 0),
            ("batch_wait_ms", -1),
            ("batch_wait_ms", "soon"),
            ("lock_timeout", float("nan")),
            ("synchronous", "OFF"),
            ("mmap_size", -1),
            ("cache_size", 1.5),
            ("busy_timeout", True),
            ("enable_batching", 1),
            ("colour", "red"),
        ],
    )
    def test_a_setting_that_cannot_be_used_is_refused_by_name(
        self, keyword: str, value: object
    ) -> None:
        with pytest.raises(InvalidArgumentError, match=keyword):
            make_settings(**{keyword: value})
