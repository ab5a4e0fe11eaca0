"""Whichever way a file came to the store, it is in WAL before the first write."""

import stat
from contextlib import closing
from pathlib import Path

import pytest
from migrations.files import alembic, build, query, sqlite3
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from hermes_store import SessionRepository, migrate
from hermes_store.cli.app import run as run_command


def by_engine_of_the_caller(path: Path) -> None:
    from alembic import command

    config = migrate.scripts_config()
    config.attributes["connection"] = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    command.upgrade(config, "head")


def by_opening(path: Path) -> None:
    SessionRepository(path).close()


WAYS = {
    "opening": by_opening,
    "migrate.upgrade": migrate.upgrade,
    "the alembic command": lambda path: alembic("-x", f"url={path}", "upgrade", "head"),
    "alembic on a connection": by_engine_of_the_caller,
    "hermes-store init": lambda path: run_command(["--db", str(path), "init"]),
    "hermes-store upgrade": lambda path: run_command(["--db", str(path), "upgrade"]),
}


def missing(path: Path) -> Path:
    return path / "new.db"


def empty(path: Path) -> Path:
    (path / "empty.db").touch()
    return path / "empty.db"


def older(path: Path) -> Path:
    migrate.upgrade(path / "older.db", "0008")
    query(path / "older.db", "PRAGMA journal_mode=DELETE")
    return path / "older.db"


FILES = {
    "a missing file": missing,
    "an empty file": empty,
    "a file of the original": lambda path: build("v4", path),
    "a file at an older revision": older,
    "a file with other tables": lambda path: build("beside/application", path),
}


def journal_mode(path: Path) -> str:
    return query(path, "PRAGMA journal_mode")[0][0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("file", FILES)
def test_it_is_in_wal_after(tmp_path: Path, file: str, way: str, capsys: object) -> None:
    path = FILES[file](tmp_path)
    WAYS[way](path)
    assert migrate.inspect(path).is_current
    assert journal_mode(path) == "wal"


@pytest.mark.parametrize("auto_migrate", [None, False])
def test_a_file_at_head_is_switched_when_it_is_opened(
    sqlite_database: Path, auto_migrate: bool | None
) -> None:
    query(sqlite_database, "PRAGMA journal_mode=DELETE")  # what VACUUM INTO leaves
    SessionRepository(sqlite_database, auto_migrate=auto_migrate).close()
    assert journal_mode(sqlite_database) == "wal"


def test_a_reader_in_the_way_does_not_keep_anybody_from_opening(sqlite_database: Path) -> None:
    query(sqlite_database, "PRAGMA journal_mode=DELETE")
    with closing(sqlite3.connect(sqlite_database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sessions").fetchall()
        repository = SessionRepository(sqlite_database)
        reader.execute("ROLLBACK")
    repository.create_session("s", "test")
    assert journal_mode(sqlite_database) == "wal"
    repository.close()


def test_an_upgrade_that_fails_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    path = build("v4", tmp_path)
    before = path.read_bytes()
    with pytest.raises(migrate.MigrationError):
        migrate.upgrade(path, "0999")
    assert path.read_bytes() == before


def test_the_log_of_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with SessionRepository(tmp_path / "state.db") as repository:
        repository.create_session("s", "test")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
