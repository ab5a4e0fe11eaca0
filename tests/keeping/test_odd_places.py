"""Backup and restore where something odd lies, and where another program is faster."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stored
from sqlalchemy import URL
from support import only_sqlite

from hermes_store import SessionRepository
from hermes_store.adapters.hermes_agent import SessionDB
from hermes_store.errors import InvalidArgumentError, RefusedError
from hermes_store.transfer.backup import backup
from hermes_store.transfer.restoring import restore
from hermes_store.transfer.unfinished import publish, unfinished

APPEND = """
import sys, hermes_store
with hermes_store.SessionRepository(sys.argv[1]) as repository:
    repository.append_message("s", "user", "theirs")
"""


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "empty.db"))


@pytest.fixture
def same_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.gmtime(0)
    monkeypatch.setattr("time.gmtime", lambda *_: now)


@pytest.mark.parametrize("odd", ["folder", "fifo", "link"])
def test_a_restore_exchanges_nothing_that_is_not_a_file(
    store: Path, tmp_path: Path, odd: str
) -> None:
    place = tmp_path / odd
    if odd == "folder":
        place.mkdir()
        (place / "diary.txt").touch()
    elif odd == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(place)
    before = place.lstat()
    with pytest.raises(InvalidArgumentError, match="is not a file; give the path of a file"):
        restore(store, place)
    assert place.lstat().st_ino == before.st_ino


def test_a_restored_file_has_a_write_ahead_log_before_a_program_opens_it(
    store: Path, tmp_path: Path
) -> None:
    # Programs that open it at once would each switch it, and a second restore moves the journal.
    restore(store, tmp_path / "new.db")
    assert {each.name for each in tmp_path.iterdir()} == {"empty.db", "new.db"}
    assert stored.column(tmp_path / "new.db", "PRAGMA journal_mode") == ["wal"]


@only_sqlite
def test_this_process_keeps_its_locks_on_a_file_that_got_its_name(
    repository: SessionRepository, tmp_path: Path
) -> None:
    repository.create_session("s", "cli")
    place = tmp_path / "there" / "state.db"
    place.parent.mkdir()
    repository.backup(place)
    with unfinished(place.parent) as new:
        new.write_bytes(place.read_bytes())
        publish(new, place)
        mine = SessionRepository(place)
        mine.append_message("s", "user", "mine")
    with mine:
        subprocess.run([sys.executable, "-c", APPEND, place], check=True)  # the last one out?
        mine.append_message("s", "user", "mine, later")
    assert stored.column(place, "SELECT content FROM messages ORDER BY id") == [
        "mine",
        "theirs",
        "mine, later",
    ]


@only_sqlite
@pytest.mark.usefixtures("same_second")
def test_two_stores_of_one_name_are_backed_up_into_one_folder_in_the_same_second(
    repository: SessionRepository, template: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    (tmp_path / "another").mkdir()
    another = tmp_path / "another" / "state.db"
    another.write_bytes(template.read_bytes())
    made = []

    def meanwhile(step: str, _done: int, _total: int) -> None:
        if step == "checking":
            made.append(backup(another, folder, keep=1))

    made.append(repository.backup(folder, keep=1, progress=meanwhile))
    assert {each.path for each in made} == set(folder.iterdir())
    assert len({each.path for each in made}) == 2


@only_sqlite
def test_a_file_that_another_program_makes_meanwhile_is_not_replaced(
    repository: SessionRepository, tmp_path: Path
) -> None:
    path = tmp_path / "b.db"
    with pytest.raises(InvalidArgumentError, match="is there, and is not a backup"):
        repository.backup(path, progress=lambda *_: path.write_text("a diary") and None)
    assert path.read_text() == "a diary"


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("same_second")
def test_two_restores_in_the_same_second_keep_what_each_of_them_replaced(
    filled: URL, tmp_path: Path
) -> None:
    path = tmp_path / "backups" / "b.db"
    path.parent.mkdir()
    backup(filled, path)
    with SessionRepository(filled) as repository:
        repository.append_message("second", "user", "only in the store")
    kept = []

    def meanwhile(step: str, _done: int, _total: int) -> None:
        if step == "checking" and not kept:
            kept.append(restore(path, filled, replace=True).kept)

    kept.append(restore(path, filled, replace=True, progress=meanwhile).kept)
    number = "SELECT count(*) FROM messages WHERE content = 'only in the store'"
    assert [stored.column(each, number) for each in kept] == [[1], [0]]


def test_a_label_that_is_a_view_is_an_error_with_a_type(store: Path, tmp_path: Path) -> None:
    stored.change(store, "CREATE VIEW hermes_store_backup AS SELECT 1")
    with pytest.raises(RefusedError, match="hermes_store_backup"):
        restore(store, tmp_path / "new.db")
    with pytest.raises(RefusedError, match="hermes_store_backup"):
        backup(store, tmp_path / "new.db")
    assert [each.name for each in tmp_path.iterdir()] == ["empty.db"]


def test_a_store_whose_path_is_not_valid_utf_8_is_backed_up_and_rotated(
    template: Path, tmp_path: Path
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "state.db").write_bytes(template.read_bytes())
    made = [backup(folder / "state.db", tmp_path / "backups", keep=1) for _ in range(2)]
    assert made[1].deleted == [made[0].path]
    assert made[1].source.endswith("caf\\udce9/state.db")


def test_the_home_of_a_user_who_is_not_known_is_refused(store: Path) -> None:
    for call in (
        lambda: backup(store, "~nobody-here/b.db"),
        lambda: restore("~nobody-here/b.db", store),
        lambda: SessionRepository("~nobody-here/state.db"),
    ):
        with pytest.raises(InvalidArgumentError, match="nobody knows the home folder in '~nobody-"):
            call()


def test_a_home_that_cannot_be_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> str:  # as for the user of a container that has no home
        return "~"

    monkeypatch.delenv("HERMES_HOME", raising=False)
    monkeypatch.delenv("HERMES_STORE_URL", raising=False)
    monkeypatch.setattr(os.path, "expanduser", unknown)
    for opened in (SessionRepository, SessionDB):
        with pytest.raises(InvalidArgumentError, match=r"nobody knows the home folder in '~/\."):
            opened()
