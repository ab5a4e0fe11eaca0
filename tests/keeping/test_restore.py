"""After a restore the store holds the backup, whole, and a file keeps what it held before."""

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
import stored
from sqlalchemy import URL
from support import Caller, only_sqlite

from hermes_store import SessionRepository, migrate
from hermes_store.database.address import url_of
from hermes_store.database.driver import sqlite_driver
from hermes_store.errors import (
    BackupError,
    FileReplacedError,
    ForeignDatabaseError,
    InvalidArgumentError,
    SchemaTooNewError,
    StoreUnavailableError,
)
from hermes_store.schema import file_state
from hermes_store.schema.state import State
from hermes_store.transfer.restoring import restore


def contents(database: Path | URL) -> list[dict]:
    with SessionRepository(database, read_only=True) as repository:
        return [dict(session) for session in repository.iter_export()]


@pytest.fixture
def path(filled: Path | URL, repository: SessionRepository, tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return repository.backup(folder / "b.db").path


def test_a_backup_of_either_database_is_restored_into_either(
    filled: Path | URL, path: Path, other: Path | URL
) -> None:
    before = path.read_bytes()
    done = restore(path, other)
    assert done == (2, 3, None, None, {})
    assert contents(other) == contents(filled)
    with SessionRepository(other) as repository:
        assert repository.meta.get("gateway.offset") == {"at": 7}
        assert repository.search_messages("记忆")
        assert repository.append_message("second", "user", "on") > 3
        assert repository.check() == []
    assert path.read_bytes() == before


def test_what_was_there_is_kept_and_can_be_restored(
    repository: SessionRepository, filled: Path | URL, path: Path
) -> None:
    repository.append_message("second", "user", "later")
    later = contents(filled)
    done = restore(path, filled, replace=True)
    assert done.kept is not None
    assert contents(filled) == contents(path)
    assert contents(done.kept) == later
    back = restore(done.kept, filled, replace=True)
    assert back.messages == 4
    assert contents(filled) == later
    assert back.kept is not None
    assert contents(back.kept) == contents(path)


def test_a_backup_is_not_changed_by_a_restore(filled: Path | URL, path: Path) -> None:
    path.chmod(0o400)
    before = path.read_bytes()
    restore(path, filled, replace=True)
    assert path.read_bytes() == before
    assert path.name in {each.name for each in path.parent.iterdir()}
    assert [each for each in path.parent.iterdir() if each.name.startswith(".")] == []


@only_sqlite
class TestAFile:
    def test_a_repository_that_has_it_open_goes_on_with_what_was_restored(
        self, repository: SessionRepository, filled: Path, path: Path
    ) -> None:
        repository.append_message("second", "user", "acknowledged")
        kept = restore(path, filled).kept
        with pytest.raises(FileReplacedError, match="replaced by another file"):
            repository.append_message("second", "user", "x")
        repository.append_message("second", "user", "new")
        assert [m["content"] for m in repository.get_messages("second")] == ["on it", "new"]
        # What was refused may be there, too: before a COMMIT a look of a moment ago is good enough.
        assert "acknowledged" in stored.column(kept, "SELECT content FROM messages")
        stored.check(filled)

    def test_the_new_file_has_the_rights_of_the_old_one(self, filled: Path, path: Path) -> None:
        filled.chmod(0o640)
        restore(path, filled)
        assert stat.S_IMODE(filled.stat().st_mode) == 0o640
        restore(path, filled.with_name("new.db"))
        assert stat.S_IMODE(filled.with_name("new.db").stat().st_mode) == 0o600

    def test_a_damaged_file_is_replaced_and_kept_with_what_lies_beside_it(
        self, filled: Path, path: Path, repository: SessionRepository
    ) -> None:
        repository.close()
        filled.write_bytes(b"\0" * 5000)
        Path(f"{filled}-wal").write_bytes(b"a log")
        kept = restore(path, filled).kept
        assert kept.read_bytes() == b"\0" * 5000
        assert Path(f"{kept}-wal").read_bytes() == b"a log"
        assert contents(filled) == contents(path)

    @pytest.mark.parametrize("is_hermes", [False, True], ids=["notes", "hermes"])
    def test_a_sound_file_of_another_program_is_replaced_only_when_asked_to(
        self, path: Path, tmp_path: Path, is_hermes: bool
    ) -> None:
        mistyped = tmp_path / "mistyped.db"
        tables = ("sessions (id, source, started_at)", "messages (id, session_id, role, timestamp)")
        for table in (
            (*tables, "schema_version AS SELECT 22 AS version") if is_hermes else ["notes (x)"]
        ):
            stored.change(mistyped, f"CREATE TABLE {table}")
        before = mistyped.read_bytes()
        with pytest.raises(BackupError, match=r"of another program.*nothing was.*--replace"):
            restore(path, mistyped)
        assert mistyped.read_bytes() == before
        assert restore(path, mistyped, replace=True).kept.read_bytes() == before

    @pytest.mark.parametrize("text", ["my notes\n", "笔记" * 3_000, '{"a": 1}'], ids=range(3))
    def test_a_text_is_replaced_only_when_asked_to(self, path, tmp_path, text: str) -> None:
        mistyped = tmp_path / "notes.txt"
        mistyped.write_text(text, encoding="utf-8")
        with pytest.raises(BackupError, match=r"of another program.*nothing was.*--replace"):
            restore(path, mistyped)
        assert mistyped.read_text("utf-8") == text
        assert restore(path, mistyped, replace=True).kept.read_text("utf-8") == text

    def test_an_older_backup_is_upgraded_and_the_answer_says_so(
        self, filled: Path, path: Path
    ) -> None:
        older = path.with_name("older.db")
        shutil.copy(path, older)
        migrate.downgrade(older, "0011")
        before = older.read_bytes()
        assert restore(older, filled).upgraded_from == "0011"
        assert migrate.inspect(filled).is_current
        assert older.read_bytes() == before
        stored.check(filled)

    def test_a_store_that_is_in_use_can_be_restored_elsewhere(
        self, repository: SessionRepository, filled: Path, tmp_path: Path
    ) -> None:
        repository.append_message("second", "user", "in the log")
        assert restore(filled, tmp_path / "new" / "state.db").messages == 4
        assert contents(tmp_path / "new" / "state.db") == contents(filled)

    def test_a_backup_of_which_links_exist_can_be_restored(self, filled, path) -> None:
        path.with_name("also.db").hardlink_to(path)
        assert restore(path, filled).messages == 3

    def test_restores_at_the_same_time_keep_a_file_each(self, filled: Path, path: Path) -> None:
        callers = [Caller(lambda: restore(path, filled)) for _ in range(4)]
        kept = {each.finish().kept for each in callers}  # type: ignore[attr-defined]
        assert len(kept) == 4
        assert all(contents(each) == contents(path) for each in {filled, *kept})

    def test_a_file_that_another_restore_exchanges_while_it_is_looked_at_is_looked_at_again(
        self, filled: Path, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look = file_state._open_and_look

        def exchanged(*given: Any) -> State:
            monkeypatch.setattr(file_state, "_open_and_look", look)
            restore(path, filled)
            raise sqlite_driver().OperationalError("disk I/O error")

        monkeypatch.setattr(file_state, "_open_and_look", exchanged)
        assert file_state.look_at_file(url_of(filled), lock_timeout=1.0).is_current
        assert contents(filled) == contents(path)

    def test_in_a_folder_that_cannot_be_read_a_file_that_cannot_be_used_is_a_typed_error(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(*_: Any) -> None:
            raise PermissionError(13, "Permission denied")

        def broken(*_: Any) -> State:
            monkeypatch.setattr("os.open", refused)
            raise sqlite_driver().OperationalError("disk I/O error")

        monkeypatch.setattr(file_state, "_open_and_look", broken)
        with pytest.raises(StoreUnavailableError, match="disk I/O error"):
            file_state.look_at_file(url_of(filled), lock_timeout=1.0)


class TestAServer:
    @pytest.fixture
    def database(self, postgresql_database: URL) -> URL:
        return postgresql_database

    pytestmark = pytest.mark.postgresql

    def test_what_it_holds_is_replaced_only_when_asked_to(
        self, filled: URL, path: Path, repository: SessionRepository
    ) -> None:
        repository.append_message("second", "user", "later")
        before = contents(filled)
        with pytest.raises(BackupError, match=r"holds .*2 rows of sessions, .* replace=True"):
            restore(path, filled)
        assert contents(filled) == before
        assert [each.name for each in path.parent.iterdir()] == ["b.db"]

    def test_an_older_backup_is_upgraded_on_the_way(
        self, tmp_path: Path, postgresql_database: URL
    ) -> None:
        older = tmp_path / "older.db"
        migrate.upgrade(older, "0011")
        stored.change(older, "INSERT INTO sessions (id, source, started_at) VALUES ('s', 'x', 1)")
        assert restore(older, postgresql_database).upgraded_from == "0011"
        assert migrate.current(older) == "0011"
        assert [each["id"] for each in contents(postgresql_database)] == ["s"]

    def test_a_row_that_it_refuses_undoes_the_whole_restore(
        self, filled: URL, path: Path, repository: SessionRepository
    ) -> None:
        repository.delete_session("second")
        before = contents(filled)
        stored.refuse_to_store(filled, "on it")
        with pytest.raises(Exception, match="the target refuses one"):
            restore(path, filled, replace=True)
        assert contents(filled) == before


# --- what is refused ------------------------------------------------------------------------------


def cut(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def with_a_wrong_page(whole: bytes) -> bytes:
    place = len(whole) // 4096 // 2 * 4096
    return whole[:place] + b"\xff" * 4096 + whole[place + 4096 :]


DAMAGES = {
    "cut off": cut,
    "a wrong page": with_a_wrong_page,
    "zeros": lambda whole: bytes(len(whole)),
    "text": lambda whole: b"-- a dump of SQL\n" * 99,
    "empty": lambda whole: b"",
    "half a header": lambda whole: whole[:50],
}


def test_a_file_that_is_no_sound_backup_is_refused_and_nothing_changes(
    filled: Path | URL, path: Path
) -> None:
    before, whole = contents(filled), path.read_bytes()
    for damage in DAMAGES.values():
        path.write_bytes(damage(whole))
        with pytest.raises(BackupError, match=r"damaged|holds no store"):
            restore(path, filled, replace=True)
    assert contents(filled) == before
    if isinstance(filled, Path):
        names = {each.name for each in filled.parent.iterdir()}
        assert names <= {"backups", "state.db", "state.db-wal", "state.db-shm", "home"}


def test_a_file_of_another_program_or_of_a_newer_version_is_refused(
    filled: Path | URL, path: Path
) -> None:
    stored.change(path, "UPDATE hermes_store_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError, match="update the hermes_store package"):
        restore(path, filled, replace=True)
    foreign = path.with_name("foreign.db")
    stored.change(foreign, "CREATE TABLE sessions (title TEXT)")
    with pytest.raises(ForeignDatabaseError):
        restore(foreign, filled, replace=True)
    stored.change(path.with_name("books.db"), "CREATE TABLE books (title TEXT)")
    with pytest.raises(BackupError, match="holds no store"):
        restore(path.with_name("books.db"), filled, replace=True)


def test_a_missing_file_or_no_path_at_all_is_refused(filled: Path | URL, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no file"):
        restore(tmp_path / "missing.db", filled)
    with pytest.raises(InvalidArgumentError, match="is not a path"):
        restore(None, filled)  # type: ignore[arg-type]
    if isinstance(filled, Path):
        with pytest.raises(InvalidArgumentError, match="is a file of the store itself"):
            restore(filled, filled)
