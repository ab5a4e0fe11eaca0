"""kill -9 at every step, and a disk that is full: there is the old or the new, and it is whole."""

import multiprocessing
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import stored
from keeping.killing import RENAMING, killed_at_each_step, step
from sqlalchemy import URL

from hermes_store import SessionRepository
from hermes_store.errors import StoreUnavailableError
from hermes_store.transfer.backup import backup
from hermes_store.transfer.restoring import restore

KILLED = """
import os, sys, hermes_store
repository = hermes_store.SessionRepository(sys.argv[1])
repository.append_message("s", "user", "only in the log")
os.kill(os.getpid(), 9)
"""


def texts(database: Path | URL) -> list[str]:
    return stored.column(database, "SELECT content FROM messages ORDER BY id")


def opened(database: Path | URL) -> list[str]:
    """What a program finds that opens the store; fails unless the store is sound."""
    with SessionRepository(database) as repository:
        assert repository.check() == []
        found = [m["content"] for m in repository.get_messages("s")]
    stored.check(database)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A backup with the message "old", in a folder of its own."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "b.db"


@pytest.fixture
def changed(database: Path | URL, path: Path) -> Path | URL:
    """A store that has another message than its backup."""
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "in the backup")
        repository.backup(path)
        repository.replace_messages("s", [{"role": "user", "content": "in the store"}])
    return database


def test_a_backup_that_is_killed_leaves_the_one_before_or_the_new_one(
    changed: Path | URL, path: Path
) -> None:
    found = set()
    every = 1 if isinstance(changed, Path) else 9
    for number in killed_at_each_step(lambda: backup(changed, path, progress=step), every):
        found.add(tuple(texts(path)))
        assert number < 200
    both = {("in the backup",), ("in the store",)}
    assert found == both if isinstance(changed, Path) else found <= both
    assert texts(changed) == ["in the store"]
    assert [each.name for each in path.parent.iterdir()] == ["b.db"]  # the last one cleared away


def test_a_restore_that_is_killed_leaves_the_old_store_or_the_new_one(
    changed: Path | URL, path: Path
) -> None:
    good = path.read_bytes()
    found = set()

    def restored() -> None:
        restore(path, changed, replace=True, progress=step)

    for number in killed_at_each_step(restored, 1 if isinstance(changed, Path) else 13):
        now = tuple(opened(changed))
        found.add(now)
        assert number < 200
        if now == ("in the backup",):
            break  # what follows has nothing more to do with the store
    assert found <= {("in the store",), ("in the backup",)}
    assert ("in the store",) in found
    assert path.read_bytes() == good
    restore(path, changed, replace=True)
    assert opened(changed) == ["in the backup"]


@pytest.fixture
def with_a_log(template: Path, tmp_path: Path) -> Path:
    """A folder with a store whose last message is only in the log, as a killed process left it."""
    folder = tmp_path / "left"
    folder.mkdir()
    database = Path(shutil.copy(template, folder / "state.db"))
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
    left = subprocess.run([sys.executable, "-c", KILLED, database], check=False)
    assert left.returncode == -9
    assert Path(f"{database}-wal").stat().st_size
    return folder


def test_a_restore_that_is_killed_loses_nothing_of_the_log(
    with_a_log: Path, template: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "now"

    log = (with_a_log / "state.db-wal").read_bytes()
    shutil.copytree(with_a_log, folder)
    found = set()

    def restored() -> None:
        restore(template, folder / "state.db")

    for number in killed_at_each_step(restored, steps=RENAMING):
        assert number < 200
        now = opened(folder / "state.db")
        kept = [each for each in folder.glob("*replaced*") if each.suffix == ".db"]
        found.add(tuple(now))
        if now == []:
            [old] = kept
            aside = [each.read_bytes() for each in folder.glob("*-wal.of-*")]
            assert aside == [log] or opened(old) == ["only in the log"]
        shutil.rmtree(folder)
        shutil.copytree(with_a_log, folder)
    assert found == {("only in the log",), ()}


# --- a full disk ----------------------------------------------------------------------------------


def with_room_for(size: int, function) -> str:
    """Call `function` where no file may be longer than `size` bytes; return its error."""

    def child() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            function()
            theirs.send("")
        except StoreUnavailableError as exc:
            theirs.send(str(exc))

    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    process = context.Process(target=child)
    process.start()
    process.join(60)
    assert mine.poll(30)
    return mine.recv()


def test_a_full_disk_is_an_error_and_leaves_the_older_backup_and_the_store(
    changed: Path | URL, path: Path
) -> None:
    said = with_room_for(100_000, lambda: backup(changed, path))
    assert "check the disk" in said or "free some space" in said
    assert texts(path) == ["in the backup"]
    assert [each.name for each in path.parent.iterdir()] == ["b.db"]
    assert with_room_for(100_000, lambda: restore(path, changed, replace=True))
    assert opened(changed) == ["in the store"]
    assert [each.name for each in path.parent.iterdir()] == ["b.db"]
    if isinstance(changed, Path):
        assert [each for each in changed.parent.iterdir() if each.name[0] == "."] == []
