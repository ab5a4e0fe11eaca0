"""Two processes with eight threads write all the time: a backup ends, and a restore loses nothing."""

import time
from pathlib import Path

import pytest
import stored
from durability.writers import with_sessions, writing_to
from sqlalchemy import URL
from support import until

from hermes_store import SessionRepository
from hermes_store.transfer.backup import backup
from hermes_store.transfer.restoring import restore

THREADS = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "b.db"


def contents(database: Path | URL) -> set[str]:
    with SessionRepository(database) as repository:
        assert repository.check() == []
    stored.check(database)
    return set(stored.column(database, "SELECT content FROM messages"))


def has_gaps(texts: set[str]) -> bool:
    """Whether a message is there without one that its thread had stored before."""
    numbers: dict[str, list[int]] = {}
    for text in texts:
        name, _, number = text.rpartition(" message ")
        numbers.setdefault(name, []).append(int(number))
    return any(len(each) != max(each) + 1 for each in numbers.values())


def test_a_backup_ends_and_a_restore_loses_nothing_that_was_acknowledged(
    database: Path | URL, path: Path
) -> None:
    with_sessions(database, THREADS)
    backup(database, path)
    with writing_to(database, THREADS) as writers:
        before = set(writers.acknowledged)
        later = backup(database, path.with_name("later.db"))
        assert writers.errors == []
        kept = restore(path, database, replace=True).kept
        moment = time.monotonic_ns()
        until(lambda: writers.all_wrote_after(moment))
    held, now = contents(later.path), contents(database)
    assert before - held == set()
    assert len(held) == later.messages
    assert not has_gaps(held)
    assert kept is not None
    assert held - contents(kept) == set()
    assert writers.acknowledged.keys() - contents(kept) - now == set()
    assert writers.begun_after(moment) - now == set()
    assert set(writers.errors) <= {"FileReplacedError", "StoreUnavailableError"}
