"""Reindexing: by one process at a time, in steps that others write between, and never in vain."""

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import prepared
import pytest
from sqlalchemy import URL
from stored import change, check, rows

from hermes_store import SessionRepository
from hermes_store.errors import SearchIndexError, StoreBusyError
from hermes_store.search import rebuild

SCRIPT = Path(__file__).with_name("reindexing.py")
OWNER = "SELECT state, owner, owned_until FROM search_index"
OTHER_HOST = "UPDATE search_index SET owner = 'other-host process 1 abcdef', owned_until = ?"
MESSAGES = 35
GONE = ("DROP TABLE messages_fts_docsize", "ALTER TABLE messages DROP COLUMN search")


@pytest.fixture
def repository(database, monkeypatch):
    """A store whose index is damaged, which is built in steps of ten messages."""
    monkeypatch.setattr(rebuild, "_STEP_MESSAGES", 10)
    with SessionRepository(database, lock_timeout=1.0) as repository:
        repository.create_session("s", "cli")
        contents = [
            f"before {number} {'even' if number % 2 == 0 else 'odd'}" for number in range(MESSAGES)
        ]
        repository.append_messages("s", [{"role": "user", "content": each} for each in contents])
        change(database, either(database, *GONE))
        yield repository


def either(database, on_sqlite, on_postgresql):
    return on_postgresql if isinstance(database, URL) else on_sqlite


def address(database):
    is_url = isinstance(database, URL)
    return database.render_as_string(hide_password=False) if is_url else database


class Reindexing:
    """A process that reindexes, a step whenever it is told to."""

    def __init__(self, database):
        self.process = prepared.Popen(
            [sys.executable, "-W", "error", SCRIPT, address(database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def told(self):
        return tuple(map(int, self.process.stdout.readline().split()))

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait(30) == -signal.SIGKILL


@contextmanager
def reindexing(database):
    started = Reindexing(database)
    with started.process:
        yield started
        started.process.kill()


def numbers_found(repository, typed):
    return len(repository.search_messages(typed, limit=None))


# --- steps ----------------------------------------------------------------------------------------


def test_progress_is_told_up_to_the_end(repository):
    told = []
    repository.reindex(lambda *step: told.append(step))
    assert told == [(0, MESSAGES), (10, MESSAGES), (20, MESSAGES), (30, MESSAGES), (MESSAGES,) * 2]


def test_others_write_between_the_steps_and_nothing_is_missing_or_twice(repository, database):
    with SessionRepository(database, lock_timeout=0.5) as other:
        other.create_session("t", "cli")

        def write(done, total):
            if done == 20:
                change(database, "UPDATE messages SET content = 'changed' WHERE id IN (5, 25)")
                change(database, "DELETE FROM messages WHERE id IN (6, 26)")
                other.append_messages("t", [{"role": "user", "content": "meanwhile"}] * 25)
                with pytest.raises(SearchIndexError, match="incomplete"):
                    other.search_messages("before")

        repository.reindex(write)
        counts = [numbers_found(other, word) for word in ("before", "changed", "meanwhile")]
    assert counts == [MESSAGES - 4, 2, 25]
    change(database, "UPDATE sessions SET message_count ="
           " (SELECT count(*) FROM messages WHERE session_id = sessions.id)")  # fmt: skip
    assert repository.check() == []
    check(database)


def test_a_step_takes_less_messages_when_they_are_long(repository, database, monkeypatch):
    monkeypatch.setattr(rebuild, "_STEP_CHARACTERS", 1_000)
    repository.append_messages("s", [{"role": "tool", "content": "long " * 400}] * 3)
    told = []
    repository.reindex(lambda done, total: told.append(done))
    assert told[-4:] == [30, 36, 37, 38]  # five short ones and a long one, then one at a time


def test_an_error_in_the_callers_progress_leaves_a_store_that_goes_on(repository, database):
    def fail(done, total):
        assert done < 20, "stop here"

    with pytest.raises(AssertionError, match="stop here"):
        repository.reindex(fail)
    repository.append_message("s", "user", "before")
    with pytest.raises(SearchIndexError, match="incomplete"):
        repository.search_messages("before")
    told = []
    repository.reindex(lambda done, total: told.append(done))
    assert told[0] == either(database, 21, 20)  # a server counts what was indexed up to an id


def test_who_builds_it_does_not_run_after_what_is_written_meanwhile(repository):
    told = []

    def write(*step):
        repository.append_messages("s", [{"role": "user", "content": "meanwhile"}] * 10)
        told.append(step)

    repository.reindex(write)
    assert [done for done, _ in told] == [0, 10, 20, 30, 35]
    assert numbers_found(repository, "meanwhile") == 50
    assert repository.check() == []


# --- one owner ------------------------------------------------------------------------------------


def test_a_second_process_is_refused_and_told_who_does_it(repository, database):
    with reindexing(database) as first:
        assert first.told() == (0, MESSAGES)
        with pytest.raises(StoreBusyError, match=f"process {first.process.pid}"):
            repository.reindex()
        repository.append_message("s", "user", "before")
        for _ in range(4):
            first.go_on()
            first.told()
        first.go_on()
        assert first.process.wait(30) == 0
    assert numbers_found(repository, "before") == MESSAGES + 1
    assert rows(database, OWNER) == [("ready", None, None)]


def test_what_a_killed_process_had_done_is_not_done_again(repository, database):
    with reindexing(database) as first:
        for done in (0, 10, 20):
            assert first.told() == (done, MESSAGES)
            first.go_on()
        assert first.told() == (30, MESSAGES)
        first.kill()
    repository.append_message("s", "user", "before")
    told = []
    repository.reindex(lambda *step: told.append(step))
    done = either(database, 31, 30)
    assert told == [(done, MESSAGES + 1), (MESSAGES + 1,) * 2]
    assert numbers_found(repository, "before") == MESSAGES + 1
    assert repository.check() == []


def test_a_process_of_another_machine_is_believed_as_long_as_it_is_heard_of(repository, database):
    change(database, OTHER_HOST, time.time() + 1000)
    with pytest.raises(StoreBusyError, match="other-host"):
        repository.reindex()
    change(database, OTHER_HOST, time.time() - 1)
    repository.reindex()
    assert repository.check() == []


def test_who_was_taken_for_dead_stops_when_another_has_taken_over(repository, database):
    def overtake(done, total):
        if done == 10:
            change(database, OTHER_HOST, time.time() + 1000)

    with pytest.raises(StoreBusyError, match="another reindex"):
        repository.reindex(overtake)
    ((state, owner, _),) = rows(database, OWNER)
    assert (state, owner) == ("incomplete", "other-host process 1 abcdef")


def test_a_sound_index_is_built_anew_too(repository):
    repository.reindex()
    told = []
    repository.reindex(lambda done, total: told.append(done))
    assert told[0] == 0
    assert numbers_found(repository, "even") == MESSAGES // 2 + 1


@pytest.mark.parametrize(
    "damage",
    [
        ("DROP VIEW messages_search", "DROP VIEW messages_search"),
        ("DROP TRIGGER messages_fts_delete", "DROP TRIGGER zz_messages_search ON messages"),
    ],
    ids=["view", "trigger"],
)
def test_an_interrupted_index_that_was_damaged_is_begun_anew(repository, database, damage):
    def fail(done, total):
        assert done < 20, "stop here"

    with pytest.raises(AssertionError, match="stop here"):
        repository.reindex(fail)
    change(database, either(database, *damage))
    told = []
    repository.reindex(lambda done, total: told.append(done))
    assert told[0] == 0
    assert repository.check() == []


def test_an_empty_store_is_ready_at_once(database):
    with SessionRepository(database) as repository:
        told = []
        repository.reindex(lambda *step: told.append(step))
        assert told == [(0, 0)]
        assert repository.check() == []


def test_messages_to_which_another_tool_gave_ids_below_one_are_indexed(sqlite_database):
    with SessionRepository(sqlite_database) as repository:
        repository.create_session("s", "cli")
        for id_ in (-(1 << 63) + 1, -5, 0):
            change(
                sqlite_database,
                "INSERT INTO messages(id, session_id, role, content, timestamp)"
                " VALUES (?, 's', 'user', 'word', 1)",
                id_,
            )
        repository.reindex()
        assert numbers_found(repository, "word") == 3
