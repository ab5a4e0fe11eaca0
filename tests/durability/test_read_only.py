"""Stores that cannot be written are read, stores that shall not be written are not."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from support import as_ordinary_user, raises, until

from hermes_store import SessionRepository, migrate
from hermes_store.database.sqlite_place import why_not_opened
from hermes_store.errors import (
    FileReplacedError,
    HermesStoreError,
    StoreReadOnlyError,
    UpgradeRequiredError,
)
from hermes_store.transfer.importers.hermes import import_hermes_file


def everything(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.fixture
def public(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A store with a message, in a folder that everybody may read and only root may write."""
    folder = Path("/tmp") / f"read-only-{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir()
    database = Path(shutil.copy(template, folder / "state.db"))
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "the words")
    database.chmod(0o444)
    folder.chmod(0o555)
    yield database
    folder.chmod(0o755)
    shutil.rmtree(folder)


def use(database: Path) -> list[object]:
    with SessionRepository(database) as repository:
        found = [hit["session_id"] for hit in repository.search_messages("words")]
        exported = [each["id"] for each in repository.iter_export()]
        try:
            repository.append_message("s", "user", "x")
        except StoreReadOnlyError as exc:
            return [found, exported, repository.check(), str(exc)]
    return ["written"]


def test_reading_works_where_nothing_can_be_written_and_writing_says_why_not(public: Path) -> None:
    before = everything(public.parent)
    found, exported, problems, said = as_ordinary_user(lambda: use(public))
    assert (found, exported, problems) == (["s"], ["s"], [])
    assert f"{public} may not be written; make the file" in str(said)
    assert everything(public.parent) == before


def test_a_folder_that_may_not_be_written_is_named(public: Path) -> None:
    public.chmod(0o666)
    said = as_ordinary_user(lambda: use(public))[-1]
    assert f"the folder {public.parent} may not be written" in str(said)


def test_a_log_that_can_be_read_is_read(public: Path) -> None:
    with SessionRepository(public) as writer:  # root writes, and its log lies there
        writer.append_message("s", "user", "later words")
        for each in public.parent.iterdir():
            each.chmod(0o444)
        assert as_ordinary_user(lambda: count(public)) == 2


def count(database: Path) -> int:
    with SessionRepository(database) as repository:
        return repository.message_count()


def test_a_log_without_its_index_that_cannot_be_made_is_an_error_and_never_left_out(
    public: Path, tmp_path: Path
) -> None:
    public.parent.chmod(0o755)
    with SessionRepository(public) as writer:
        writer.append_message("s", "user", "later words")
        log = Path(f"{public}-wal").read_bytes()
        main = public.read_bytes()
    public.chmod(0o644)
    public.write_bytes(main)
    Path(f"{public}-wal").write_bytes(log)
    public.parent.chmod(0o555)
    said = as_ordinary_user(lambda: error_of(public))
    assert "log" in said


def error_of(database: Path) -> str:
    try:
        return str(count(database))
    except HermesStoreError as exc:
        return str(exc)


def test_what_another_user_writes_meanwhile_is_noticed(public: Path) -> None:
    mine, theirs = os.pipe(), os.pipe()

    def child() -> list[int]:
        with SessionRepository(public) as repository:
            before = repository.message_count()
            os.write(mine[1], b".")
            os.read(theirs[0], 1)
            until(lambda: raises(FileReplacedError, repository.message_count))
            return [before, repository.message_count()]

    def write() -> None:
        os.read(mine[0], 1)
        with SessionRepository(public) as repository:
            repository.append_message("s", "user", "x")
        os.write(theirs[1], b".")

    thread = threading.Thread(target=write)
    thread.start()
    assert as_ordinary_user(child) == [1, 2]
    thread.join()


def test_an_older_schema_is_refused_with_what_stands_in_the_way(public: Path) -> None:
    public.parent.chmod(0o755)
    public.unlink()
    migrate.upgrade(public, "0006")
    public.chmod(0o444)
    public.parent.chmod(0o555)

    def opening() -> list[str]:
        try:
            SessionRepository(public)
        except UpgradeRequiredError as exc:
            return [str(exc), *exc.__notes__]
        return []

    said, note = as_ordinary_user(opening)
    assert "run 'hermes-store upgrade'" in said
    assert "may not be written" in note


# --- by setting -----------------------------------------------------------------------------------


def test_opened_to_be_read_only_it_changes_nothing_and_refuses_every_write(
    repository: SessionRepository, database: Path
) -> None:
    repository.create_session("s", "test")
    with SessionRepository(database, read_only=True) as reader:
        assert reader.session_count() == 1
        for write in (
            lambda: reader.create_session("t", "test"),
            lambda: reader.transaction().__enter__(),
            lambda: reader.orm_session().__enter__(),
            reader.reindex,
            reader.optimize,
        ):
            with pytest.raises(StoreReadOnlyError, match="opened with read_only=True; open it"):
                write()
        repository.create_session("t", "test")
        assert reader.session_count() == 2


def test_a_log_that_a_killed_process_left_stays_where_it_is(database: Path, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with SessionRepository(database) as writer:
        writer.create_session("s", "test")
        for name in (database.name, f"{database.name}-wal"):
            shutil.copy(database.with_name(name), copies)
    before = everything(copies)
    with SessionRepository(copies / database.name, read_only=True) as reader:
        assert reader.session_count() == 1
    after = everything(copies)
    assert {name: after[name] for name in before} == before


def test_an_older_schema_is_not_upgraded(tmp_path: Path) -> None:
    migrate.upgrade(tmp_path / "old.db", "0006")
    before = everything(tmp_path)
    with pytest.raises(UpgradeRequiredError, match="0006"):
        SessionRepository(tmp_path / "old.db", read_only=True)
    assert everything(tmp_path) == before


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UpgradeRequiredError, match="at none, revision"):
        SessionRepository(tmp_path / "missing.db", read_only=True)
    assert [*tmp_path.iterdir()] == []


def test_a_file_with_a_rollback_journal_is_read(database: Path) -> None:
    plain = sqlite3.connect(database)
    plain.execute("PRAGMA journal_mode=DELETE")
    plain.close()
    before = everything(database.parent)
    with SessionRepository(database, read_only=True) as reader:
        assert reader.session_count() == 0
    assert everything(database.parent) == before


def state_of(database: Path) -> str:
    try:
        return str(migrate.inspect(database))
    except HermesStoreError as exc:
        return str(exc)


def imported(database: Path) -> str:
    try:
        import_hermes_file(database, database.with_name("new.db"))
    except HermesStoreError as exc:
        return str(exc)
    return "imported"


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_a_companion_of_another_user_is_named(public: Path, ending: str) -> None:
    public.parent.chmod(0o777)
    with SessionRepository(public) as repository:
        repository.append_message("s", "user", "in the log")
        log, main = Path(f"{public}-wal").read_bytes(), public.read_bytes()
    public.write_bytes(main)
    Path(f"{public}-wal").write_bytes(log)
    Path(f"{public}-shm").touch()
    for each in public.parent.iterdir():
        each.chmod(0o666)
    Path(f"{public}{ending}").chmod(0o600)
    for ask in (state_of, imported):
        said = as_ordinary_user(partial(ask, public))
        assert f"{public}{ending} may not be read and written" in said


def test_a_file_that_may_not_be_read_is_no_damaged_one(public: Path) -> None:
    public.chmod(0o600)
    assert "check the folder, its permissions" in as_ordinary_user(lambda: imported(public))
    public.parent.chmod(0o600)
    assert "Permission denied" in as_ordinary_user(lambda: imported(public))


def test_where_a_file_cannot_be_opened_for_want_of_room_that_is_what_is_said(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_room = os.statvfs_result((4096, 4096, 100, 0, 0, 100, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: without_room)
    error = why_not_opened(database)
    assert "is full, and SQLite needs a file beside" in str(error)
    assert "free some space" in error.remedy
