"""A backup is one whole file, checked, or there is none; and nothing else is touched for it."""

import os
import stat
from pathlib import Path

import pytest
import stored
from sqlalchemy import URL
from support import Caller, only_sqlite

from hermes_store import SessionRepository, migrate
from hermes_store.database.address import shown, url_of
from hermes_store.errors import (
    BackupError,
    DamagedFileError,
    InvalidArgumentError,
    StoreClosedError,
    StoreUnavailableError,
)
from hermes_store.transfer.backup import Contents, backup, require_sound


def contents(database: Path | URL) -> list[dict]:
    with SessionRepository(database, read_only=True) as repository:
        return [dict(session) for session in repository.iter_export()]


def beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "b.db"


def test_it_holds_all_that_the_store_holds_and_is_one_file_of_its_owner(
    repository: SessionRepository, filled: Path | URL, path: Path
) -> None:
    os.umask(0o000)
    try:
        done = repository.backup(path)
    finally:
        os.umask(0o022)
    assert beside(path) == ["b.db"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (done.path, done.sessions, done.messages) == (path, 2, 3)
    assert (done.bytes, done.revision) == (path.stat().st_size, migrate.HEAD)
    assert (done.source, done.deleted) == (shown(url_of(filled)), [])
    assert stored.column(path, "PRAGMA journal_mode") == ["delete"]
    assert contents(path) == contents(filled)
    stored.check(path)


def test_a_later_backup_replaces_an_earlier_one(
    repository: SessionRepository, filled: Path | URL, path: Path
) -> None:
    repository.backup(path)
    repository.append_message("second", "user", "later")
    steps: list[tuple[str, int, int]] = []
    done = repository.backup(path, progress=lambda *step: steps.append(step))
    assert done.messages == 4
    assert contents(path) == contents(filled)
    assert steps[-1][0] == "checking"
    assert all(0 <= number <= total for _, number, total in steps)
    assert beside(path) == ["b.db"]


def test_the_progress_reaches_the_end(
    repository: SessionRepository, filled: Path | URL, path: Path
) -> None:
    steps: dict[str, tuple[int, int]] = {}
    repository.backup(path, progress=lambda what, done, all_: steps.update({what: (done, all_)}))
    assert {what: done for what, (done, all_) in steps.items() if done != all_} == {}


@only_sqlite
def test_a_store_of_an_older_schema_is_backed_up_as_it_is(database: Path, path: Path) -> None:
    migrate.downgrade(database, "0006")
    before = database.read_bytes()
    assert backup(database, path).revision == "0006"
    assert migrate.current(path) == "0006"
    assert database.read_bytes() == before


@only_sqlite
@pytest.mark.parametrize("made", ["closed", "missing", "empty"])
def test_where_there_is_no_store_there_is_no_backup(database, tmp_path, path, made) -> None:
    if made == "closed":
        repository = SessionRepository(database)
        repository.close()
        with pytest.raises(StoreClosedError):
            repository.backup(path)
    else:
        (tmp_path / "empty").touch()
        with pytest.raises(BackupError, match="there is no store in"):
            backup(tmp_path / made, path)
        assert not (tmp_path / "missing").exists()
    assert beside(path) == []


# --- what may be replaced -------------------------------------------------------------------------


def refused(repository: SessionRepository, path: Path, **keywords) -> str:
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    with pytest.raises(InvalidArgumentError) as raised:
        repository.backup(path, **keywords)
    assert {e: e.read_bytes() for e in path.parent.iterdir() if e.is_file()} == before
    return str(raised.value)


@only_sqlite
class TestThePlace:
    @pytest.mark.parametrize("name", ["state.db", "state.db-wal", "state.db-shm", "x/state.db"])
    @pytest.mark.parametrize("replace", [False, True])
    def test_it_is_never_a_file_of_the_store(self, repository, database, name, replace) -> None:
        repository.create_session("s", "cli")
        (database.parent / "x").symlink_to(database.parent)
        with pytest.raises(InvalidArgumentError, match="is a file of the store itself"):
            repository.backup(database.parent / name, replace=replace)
        assert repository.get_session("s")

    @pytest.mark.parametrize("replace", [False, True])
    def test_no_link_leads_a_backup_elsewhere(self, repository, database, path, replace) -> None:
        repository.create_session("s", "cli")
        path.symlink_to(path.with_name("elsewhere.db"))
        said = refused(repository, path, replace=replace)
        assert "is a symbolic link; give the path that the link points to" in said
        path.unlink()
        path.symlink_to(database)
        assert "of the store itself" in refused(repository, path, replace=replace)

    def test_another_file_is_replaced_only_when_asked_to(self, repository, path) -> None:
        path.write_text("a diary")
        assert "is there, and is not a backup" in refused(repository, path)
        assert repository.backup(path, replace=True).sessions == 0

    def test_an_empty_file_is_no_loss(self, repository, path) -> None:
        path.touch()
        assert repository.backup(path).path == path

    def test_a_backup_that_became_a_store_is_not_replaced(self, repository, path) -> None:
        repository.backup(path)
        with SessionRepository(path) as other:
            other.create_session("mine", "cli")
            assert "path: " in refused_beside_a_log(repository, path)
        assert "or was written to since" in refused(repository, path)

    def test_another_store_is_not_replaced(self, repository, template, path) -> None:
        path.write_bytes(template.read_bytes())
        assert "is there, and is not a backup" in refused(repository, path)

    @pytest.mark.parametrize("odd", ["fifo", "missing/b.db"])
    def test_what_cannot_be_a_file_is_refused(self, repository, path, odd) -> None:
        place = path.parent / odd
        if odd == "fifo":
            os.mkfifo(place)
            with pytest.raises(InvalidArgumentError, match="is not a file"):
                repository.backup(place)
        else:
            with pytest.raises(StoreUnavailableError, match="missing: No such file"):
                repository.backup(place)

    @pytest.mark.parametrize("wrong", ["", None, 5, "a\0b"])
    def test_what_is_no_path_is_refused(self, repository, wrong) -> None:
        with pytest.raises(InvalidArgumentError, match="path: "):
            repository.backup(wrong)


def refused_beside_a_log(repository: SessionRepository, path: Path) -> str:
    with pytest.raises(InvalidArgumentError, match="is a store that is in use") as raised:
        repository.backup(path, replace=True)
    return str(raised.value)


@only_sqlite
def test_backups_at_the_same_time_do_not_disturb_each_other(
    repository: SessionRepository, filled: Path, path: Path
) -> None:
    callers = [Caller(lambda: repository.backup(path)) for _ in range(4)]
    for each in callers:
        each.finish()
    assert contents(path) == contents(filled)
    assert beside(path) == ["b.db"]


@only_sqlite
def test_it_ends_and_is_of_one_moment_however_much_is_written_meanwhile(
    repository: SessionRepository, path: Path
) -> None:
    repository.create_session("s", "cli")
    for number in range(3):  # more pages than are copied between two reports
        repository.meta.set(f"large-{number}", "x" * 3_000_000)
    reports = []

    def write(step: str, done: int, _total: int) -> None:
        if step == "copying":
            reports.append(done)
            assert len(reports) < 20, "it begins anew after each write"
            repository.append_message("s", "user", "meanwhile")

    assert repository.backup(path, progress=write).messages == 0
    assert len(reports) > 2
    assert reports == sorted(reports)
    assert stored.column(path, "SELECT count(*) FROM messages") == [0]
    stored.check(path)


# --- damage ---------------------------------------------------------------------------------------


@only_sqlite
@pytest.mark.parametrize("how", ["a page", "the schema", "cut off"])
def test_a_damaged_store_does_not_replace_a_good_backup(database: Path, path: Path, how) -> None:
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        for number in range(200):
            repository.append_message("s", "user", f"text {number} " * 20)
        repository.backup(path)
        repository.append_message("s", "user", "later")
    good = path.read_bytes()
    damage(database, how)
    with pytest.raises((BackupError, DamagedFileError)):
        backup(database, path)
    assert path.read_bytes() == good
    assert beside(path) == ["b.db"]


@only_sqlite
def test_a_copy_that_holds_another_number_is_refused_in_words(repository, database: Path) -> None:
    repository.create_session("s", "cli")
    with pytest.raises(BackupError, match="1 session with 2 messages were to be copied, 1 session"):
        require_sound(database, Contents(1, 2), "the copy")


def damage(database: Path, how: str) -> None:
    whole = bytearray(database.read_bytes())
    if how == "cut off":
        whole = whole[: len(whole) // 2]
    else:
        place = len(whole) // 4096 // 2 * 4096 if how == "a page" else 100
        whole[place : place + 2000] = b"\xff" * 2000
    database.write_bytes(whole)


# --- several of them ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def test_a_folder_keeps_the_newest_backups(
    repository: SessionRepository, filled: Path | URL, folder: Path
) -> None:
    made = [repository.backup(folder, keep=2) for _ in range(3)]
    assert [each.deleted for each in made] == [[], [], [made[0].path]]
    assert set(folder.iterdir()) == {made[1].path, made[2].path}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(contents(each.path) == contents(filled) for each in made[1:])


@only_sqlite
def test_without_keep_a_folder_only_grows(repository: SessionRepository, folder: Path) -> None:
    folder.mkdir()
    assert len({repository.backup(folder).path for _ in range(3)}) == 3


@only_sqlite
def test_a_rotation_deletes_nothing_but_backups_of_this_store(
    repository: SessionRepository, database: Path, template: Path, folder: Path
) -> None:
    (folder.parent / "another").mkdir()
    (folder.parent / "another" / "state.db").write_bytes(template.read_bytes())
    with SessionRepository(folder.parent / "another" / "state.db") as other:
        others = other.backup(folder, keep=1).path
    theirs = others.read_bytes()
    repository.backup(folder, keep=1)
    stays = {others, folder / "state-20010101T000000Z.db", folder / "state-x.db"}
    for each in stays - {others}:
        each.write_bytes(template.read_bytes())  # a store under such a name, but no backup
    written_to = folder / "state-20020101T000000Z.db"
    repository.backup(written_to)
    SessionRepository(written_to).close()
    last = repository.backup(folder, keep=1).path
    assert set(folder.iterdir()) == {*stays, written_to, last}
    assert others.read_bytes() == theirs


@only_sqlite
def test_the_newest_stays_when_the_clock_was_turned_back(
    repository: SessionRepository, folder: Path
) -> None:
    folder.mkdir()
    later = folder / "state-29991231T235959Z.db"
    repository.backup(later)
    made = [repository.backup(folder, keep=1) for _ in range(2)]
    assert set(folder.iterdir()) == {made[1].path}
    assert made[0].deleted == [later]


@only_sqlite
@pytest.mark.parametrize("keep", [0, -1, True, 1.5, "7", 10**9])
def test_a_number_that_cannot_be_kept_is_refused(repository, folder, keep) -> None:
    with pytest.raises(InvalidArgumentError, match="keep: "):
        repository.backup(folder, keep=keep)
    assert not folder.exists()
