"""What was deleted is not found, and after `optimize()` it is in no byte; others are not in the way
for longer than `lock_timeout`."""

import subprocess
import sys
import time
from contextlib import closing

import prepared
import pytest
from sqlalchemy import URL
from stored import change, check, connected
from support import Caller, only_sqlite

from hermes_store import SessionRepository
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import SearchIndexError, StoreBusyError, StoreClosedError

# Words that share no beginning with others, so that an index cannot hold only their ends.
SECRET = "Qwyxzv9 Jkvvqz7"
FILLING = "kept text of other sessions"
WAYS = {
    "a session deleted": lambda repository: repository.delete_session("secret"),
    "messages cleared": lambda repository: repository.clear_messages("secret"),
    "sessions pruned": lambda repository: repository.prune_sessions(0),
}


@pytest.fixture
def repository(database):
    """Two sessions whose messages interleave; one of them holds a secret in every place."""
    with SessionRepository(database, lock_timeout=0.3) as repository:
        for session_id in ("secret", "kept"):
            repository.create_session(session_id, "cli")
        for _ in range(200):
            repository.append_message("secret", "user", f"a {SECRET} of text")
            repository.append_message("kept", "user", FILLING)
        repository.append_message("secret", "assistant", [{"type": "text", "text": SECRET}])
        repository.append_message("secret", "tool", tool_name=SECRET.split(maxsplit=1)[0])
        calls = [{"function": {"name": "f", "arguments": {"a": SECRET}}}]
        repository.append_message("secret", "assistant", tool_calls=calls, reasoning=SECRET)
        repository.end_session("secret", "done")
        yield repository


def bytes_of(database):
    """Everything on the disk: the file, its log and the log's index."""
    return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))


@pytest.mark.parametrize("way", WAYS)
def test_no_word_of_what_was_deleted_is_found(repository, way):
    assert len(repository.search_messages(SECRET, limit=None)) == 202
    WAYS[way](repository)
    for typed in (SECRET, *SECRET.split(), "qwy*", f'"{SECRET}"', '"of text"'):
        assert repository.search_messages(typed) == []
    assert len(repository.search_messages("kept", limit=None)) == 200


@only_sqlite
@pytest.mark.parametrize("way", WAYS)
def test_no_word_of_what_was_deleted_is_in_any_byte_after_optimize(repository, database, way):
    WAYS[way](repository)
    repository.optimize()
    left = bytes_of(database).lower()
    for word in SECRET.lower().split():
        assert word.encode() not in left
    assert FILLING.encode() in left
    assert len(repository.search_messages("kept", limit=None)) == 200
    check(database)


@only_sqlite
def test_the_index_knows_no_deleted_word_after_optimize(repository, database):
    repository.delete_session("secret")
    repository.optimize()
    with connected(database) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, messages_fts, row)"
        )
        words = {word for (word,) in connection.execute("SELECT term FROM temp.words")}
    assert words == set(FILLING.split())


def test_optimize_changes_no_answer_and_can_be_repeated(repository, database):
    before = repository.export_all(), repository.search_messages("kept OR text", limit=None)
    for _ in range(2):
        repository.optimize()
        assert (
            repository.export_all(),
            repository.search_messages("kept OR text", limit=None),
        ) == before
    assert repository.check() == []


@only_sqlite
def test_the_file_is_shorter_afterwards(repository, database):
    repository.append_messages("secret", [{"role": "tool", "content": "word " * 2_000}] * 100)
    repository.optimize()
    before = database.stat().st_size
    repository.delete_session("secret")
    repository.optimize()
    assert database.stat().st_size < before / 4
    assert database.with_name("state.db-wal").stat().st_size == 0


def test_optimize_of_a_closed_repository_is_refused(database):
    repository = SessionRepository(database)
    repository.close()
    with pytest.raises(StoreClosedError):
        repository.optimize()


@only_sqlite
def test_optimize_of_a_damaged_index_is_refused_and_names_the_remedy(repository, database):
    change(database, "DROP TRIGGER messages_fts_insert")
    with pytest.raises(SearchIndexError, match="reindex"):
        repository.optimize()
    repository.reindex()
    repository.optimize()
    assert repository.check() == []


# --- others in the way ----------------------------------------------------------------------------


@pytest.fixture
def in_the_way(database):
    """Another program, in a transaction that `optimize()` has to wait for."""
    if isinstance(database, URL):
        with connected(database) as connection:
            connection.execute("LOCK TABLE messages IN SHARE UPDATE EXCLUSIVE MODE")
            yield connection
    else:
        with closing(sqlite_driver().connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM messages").fetchone()
            yield connection


def test_optimize_is_refused_while_somebody_is_in_the_way_and_works_afterwards(
    repository, database, in_the_way
):
    repository.delete_session("secret")
    with pytest.raises(StoreBusyError):
        repository.optimize()
    repository.append_message("kept", "user", "still written")
    assert len(repository.search_messages("kept", limit=None)) == 200
    in_the_way.rollback()
    repository.optimize()
    assert repository.check() == []
    if not isinstance(database, URL):
        assert SECRET.encode() not in bytes_of(database)


_HOLD_CHECKPOINT_LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+b") as shared_memory:
    fcntl.lockf(shared_memory, fcntl.LOCK_EX, 1, 121)  # WAL_CKPT_LOCK of sqlite's wal.c
    print("held", flush=True)
    sys.stdin.readline()
"""


@only_sqlite
def test_optimize_waits_for_the_checkpoint_of_another_process(repository, database, monkeypatch):
    held = prepared.Popen(
        [sys.executable, "-c", _HOLD_CHECKPOINT_LOCK, f"{database}-shm"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert held.stdout.readline() == "held\n"
    waited = []

    def let_go(seconds):
        waited.append(seconds)
        held.communicate("\n")

    monkeypatch.setattr("hermes_store.database.sqlite.time.sleep", let_go)
    repository.optimize()
    assert waited
    assert database.with_name("state.db-wal").stat().st_size == 0


def test_others_write_while_the_index_is_merged(repository, database):
    with SessionRepository(database) as other:
        writing = Caller(
            lambda: [other.append_message("kept", "user", f"more {n}") for n in range(100)]
        )
        while writing.is_alive():
            try:
                repository.optimize()
            except StoreBusyError:  # a writer was faster for as long as `lock_timeout`
                time.sleep(0)
        assert len(writing.finish()) == 100
    assert len(repository.search_messages("more", limit=None)) == 100
    assert repository.check() == []
