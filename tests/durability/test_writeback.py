"""Where checkpoints run inside commits, the system begins early to write the log to the disk."""

import sys
from pathlib import Path

import pytest

from hermes_store import SessionRepository
from hermes_store.database import sqlite_engines, writeback
from hermes_store.database.writeback import Writeback


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that the system was asked to begin writing."""
    names: list[str] = []

    def ask(descriptor: int, *how: int) -> int:
        assert how == (0, 0, 2)
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        return 0

    monkeypatch.setattr(writeback, "_sync_file_range", lambda: ask)
    return names


def test_the_system_is_asked_for_the_log_every_256_operations(
    database: Path, asked: list[str]
) -> None:
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        begun = Writeback(str(database))
        for operations in (255, 256, 257, 511, 512, 1_000):
            begun.after(operations)
    assert asked == ["state.db-wal"] * 3


def test_no_descriptor_stays_open(database: Path, asked: list[str]) -> None:
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        before = len(list(Path("/proc/self/fd").iterdir()))
        Writeback(str(database)).after(1_000)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert asked


def test_without_a_log_nothing_is_asked(tmp_path: Path, asked: list[str]) -> None:
    Writeback(str(tmp_path / "state.db")).after(1_000)
    assert asked == []


@pytest.mark.parametrize(
    "case",
    [
        (True, "NORMAL", True),
        (True, "FULL", False),
        (True, "EXTRA", False),
        (False, "NORMAL", False),
    ],
)
def test_it_is_asked_where_a_checkpoint_in_a_commit_would_wait_for_the_disk(
    database: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], case: tuple[bool, str, bool]
) -> None:
    has_bug, synchronous, expected = case
    monkeypatch.setattr(sqlite_engines, "has_wal_reset_bug", lambda _version: has_bug)
    with SessionRepository(database, synchronous=synchronous) as repository:
        repository.create_session("s", "test")
        for _ in range(256):
            repository.append_message("s", "user", "text")
    assert bool(asked) is expected


def test_linux_takes_the_call(tmp_path: Path) -> None:
    writeback._sync_file_range.cache_clear()
    file = tmp_path / "log"
    file.write_bytes(b"x" * 10_000)
    with file.open("rb") as opened:
        assert writeback._sync_file_range()(opened.fileno(), 0, 0, 2) == 0
        assert writeback._sync_file_range()(opened.fileno(), 0, 0, 1 << 30) == -1


def test_where_there_is_no_such_call_nothing_is_done(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    writeback._sync_file_range.cache_clear()
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        Writeback(str(database)).after(1_000)
        repository.append_message("s", "user", "text")
    writeback._sync_file_range.cache_clear()
