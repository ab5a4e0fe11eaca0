"""Files that are not ours, too new or damaged are refused, and not one byte of them changes."""

import os
import re
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from files import HEAD, REFUSED, alembic, build, sqlite3

from hermes_store import SessionRepository, migrate
from hermes_store.errors import (
    DamagedFileError,
    ForeignDatabaseError,
    HermesStoreError,
    InvalidArgumentError,
    SchemaTooNewError,
    StoreReadOnlyError,
    StoreUnavailableError,
    UpgradeRequiredError,
)

TOO_NEW = {"newer_legacy", "newer_and_older_version", "unknown_revision", "two_revisions"}
SAID = {
    "newer_legacy": "schema 7",
    "newer_and_older_version": "schema 11",
    "unknown_revision": "schema 0999",
    "two_revisions": "schema 0005, 0006",
    "foreign_sessions": "messages, sessions",
    "foreign_schema_version": "no source, started_at",
    "no_version_table": "no schema version of ours",
    "odd_version": "six",
    "ids_of_text": "'hermes-store import FILE' takes its conversations over",
    "ids_without_rowid": "the ids of its messages",
    "ids_that_may_be_missing": "the ids of its messages",
    "table_in_capitals": "its table MESSAGES is not written messages",
}
WAYS: dict[str, Callable[[Path], object]] = {
    "looking": migrate.inspect,
    "opening": migrate.prepare,
    "upgrade": migrate.upgrade,
    "downgrade": lambda path: migrate.downgrade(path, "base"),
}


def refused(path: Path, way: str, error: type[Exception], match: str) -> None:
    before = {each.name: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    modified = path.stat().st_mtime_ns
    with pytest.raises(error, match=match):
        WAYS[way](path)
    after = {each.name: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    assert after == before
    assert path.stat().st_mtime_ns == modified


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wal", [False, True], ids=["rollback-journal", "wal"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_newer_or_foreign_database_is_refused_with_what_was_found(
    tmp_path: Path, name: str, wal: bool, way: str
) -> None:
    path = build(f"refused/{name}", tmp_path, wal=wal)
    refused(path, way, SchemaTooNewError if name in TOO_NEW else ForeignDatabaseError, SAID[name])


@pytest.mark.parametrize("version", [7, 13, 30])
def test_a_file_of_a_newer_hermes_agent_is_refused_with_the_way_out(
    tmp_path: Path, version: int
) -> None:
    path = build("refused/newer_legacy", tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE schema_version SET version = ?", (version,))
        db.commit()
    with pytest.raises(SchemaTooNewError) as caught:
        migrate.prepare(path)
    said = str(caught.value)
    assert caught.value.found == f"{version} of a newer Hermes Agent"
    for part in (
        "nothing was changed",
        "another path",
        "hermes-store import FILE",
        "hermes-store import",
    ):
        assert part in said
    assert "update the hermes_store package" not in said


@pytest.mark.parametrize("way", ["looking", "opening", "upgrade"])
@pytest.mark.parametrize("name", ["search_index", "usage", "meta", "leases"])
def test_a_table_of_another_program_under_a_name_of_ours_is_named(
    tmp_path: Path, name: str, way: str
) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
    refused(path, way, ForeignDatabaseError, f"its table {name} is .*: rename that table, or")


def test_an_older_store_with_such_a_table_is_refused_until_the_table_is_renamed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.db"
    migrate.upgrade(path, "0016")
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE usage (id INTEGER PRIMARY KEY)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    refused(path, "opening", ForeignDatabaseError, "its table usage is")
    with closing(sqlite3.connect(path)) as db:
        db.execute("ALTER TABLE usage RENAME TO usage_of_the_application")
    migrate.upgrade(path)
    assert migrate.current(path) == HEAD


@pytest.mark.parametrize("name", ["newer_legacy", "foreign_sessions"])
def test_a_log_left_by_a_crash_stays_as_it_is(tmp_path: Path, name: str) -> None:
    living = tmp_path / "living"
    living.mkdir()
    path = build(f"refused/{name}", living, wal=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE later (a)")
        db.commit()
        for each in living.iterdir():  # what a killed process leaves: the log, no index of it
            if not each.name.endswith("-shm"):
                (tmp_path / each.name).write_bytes(each.read_bytes())
    copy = tmp_path / path.name
    before = copy.read_bytes(), copy.with_name(copy.name + "-wal").read_bytes()
    with pytest.raises(HermesStoreError):
        migrate.upgrade(copy)
    assert (copy.read_bytes(), copy.with_name(copy.name + "-wal").read_bytes()) == before


class TestDamagedFiles:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize(
        "content",
        [b"hello", b"plain text\n" * 1000, b"\0" * 8192, b"SQLite format 3\0" + b"\xff" * 4096],
        ids=["short", "text", "zeros", "header"],
    )
    def test_what_is_no_database_is_refused(self, tmp_path: Path, content: bytes, way: str) -> None:
        path = tmp_path / "state.db"
        path.write_bytes(content)
        refused(path, way, DamagedFileError, r"nothing was changed: restore it from a backup")

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("kept", [50, 1000, 4096, 9000])
    def test_a_truncated_database_is_refused(self, tmp_path: Path, kept: int, way: str) -> None:
        whole = build("v6", tmp_path)
        path = tmp_path / "state.db"
        path.write_bytes(whole.read_bytes()[:kept])
        refused(path, way, DamagedFileError, "cannot be read as a SQLite database")

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("instead", [b"CREAT\xff", b"\xff\xfeEATE", b"CREATE\x00"])
    def test_a_damaged_schema_is_refused(self, tmp_path: Path, instead: bytes, way: str) -> None:
        path = build("v6", tmp_path)
        found = b"CREATE TABLE messages ("
        damaged = path.read_bytes().replace(found, instead + found[len(instead) :])
        path.write_bytes(damaged)
        refused(path, way, DamagedFileError, "cannot be read as a SQLite database")

    def test_damage_that_shows_only_on_the_way_leaves_the_file_as_it_was(
        self, tmp_path: Path
    ) -> None:
        path = build("v6", tmp_path)
        content = bytearray(path.read_bytes())
        for page in range(2, len(content) // 4096):
            content[page * 4096 : page * 4096 + 64] = b"\xfe" * 64
        path.write_bytes(content)
        with pytest.raises(DamagedFileError):
            migrate.upgrade(path)
        assert path.read_bytes() == content


class TestWhatIsNoFile:
    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailableError, match="is not a file"):
            migrate.upgrade(tmp_path)

    def test_a_path_through_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(StoreUnavailableError, match="Not a directory"):
            migrate.upgrade(tmp_path / "file" / "state.db")

    def test_a_name_that_is_too_long_is_refused(self, tmp_path: Path) -> None:
        for opened in (migrate.upgrade, SessionRepository):
            with pytest.raises(StoreUnavailableError, match="too long"):
                opened(tmp_path / ("x" * 300))

    @pytest.mark.parametrize("folder", ["gone", "."])
    def test_a_dangling_link_is_refused_and_where_it_points_to_is_told(
        self, tmp_path: Path, folder: str
    ) -> None:
        path, target = tmp_path / "state.db", tmp_path / folder / "missing.db"
        path.symlink_to(target)
        said = f"a symbolic link to {target}, and no file is there; put the file there"
        for opened in (
            migrate.upgrade,
            SessionRepository,
            partial(SessionRepository, read_only=True),
        ):
            with pytest.raises(StoreUnavailableError, match=re.escape(said)):
                opened(path)
        assert not target.exists()

    def test_a_pipe_is_refused_and_nobody_waits_for_it(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "state.db")
        with pytest.raises(StoreUnavailableError, match="is not a file"):
            migrate.upgrade(tmp_path / "state.db")

    def test_a_folder_that_cannot_be_written_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(StoreReadOnlyError, match="cannot be created"):
            migrate.upgrade("/proc/self/state.db")


class TestTheCommand:
    def test_says_what_was_found_without_a_traceback(self, tmp_path: Path) -> None:
        path = build("refused/newer_legacy", tmp_path)
        before = path.read_bytes()
        for command in (["upgrade", "head"], ["check"], ["current"], ["downgrade", "base"]):
            result = alembic("-x", f"url={path}", *command)
            assert result.returncode != 0
            assert "schema 7 of a newer Hermes Agent" in result.stderr
            assert "hermes-store import FILE" in result.stderr
            assert "Traceback" not in result.stderr
        assert path.read_bytes() == before

    def test_only_looking_creates_no_file(self, tmp_path: Path) -> None:
        path = tmp_path / "folder" / "state.db"
        assert alembic("-x", f"url={path}", "current").returncode == 0
        assert "not up to date" in alembic("-x", f"url={path}", "check").stderr
        assert not path.parent.exists()


class TestOpeningWithoutMigrating:
    @pytest.mark.parametrize("name", ["v1", "v6"])
    def test_refuses_a_legacy_file_and_names_the_command(self, tmp_path: Path, name: str) -> None:
        path = build(name, tmp_path)
        before = path.read_bytes()
        with pytest.raises(UpgradeRequiredError, match="hermes-store upgrade"):
            migrate.prepare(path, auto_migrate=False)
        assert path.read_bytes() == before

    def test_refuses_an_older_revision_and_a_missing_file(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        with pytest.raises(UpgradeRequiredError, match="at none, revision"):
            migrate.prepare(path, auto_migrate=False)
        assert not path.exists()
        migrate.upgrade(path, "0004")
        with pytest.raises(UpgradeRequiredError, match=f"at 0004, revision {HEAD} is needed"):
            migrate.prepare(path, auto_migrate=False)
        migrate.upgrade(path)
        migrate.prepare(path, auto_migrate=False)


@pytest.mark.parametrize("way", [migrate.upgrade, migrate.downgrade])
@pytest.mark.parametrize("odd", ["", None, 5, b"head", ["head"]])
def test_a_revision_that_is_no_text_is_refused(tmp_path: Path, way: Callable, odd: object) -> None:
    path = build("v6", tmp_path)
    before = path.read_bytes()
    with pytest.raises(InvalidArgumentError, match="revision: "):
        way(path, odd)
    assert path.read_bytes() == before


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -1, "5"])
def test_a_time_to_wait_that_never_ends_is_refused(tmp_path: Path, odd: object) -> None:
    for way in (migrate.inspect, migrate.upgrade):
        with pytest.raises(InvalidArgumentError, match="lock_timeout: "):
            way(build("v6", tmp_path), lock_timeout=odd)
        (tmp_path / "v6.db").unlink()
