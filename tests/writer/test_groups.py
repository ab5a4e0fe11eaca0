"""A group: appends of many callers in one statement."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import URL, event
from support import Caller, only_sqlite, until

from hermes_store import SessionRepository
from hermes_store.errors import SessionNotFoundError

ODD_TEXTS = [
    "",
    " ",
    "NULL",
    "null",
    '{"a", \\"b\\"}',
    "it's\\n",
    "a\0b",
    "\ud800",
    "日本\u2003x",
    "%s",
]


@pytest.fixture
def repository(database: Path | URL) -> Iterator[SessionRepository]:
    one = {"write_pool_size": 1} if isinstance(database, URL) else {}
    with SessionRepository(database, **one) as repository:
        for session_id in ("a", "b", "c"):
            repository.create_session(session_id, "cli")
        yield repository


def in_a_group(repository: SessionRepository, *calls: Callable[[], object]) -> list[Caller]:
    """Queue the calls behind a transaction, then let them run as one group."""
    groups = repository.get_stats()["batch_count"]
    with repository.transaction():
        callers = []
        for number, call in enumerate(calls, start=1):
            callers.append(Caller(call))
            until(lambda number=number: repository.get_stats()["pending_writes"] == number)
    for caller in callers:
        caller.join(30)
        assert not caller.is_alive()
    assert repository.get_stats()["batch_count"] == groups + 2
    return callers


def append(repository: SessionRepository, session_id: str, content: Any) -> Callable[[], int]:
    return lambda: repository.append_message(session_id, "user", content)


def contents(repository: SessionRepository, session_id: str) -> list[Any]:
    return [message["content"] for message in repository.get_messages(session_id)]


def test_each_caller_gets_the_id_of_its_message(repository: SessionRepository) -> None:
    calls = [append(repository, session_id, str(n)) for n, session_id in enumerate("bacabba")]
    ids = [caller.finish() for caller in in_a_group(repository, *calls)]
    for n, session_id in enumerate("bacabba"):
        messages = {message["id"]: message for message in repository.get_messages(session_id)}
        assert messages[ids[n]]["content"] == str(n)


def test_messages_of_one_session_stay_in_the_order_of_the_queue(
    repository: SessionRepository,
) -> None:
    in_a_group(repository, *(append(repository, "ba"[n % 2], str(n)) for n in range(6)))
    assert contents(repository, "a") == ["1", "3", "5"]
    assert contents(repository, "b") == ["0", "2", "4"]


def test_each_session_counts_its_own_messages_and_calls(repository: SessionRepository) -> None:
    def call(session_id: str, calls: int, at: float) -> Callable[[], int]:
        return lambda: repository.append_message(
            session_id, "assistant", tool_calls=[{"id": "x"}] * calls or None, timestamp=at
        )

    latest = repository.get_session("a")["last_active"] + 100
    in_a_group(repository, call("a", 2, latest), call("b", 1, 5.0), call("a", 3, latest - 50))
    a, b = repository.get_session("a"), repository.get_session("b")
    assert (a["message_count"], a["tool_call_count"], a["last_active"]) == (2, 5, latest)
    assert (b["message_count"], b["tool_call_count"]) == (1, 1)
    assert b["last_active"] == b["started_at"]


def test_every_value_is_stored_as_by_an_append_alone(repository: SessionRepository) -> None:
    whole = {
        "role": "assistant",
        "content": [{"type": "text", "text": 'a "quoted" \0 text'}],
        "tool_name": "terminal",
        "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a": "b\\\\"}'}}],
        "tool_call_id": "call, {1}",
        "token_count": 2**40,
        "finish_reason": "stop",
        "reasoning": "because",
        "reasoning_details": {"a": [None, 1.5]},
        "codex_reasoning_items": [{"é": "è"}],
        "timestamp": 1_750_000_000.123456,
    }
    messages = [whole, *({"role": "user", "content": text, "timestamp": 1.0} for text in ODD_TEXTS)]
    for message in messages:
        repository.append_message("a", **message)
    in_a_group(
        repository,
        *(lambda m=message: repository.append_message("b", **m) for message in messages),
    )
    alone, together = (
        [{**message, "id": None, "session_id": None} for message in repository.get_messages(s)]
        for s in ("a", "b")
    )
    assert together == alone


def test_an_append_to_a_missing_session_fails_for_its_caller_alone(
    repository: SessionRepository,
) -> None:
    first, missing, last = in_a_group(
        repository,
        append(repository, "a", "first"),
        append(repository, "missing", "never"),
        append(repository, "b", "last"),
    )
    assert isinstance(missing.error, SessionNotFoundError)
    assert (first.error, last.error) == (None, None)
    assert contents(repository, "a") + contents(repository, "b") == ["first", "last"]


def test_other_operations_of_the_group_are_done_too(repository: SessionRepository) -> None:
    in_a_group(
        repository,
        append(repository, "a", "one"),
        lambda: repository.end_session("a", "over"),
        lambda: repository.create_session("d", "cli"),
        append(repository, "a", "two"),
        lambda: repository.append_messages("b", [{"role": "user", "content": "three"}]),
    )
    assert contents(repository, "a") == ["one", "two"]
    assert contents(repository, "b") == ["three"]
    assert repository.get_session("a")["end_reason"] == "over"
    assert repository.get_session("d") is not None


@only_sqlite
def test_large_messages_of_a_group_are_given_to_sqlite_one_after_the_other(
    repository: SessionRepository,
) -> None:
    inserts: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO messages "):
            inserts.append(statement)

    event.listen(repository.engines.write, "before_cursor_execute", note)
    texts = [str(n) * (1 << 20) for n in range(3)] + ["small", "too"]
    callers = in_a_group(repository, *(append(repository, "a", text) for text in texts))
    assert len(inserts) == 4
    ids = [caller.finish() for caller in callers]
    assert ids == [message["id"] for message in repository.get_messages("a")]
    assert contents(repository, "a") == texts


def append_in_a_transaction(repository: SessionRepository) -> None:
    with repository.transaction() as tx:
        tx.append_message("a", "user", "interrupted")


@pytest.mark.parametrize(
    "write",
    [lambda repo: repo.append_message("a", "user", "interrupted"), append_in_a_transaction],
    ids=["method", "transaction"],
)
def test_after_ctrl_c_in_a_statement_that_is_listened_to_the_next_write_is_stored(
    repository: SessionRepository, write: Callable[[SessionRepository], object]
) -> None:
    interrupts = [KeyboardInterrupt()]

    def interrupt(*_: object) -> None:
        if interrupts:
            raise interrupts.pop()

    event.listen(repository.engines.write, "before_cursor_execute", lambda *_: None)
    event.listen(repository.engines.write, "do_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(repository)
    repository.append_message("a", "user", "stored")
    assert contents(repository, "a") == ["stored"]


@only_sqlite
def test_no_function_of_python_runs_inside_a_statement_of_a_write(
    repository: SessionRepository,
) -> None:
    """Ctrl-C there would be an error of SQLite, which looks like damage of the search index."""
    running: list[str] = []
    inside: list[str] = []

    def watch(frame: FrameType, what: str, function: Any) -> None:
        if what == "call" and running:
            inside.append(frame.f_code.co_name)
        elif what.startswith("c_") and function.__name__ in {"execute", "executemany", "commit"}:
            running.append(what) if what == "c_call" else running.pop()

    repository._store._writer._connections.close_idle()  # so that the statements are prepared, too
    sys.setprofile(watch)
    try:
        repository.append_message("a", "user", "x")
        append_in_a_transaction(repository)
    finally:
        sys.setprofile(None)
    assert (running, inside) == ([], [])
