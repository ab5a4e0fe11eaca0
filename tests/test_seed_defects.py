"""The defects of the hand-written store before this one, by number: none has come back.

A: lost data, hung or crashed. B: failed or gave wrong results on ordinary use. C: opening.
"""

import gc
import itertools
import os
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import prepared
import pytest
from support import Caller

from hermes_store import SessionRepository, Settings
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import InvalidArgumentError, StoreBusyError, StoreClosedError

GOLDEN = Path(__file__).parent / "golden"
BOTH_MODES = pytest.mark.parametrize("batching", [True, False], ids=["batched", "direct"])


@pytest.fixture
def database(sqlite_database: Path) -> Path:
    """The original knew SQLite only."""
    return sqlite_database


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that runs `code`."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return prepared.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """What a process printed; fail when it hangs or ends badly."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


def other_tool(path: Path) -> sqlite3.Connection:
    return sqlite_driver().connect(path, isolation_level=None, timeout=0, check_same_thread=False)


def texts(repository, session_id):
    return [message["content"] for message in repository.get_messages(session_id)]


# --- A: loses data, hangs or crashes ------------------------------------------------------------


@BOTH_MODES
def test_a1_a_returned_write_is_visible_to_the_next_read(database, batching):
    with SessionRepository(database, enable_batching=batching) as repository:
        for number in range(200):
            repository.create_session(f"s{number}", "cli")
            assert repository.get_session(f"s{number}") is not None


def test_a2_an_acknowledged_message_survives_the_process(database):
    code = """if True:
        import os, sys
        from hermes_store import SessionRepository
        repository = SessionRepository(sys.argv[1])
        repository.create_session("s", "cli")
        for number in range(20):
            print(repository.append_message("s", "user", str(number)), flush=True)
        os._exit(0)"""
    acknowledged = [int(line) for line in finish(python(code, database)).split()]
    with SessionRepository(database) as repository:
        assert [message["id"] for message in repository.get_messages("s")] == acknowledged
        assert len(acknowledged) == repository.get_session("s")["message_count"] == 20


@BOTH_MODES
def test_a3_an_operation_that_fails_half_way_leaves_no_trace(database, batching):
    with SessionRepository(database, enable_batching=batching) as repository:
        repository.create_session("p", "cli")
        repository.append_message("p", "user", "precious")
        with closing(other_tool(database)) as other:
            other.execute("""CREATE TRIGGER refuse BEFORE DELETE ON sessions
                             BEGIN SELECT RAISE(ABORT, 'refused'); END""")
            with pytest.raises(Exception, match="refused"):
                repository.delete_session("p")
            other.execute("DROP TRIGGER refuse")
        assert texts(repository, "p") == ["precious"]
        assert repository.get_session("p")["message_count"] == 1


@BOTH_MODES
def test_a4_a_parent_can_be_deleted_and_its_child_stays(database, batching):
    with SessionRepository(database, enable_batching=batching) as repository:
        repository.create_session("p", "cli")
        repository.create_session("c", "cli", parent_session_id="p")
        assert repository.delete_session("p") is True
        assert repository.get_session("p") is None
        assert repository.get_session("c")["parent_session_id"] is None


@BOTH_MODES
def test_a5_a_chain_is_pruned_as_far_as_it_is_due(database, batching):
    with SessionRepository(database, enable_batching=batching) as repository:
        for name, parent in (
            ("root", None),
            ("other", None),
            ("x", None),
            ("y", "x"),
            ("tip", "root"),
        ):
            repository.create_session(name, "cli", parent_session_id=parent)
            repository.append_message(name, "user", "x")
            repository.end_session(name, "compression")
        with closing(other_tool(database)) as other:
            other.execute("UPDATE sessions SET started_at = 1000.0 WHERE id <> 'tip'")
        assert repository.prune_sessions(90) == 4
        assert repository.get_session("tip")["parent_session_id"] is None
        assert repository.message_count() == repository.session_count() == 1
        assert repository.prune_sessions(90) == 0


def test_a6_close_answers_everyone_who_waits(database):
    repository = SessionRepository(database)
    repository.create_session("s", "cli")
    with repository.transaction() as transaction:
        waiting = [Caller(lambda: repository.append_message("s", "user", "x")) for _ in range(3)]
        closing_thread = Caller(repository.close)
        transaction.append_message("s", "user", "first")
    closing_thread.finish()
    stored = 1
    for caller in waiting:
        try:
            caller.finish()
            stored += 1
        except StoreClosedError:
            pass
    with SessionRepository(database) as repository:
        assert repository.message_count("s") == stored


@BOTH_MODES
def test_a7_a_write_after_close_raises_at_once(database, batching):
    repository = SessionRepository(database, enable_batching=batching)
    repository.create_session("s", "cli")
    repository.close()
    caller = Caller(lambda: repository.append_message("s", "user", "x"))
    with pytest.raises(StoreClosedError):
        caller.finish()


@BOTH_MODES
def test_a8_closing_under_writers_does_not_crash(database, batching):
    code = """if True:
        import sys, threading
        from hermes_store import SessionRepository
        from hermes_store.errors import StoreClosedError
        repository = SessionRepository(sys.argv[1], enable_batching=sys.argv[2] == "True")
        repository.create_session("s", "cli")
        acknowledged = []
        def write():
            try:
                while True:
                    acknowledged.append(repository.append_message("s", "user", "hello " * 200))
            except StoreClosedError:
                pass
        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads: thread.start()
        while len(acknowledged) < 50: pass
        repository.close()
        for thread in threads: thread.join()
        print(len(acknowledged))"""
    acknowledged = int(finish(python(code, database, batching)))
    with SessionRepository(database) as repository:
        assert repository.message_count("s") == acknowledged


def test_a9_a_locked_database_is_a_typed_error_and_then_writable_again(database):
    with (
        SessionRepository(database, lock_timeout=0.05, busy_timeout=10) as repository,
        closing(other_tool(database)) as other,
    ):
        repository.create_session("before", "cli")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="locked by another process"):
            repository.create_session("s", "cli")
        assert repository.get_session("s") is None
        other.execute("ROLLBACK")
        repository.create_session("s", "cli")


@BOTH_MODES
def test_a10_repositories_that_are_dropped_leave_nothing_open(database, batching):
    def held():
        gc.collect()
        return threading.active_count(), len([*Path("/dev/fd").iterdir()])

    SessionRepository(database).create_session("s", "cli")
    before = held()
    for _ in range(20):
        SessionRepository(database, enable_batching=batching).get_session("s")
        SessionRepository(database, enable_batching=batching).append_message("s", "user", "x")
    assert held() <= before


# --- B: fails or gives wrong results on ordinary use --------------------------------------------


def test_b1_an_id_is_found_by_its_beginning(repository):
    assert repository.resolve_session_id("x") is None
    repository.create_session("20260315_abc", "cli")
    assert repository.resolve_session_id("2026") == "20260315_abc"
    assert repository.resolve_session_id("x") is None
    repository.create_session("20260315_abd", "cli")
    assert repository.resolve_session_id("2026") is None


def test_b2_a_title_finds_its_latest_continuation(repository):
    assert repository.resolve_session_by_title("x") is None
    for name, title in (("a", "x"), ("b", "x #2"), ("c", "y")):
        repository.create_session(name, "cli")
        repository.set_session_title(name, title)
    assert repository.resolve_session_by_title("x") == "b"
    assert repository.resolve_session_by_title("y") == "c"
    assert repository.resolve_session_by_title("z") is None


def test_b3_the_next_title_is_found_beside_other_titles(repository):
    assert repository.get_next_title_in_lineage("x") == "x"
    for name, title in (("a", "y"), ("b", None), ("c", "x")):
        repository.create_session(name, "cli")
        repository.set_session_title(name, title)
    assert repository.get_next_title_in_lineage("x") == "x #2"


@pytest.mark.parametrize(
    "query",
    ["what is this", "what is this?", "foo.py", "path/to/file", "user@example.com", "it's", "#1",
     "100%", "foo.py, path", "see:", "a=b", "<tag>", "[x]", "x & y", "$HOME", "wow!", "a;b"],
)  # fmt: skip
def test_b4_punctuation_is_searched_and_not_an_empty_list(repository, query):
    repository.create_session("s", "cli")
    text = (
        "what is this? see: foo.py, path/to/file, user@example.com; it's #1 = 100% "
        "a=b <tag> [x] & y $HOME wow! a;b"
    )
    repository.append_message("s", "user", text)
    assert len(repository.search_messages(query)) == 1


def test_b5_the_context_is_the_neighbours_in_the_same_session(repository):
    for name in "ab":
        repository.create_session(name, "cli")
    for name, text in (("a", "before"), ("b", "x"), ("a", "needle"), ("b", "y"), ("a", "after")):
        repository.append_message(name, "user", text)
    context = repository.search_messages("needle")[0]["context"]
    assert [message["content"] for message in context] == ["before", "needle", "after"]


def test_b6_a_lone_write_runs_at_once_in_the_thread_that_asked(repository):
    assert Settings().batch_wait_ms == 0
    threads = threading.active_count()
    ran_in = repository._write(lambda _: (threading.get_ident(), threading.active_count()))
    assert ran_in == (threading.get_ident(), threads)


def test_b7_structured_content_is_stored_and_restored(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", [{"type": "text", "text": "hi"}])
    assert texts(repository, "s") == [[{"type": "text", "text": "hi"}]]


def test_b8_a_lone_surrogate_costs_no_message(repository):
    repository.create_session("s", "cli")
    repository.append_message("s", "user", "a \ud800 b")
    assert texts(repository, "s") == ["a \ufffd b"]


def test_b9_unknown_usage_counts_as_zero(repository):
    repository.create_session("s", "cli")
    for count in (100, None, 50):
        repository.update_token_counts("s", input_tokens=count)
    assert repository.get_session("s")["input_tokens"] == 150


def test_b10_a_session_without_source_or_id_is_refused(repository):
    for session_id, source in (("t", None), (None, "cli"), ("t", ""), ("", "cli")):
        with pytest.raises(InvalidArgumentError):
            repository.create_session(session_id, source)
    assert repository.session_count() == 0


def test_b11_the_order_is_that_of_storing_though_the_clock_steps_back(repository, monkeypatch):
    repository.create_session("s", "cli")
    clock = itertools.count(1000, -5)
    monkeypatch.setattr("time.time", lambda: float(next(clock)))
    repository.append_message("s", "user", "first")
    repository.append_message("s", "assistant", "second")
    assert texts(repository, "s") == ["first", "second"]
    assert [m["role"] for m in repository.get_messages_as_conversation("s")] == [
        "user",
        "assistant",
    ]


def test_b12_json_columns_come_back_decoded_everywhere(repository):
    repository.create_session("s", "cli", model_config={"a": 1})
    given = {
        "tool_calls": [{"id": "1"}],
        "reasoning_details": [{"r": 1}],
        "codex_reasoning_items": [{"c": 1}],
    }
    repository.append_message("s", "assistant", **given)
    exported = repository.export_session("s")
    for message in (
        repository.get_messages("s")[0],
        repository.get_messages_as_conversation("s")[0],
        exported["messages"][0],
    ):
        assert {name: message[name] for name in given} == given
    for session in (
        repository.get_session("s"),
        exported,
        *repository.search_sessions(),
        *repository.list_sessions_rich(),
    ):
        assert session["model_config"] == {"a": 1}


@BOTH_MODES
def test_b13_statistics_count_writes_and_change_nothing(database, batching):
    with SessionRepository(database, enable_batching=batching) as repository:
        repository.create_session("s", "cli")
        log = Path(f"{database}-wal")
        before = log.read_bytes(), database.read_bytes()
        assert repository.get_stats()["total_writes"] == 1
        assert (log.read_bytes(), database.read_bytes()) == before


def test_b14_an_export_has_no_hidden_limit(repository, database):
    with closing(other_tool(database)) as other:
        other.execute("""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)
            INSERT INTO sessions (id, source, started_at) SELECT 's' || i, 'cli', i FROM n""")
    assert sum(1 for _ in repository.iter_export()) == 100_001


# --- C: opening ---------------------------------------------------------------------------------


def test_c1_a_path_may_be_text_and_memory_is_refused_clearly(tmp_path):
    with SessionRepository(str(tmp_path / "folder" / "x.db")) as repository:
        repository.create_session("s", "cli")
        assert repository.get_session("s") is not None
    for memory in (":memory:", Path(":memory:"), "sqlite://"):
        with pytest.raises(InvalidArgumentError, match="memory"):
            SessionRepository(memory)


def test_c2_processes_that_open_a_new_file_together_all_succeed(tmp_path):
    code = """if True:
        import sys
        from hermes_store import SessionRepository
        print("ready", flush=True)
        sys.stdin.read()
        with SessionRepository(sys.argv[1]) as repository:
            repository.create_session(sys.argv[2], "cli")"""
    path = tmp_path / "new.db"
    read_end, write_end = os.pipe()
    command = [sys.executable, "-W", "error", "-c", code, str(path)]
    processes = [
        prepared.Popen([*command, f"s{number}"], stdin=read_end, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for number in range(6)
    ]  # fmt: skip
    os.close(read_end)
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    os.close(write_end)  # all read the end of their input now, and go on
    for process in processes:
        finish(process)
    with SessionRepository(path) as repository:
        assert repository.session_count() == 6
    with closing(other_tool(path)) as other:
        assert len(other.execute("SELECT * FROM hermes_store_version").fetchall()) == 1


def legacy(name: str, folder: Path) -> Path:
    """A file of the original store."""
    path = folder / f"{name}.db"
    with closing(other_tool(path)) as other:
        other.executescript((GOLDEN / f"{name}.sql").read_text(encoding="utf-8"))
    return path


def test_c3_a_file_with_equal_titles_opens_and_keeps_its_sessions(tmp_path):
    path = legacy("equal_titles_v3", tmp_path)
    with closing(other_tool(path)) as other:
        ids = {row[0] for row in other.execute("SELECT id FROM sessions")}
    for _ in range(2):
        with SessionRepository(path) as repository:
            sessions = repository.search_sessions(limit=None)
    assert {session["id"] for session in sessions} == ids
    titles = [session["title"] for session in sessions if session["title"]]
    assert len(titles) == len(set(titles))


def test_c4_old_messages_of_a_file_without_an_index_are_found_and_can_be_deleted(tmp_path):
    with SessionRepository(legacy("no_search_table", tmp_path)) as repository:
        found = repository.search_messages("needle")
        assert len(found) == 1
        repository.clear_messages(found[0]["session_id"])
        assert repository.search_messages("needle") == []


def test_c5_a_setting_of_zero_is_honoured_or_refused(database):
    with SessionRepository(database, batch_wait_ms=0) as repository:
        repository.create_session("s", "cli")
    for setting in ("pool_size", "batch_size"):
        with pytest.raises(InvalidArgumentError, match=setting):
            SessionRepository(database, **{setting: 0})


# --- all of them --------------------------------------------------------------------------------


def test_every_one_of_the_29_defects_has_a_test():
    numbers = [name.split("_")[1] for name in globals() if re.match(r"test_[abc]\d+_", name)]
    expected = [
        f"{part}{n}" for part, most in (("a", 10), ("b", 14), ("c", 5)) for n in range(1, most + 1)
    ]
    assert numbers == expected
    assert len(numbers) == 29
