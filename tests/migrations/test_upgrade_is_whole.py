"""An upgrade is all or nothing, whoever dies, fails or upgrades the same file at that moment."""

import os
import shutil
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import prepared
import pytest
from files import (
    FROM_CHECKOUT,
    GOLDEN,
    HEAD,
    ROOT,
    alembic,
    build,
    check_search_index,
    in_common,
    query,
    rows,
    schema,
    sqlite3,
)

from hermes_store import migrate
from hermes_store.errors import MigrationError, StoreBusyError

NEXT = f"{int(HEAD) + 1:04d}"
BROKEN = {
    "an error of the database": ("op.execute('SELECT * FROM nothing')", MigrationError),
    "a refusal": ("raise NotImplementedError('cannot')", MigrationError),
    "an error of the step": ("raise ZeroDivisionError('oops')", ZeroDivisionError),
    "rows that refer to nothing": ("op.execute('DELETE FROM sessions')", MigrationError),
}


@pytest.fixture
def broken_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The revisions and one more, to be written by the test."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder)
    original = migrate.scripts_config

    def config() -> object:
        found = original()
        found.set_main_option("script_location", str(folder))
        return found

    monkeypatch.setattr(migrate, "scripts_config", config)
    return folder / "versions" / f"{NEXT}_broken.py"


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("name", ["v3", "no_search_table"])
def test_a_step_that_fails_leaves_the_old_version_whole(
    tmp_path: Path, broken_scripts: Path, monkeypatch: pytest.MonkeyPatch, what: str, name: str
) -> None:
    statement, error = BROKEN[what]
    broken_scripts.write_text(
        "from alembic import op\n"
        f"revision = '{NEXT}'\ndown_revision = '{HEAD}'\n"
        f"def upgrade() -> None:\n    op.execute('CREATE TABLE half (a)')\n    {statement}\n"
    )
    path = build(name, tmp_path)
    before = schema(path), rows(path), migrate.inspect(path)
    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(migrate, "HEAD", NEXT)
        migrate.upgrade(path)
    assert (schema(path), rows(path), migrate.inspect(path)) == before
    broken_scripts.unlink()
    migrate.upgrade(path)
    assert migrate.current(path) == HEAD


def test_a_failed_downgrade_leaves_the_newer_version_whole(
    tmp_path: Path, broken_scripts: Path
) -> None:
    step = next((broken_scripts.parent).glob("0002_*.py"))
    step.write_text(step.read_text().replace('op.drop_column("messages"', "raise OSError('no'"))
    path = build("v6", tmp_path)
    migrate.upgrade(path)
    before = schema(path), rows(path)
    with pytest.raises(OSError, match="no"):
        migrate.downgrade(path, "base")
    assert (schema(path), rows(path)) == before
    assert migrate.current(path) == HEAD


@pytest.mark.parametrize("wal", [False, True], ids=["rollback-journal", "wal"])
def test_a_process_killed_at_any_statement_leaves_the_old_version_or_the_new(
    tmp_path: Path, wal: bool
) -> None:
    source = build("equal_titles_v3", tmp_path, wal=wal)
    killed = tmp_path / "killed"
    killed.mkdir()
    script = Path(__file__).with_name("killed_upgrades.py")
    done = prepared.run(
        [sys.executable, str(script), str(source), str(killed)],
        env=FROM_CHECKOUT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    *at_statements, lived, at_end = map(Path, done.stdout.split())
    assert all(migrate.inspect(path).is_current for path in (lived, at_end))
    before, old_schema = rows(source), schema(source)
    old = [path for path in at_statements if migrate.inspect(path).legacy == 3]
    assert len(old) > 15
    for path in old:
        assert (rows(path), schema(path)) == (before, old_schema)
    for path in at_statements:
        assert path in old or migrate.inspect(path).is_current
        assert query(path, "PRAGMA integrity_check") == [("ok",)]
    for path in (old[-1], at_statements[-1], lived, at_end):
        migrate.upgrade(path)
        check_search_index(path)
        assert without_titles(rows(path), before) == without_titles(before, before)


def without_titles(
    found: dict[str, list[dict]], before: dict[str, list[dict]]
) -> list[tuple[object, ...]]:
    common = in_common(before, found)
    return [
        tuple(value for name, value in row.items() if name != "title")
        for row in (*common["sessions"], *common["messages"])
    ]


class TestSeveralAtOnce:
    @pytest.mark.parametrize("how", ["prepare", "upgrade"])
    def test_six_processes_that_open_new_and_old_files_all_succeed(
        self, tmp_path: Path, how: str
    ) -> None:
        paths = [tmp_path / f"new{number}" / "state.db" for number in range(6)]
        legacy = ("v1", "no_search_table", "equal_titles_v6")
        paths += [build(name, tmp_path, wal=name == "v1") for name in legacy]
        script = Path(__file__).with_name("racing_upgrades.py")
        racers = [
            prepared.Popen(
                [sys.executable, str(script), how, *map(str, paths)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=FROM_CHECKOUT,
            )
            for _ in range(6)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for _ in paths:
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write("go\n")
                racer.stdin.flush()
            for racer in racers:
                assert racer.stdout is not None
                assert racer.stdout.readline() == "done\n"
        for racer in racers:
            assert racer.communicate(timeout=60)[1] == ""
        for path in paths:
            assert migrate.inspect(path).is_current
            assert query(path, "SELECT count(*) FROM hermes_store_version") == [(1,)]
            check_search_index(path)

    def test_two_commands_on_one_new_file_both_succeed(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        results = []
        threads = [
            threading.Thread(
                target=lambda: results.append(alembic("-x", f"url={path}", "upgrade", "head"))
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [result.returncode for result in results] == [0, 0], results
        assert migrate.inspect(path).is_current

    def test_threads_that_open_different_files_do_not_disturb_each_other(
        self, tmp_path: Path
    ) -> None:
        errors: list[BaseException] = []

        def open_all(mine: str) -> None:
            try:
                for name in ("shared", mine):
                    migrate.prepare(tmp_path / f"{name}.db")
            except BaseException as exc:  # noqa: BLE001 - the test looks at it
                errors.append(exc)

        threads = [threading.Thread(target=open_all, args=(f"own{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(list(tmp_path.glob("*.db"))) == 7
        assert all(migrate.inspect(path).is_current for path in tmp_path.glob("*.db"))

    def test_a_busy_file_is_an_error_that_says_how_long_it_waited(self, tmp_path: Path) -> None:
        path = build("v2", tmp_path)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError, match="locked by another process for"):
                migrate.upgrade(path, lock_timeout=0.3)
            other.execute("ROLLBACK")
        migrate.upgrade(path)

    def test_a_reader_of_a_file_without_write_ahead_log_does_not_fail_the_commit(
        self, tmp_path: Path
    ) -> None:
        path = build("v2", tmp_path)
        with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM sessions").fetchall()
            done = threading.Timer(1.0, lambda: other.execute("ROLLBACK"))
            done.start()
            migrate.upgrade(path)
            done.join()
        assert migrate.inspect(path).is_current

    def test_readers_of_a_write_ahead_log_see_the_old_version_until_the_end(
        self, tmp_path: Path
    ) -> None:
        path = build("v6", tmp_path, wal=True)
        before = rows(path)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM sessions").fetchall()
            migrate.upgrade(path)
            names = [row[1] for row in reader.execute("PRAGMA table_info(sessions)")]
            assert "last_active" not in names
        assert in_common(before, rows(path)) == before


class TestOpeningAFileAtHead:
    def test_neither_imports_alembic_nor_takes_the_write_lock_nor_writes(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path)
        before = path.read_bytes()
        code = (
            "import sys\nfrom hermes_store import migrate\nmigrate.prepare(sys.argv[1])\n"
            "assert not [name for name in sys.modules if name.split('.')[0] == 'alembic']\n"
        )
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=ROOT)
            other.execute("ROLLBACK")
        assert path.read_bytes() == before

    @pytest.mark.parametrize("below", [None, "0011"], ids=["made at once", "made by steps"])
    def test_its_triggers_are_known_to_the_letter_so_nothing_compares_what_they_say(
        self, tmp_path: Path, below: str | None
    ) -> None:
        path = tmp_path / "state.db"
        if below:
            migrate.upgrade(path, below)
        migrate.upgrade(path)
        code = (
            "import sys\nfrom hermes_store import SessionRepository\n"
            "with SessionRepository(sys.argv[1]) as repository:\n"
            "    repository.create_session('s', 'test')\n"
            "    repository.append_message('s', 'user', 'x')\n"
            "    repository.list_sessions_rich()\n"
            "assert 'hermes_store.database.sql_text' not in sys.modules\n"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=ROOT)

    def test_works_while_others_write(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path)
        query(path, "PRAGMA journal_mode=WAL")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO sessions (id, source, started_at) VALUES ('s', 'x', 1.0)")
            migrate.prepare(path)
            other.execute("COMMIT")
            migrate.prepare(path)


class TestANewFile:
    @pytest.mark.parametrize("umask", [0o022, 0o000])
    def test_is_for_its_owner_only_and_so_is_its_folder(self, tmp_path: Path, umask: int) -> None:
        path = tmp_path / "home" / "state.db"
        old = os.umask(umask)
        try:
            migrate.prepare(path)
        finally:
            os.umask(old)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_that_is_empty_already_keeps_its_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        path.touch(mode=0o640)
        path.chmod(0o640)
        migrate.prepare(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert migrate.inspect(path).is_current

    def test_can_have_any_name(self, tmp_path: Path) -> None:
        for name in (
            "with space.db",
            "100%.db",
            "what?.db",
            "#1.db",
            "记忆.db",
            "a'b.db",
            "a&b=c.db",
        ):
            path = tmp_path / f"in {name}" / name
            migrate.prepare(path)
            assert path.is_file()
            assert migrate.inspect(path).is_current

    def test_at_a_default_place_is_made_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HERMES_HOME", str(tmp_path / "hermes"))
        migrate.prepare()
        assert (tmp_path / "hermes" / "state.db").is_file()


def test_progress_is_told_step_by_step(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    migrate.upgrade(build("v4", tmp_path), "0006", progress=lambda *step: told.append(step))
    assert told == [("revision 0005", 5, int(HEAD)), ("revision 0006", 6, int(HEAD))]


def test_an_unknown_revision_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = build("v4", tmp_path)
    before = path.read_bytes()
    with pytest.raises(MigrationError, match="0999"):
        migrate.upgrade(path, "0999")
    assert path.read_bytes() == before


def test_golden_files_are_not_touched_by_these_tests() -> None:
    assert all(path.suffix == ".sql" or path.is_dir() for path in GOLDEN.iterdir())
