"""What get_stats tells of waiting: sums over the writes of this process."""

import threading

import pytest
from injected import Injected, driver_error
from support import Caller, until

from hermes_store import SessionRepository


def test_a_write_that_a_lock_refused_twice_tells_of_two_retries(
    repository: SessionRepository, database: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    injected = Injected(monkeypatch)
    refusals = [driver_error(database, "SQLITE_BUSY") for _ in range(2)]
    injected.should_fail = lambda said: refusals.pop() if said == "BEGIN" and refusals else None
    Caller(lambda: repository.create_session("s", "cli")).finish()
    stats = repository.get_stats()
    assert stats["lock_retries"] == 2
    assert stats["lock_wait_seconds"] >= 0.02  # two pauses, at least
    assert stats["commit_seconds"] > 0


def test_writes_that_wait_for_their_group_tell_how_long_and_how_many(
    repository: SessionRepository,
) -> None:
    repository.create_session("s", "cli")
    before = repository.get_stats()
    writer, released = repository._store._writer, threading.Event()
    most = writer.most_leaders
    holding = [Caller(lambda: hold(repository, released)) for _ in range(most)]
    until(lambda: len(writer._turns._leaders) == most)
    callers = [Caller(lambda: repository.append_message("s", "u", "x")) for _ in range(10)]
    until(lambda: writer.waiting == 10)
    released.set()
    for caller in [*holding, *callers]:
        caller.finish()
    stats = repository.get_stats()
    assert stats["total_writes"] - before["total_writes"] == most + 10
    assert 1 < stats["largest_group"] <= 10
    assert stats["queue_wait_seconds"] > before["queue_wait_seconds"]


def hold(repository: SessionRepository, released: threading.Event) -> None:
    with repository.transaction():
        released.wait(30)
