"""Repositories of one process on one file: what they share, and what each has for itself."""

import os
import time
from pathlib import Path

import pytest
import stored
from support import Caller, until

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, StoreBusyError

SHARED = {
    "synchronous": "FULL",
    "batch_size": 7,
    "batch_wait_ms": 1.0,
    "enable_batching": False,
    "queue_size": 77,
    "busy_timeout": 77,
    "journal_size_limit": 77_777,
    "wal_autocheckpoint": 77,
}


@pytest.mark.parametrize("name", SHARED)
def test_a_setting_of_the_shared_writer_that_differs_is_an_error_that_names_it(
    database: Path, name: str
) -> None:
    with SessionRepository(database) as first:
        with pytest.raises(InvalidArgumentError, match=f"^{name}: this process has .* open with"):
            SessionRepository(database, **{name: SHARED[name]})
        first.create_session("s", "test")
    with SessionRepository(database, **{name: SHARED[name]}) as alone:
        assert alone.session_count() == 1


def test_one_that_only_reads_may_differ(database: Path) -> None:
    with (
        SessionRepository(database),
        SessionRepository(database, read_only=True, synchronous="FULL") as reader,
    ):
        assert reader.session_count() == 0


def test_each_caller_has_the_patience_of_its_own_repository(database: Path) -> None:
    patient = SessionRepository(database, lock_timeout=3600, busy_timeout=1)
    hasty = SessionRepository(database, lock_timeout=0, busy_timeout=1)
    patient.create_session("s", "test")
    with stored.connected(database) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        waits = Caller(lambda: patient.append_message("s", "user", "patient"))
        until(lambda: patient._store._writer._turns.led)
        for write in (
            lambda: hasty.append_message("s", "user", "hasty"),
            lambda: hasty.transaction().__enter__(),
        ):
            with pytest.raises(StoreBusyError):
                write()
        assert waits.is_alive()
    waits.finish()
    assert stored.column(database, "SELECT content FROM messages") == ["patient"]
    patient.close()
    hasty.close()


def test_a_hasty_caller_in_the_group_of_a_patient_one_does_not_wait_with_it(database: Path) -> None:
    settings = {"busy_timeout": 1, "batch_wait_ms": 60_000, "batch_size": 2}
    patient = SessionRepository(database, lock_timeout=3600, **settings)
    hasty = SessionRepository(database, lock_timeout=0.3, **settings)
    with SessionRepository(database, read_only=True):
        pass
    with stored.connected(database) as blocker:
        stored.change(
            database, "INSERT INTO sessions (id, source, started_at) VALUES ('s', 't', 1)"
        )
        blocker.execute("BEGIN IMMEDIATE")
        waits = Caller(lambda: patient.append_message("s", "user", "patient"))
        until(lambda: patient._store._writer._turns.led)
        began = time.monotonic()
        with pytest.raises(StoreBusyError) as raised:
            hasty.append_message("s", "user", "hasty")
        assert 0.3 <= raised.value.waited <= time.monotonic() - began
        assert waits.is_alive()
    waits.finish()
    assert stored.column(database, "SELECT content FROM messages") == ["patient"]
    patient.close()
    hasty.close()


def test_folders_made_on_the_way_are_their_owners_alone(tmp_path: Path) -> None:
    database = tmp_path / "a" / "b" / "state.db"
    before = os.umask(0)
    try:
        SessionRepository(database).close()
    finally:
        os.umask(before)
    modes = [each.stat().st_mode & 0o777 for each in (database, *database.parents[:2])]
    assert modes == [0o600, 0o700, 0o700]
