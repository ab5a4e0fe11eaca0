"""A new database gets the recorded schema, and it is what the revisions make, to the byte."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dump_schema
import postgres_server
import pytest
from files import FROM_CHECKOUT, HEAD, ROOT, query
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.schema import snapshot
from hermes_store.schema.state import State

MASTER = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"


def test_the_recorded_schemas_are_those_that_the_revisions_make() -> None:
    stale = [
        path.name
        for path, text in dump_schema.files().items()
        if path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run: make schema"


class TestOnSQLite:
    @pytest.fixture
    def replayed(self, tmp_path: Path) -> Path:
        path = tmp_path / "replayed.db"
        migrate.upgrade(path)
        return path

    @pytest.fixture
    def upgraded(self, tmp_path: Path) -> Path:
        path = tmp_path / "upgraded.db"
        dump_schema.upgrade_by_revisions(path)
        return path

    def test_both_ways_make_the_same_schema_to_the_byte(
        self, replayed: Path, upgraded: Path
    ) -> None:
        assert query(replayed, MASTER) == query(upgraded, MASTER)

    def test_both_ways_store_the_same_first_rows(self, replayed: Path, upgraded: Path) -> None:
        tables = [name for type_, name, *_ in query(upgraded, MASTER) if type_ == "table"]
        for table in tables:
            here, there = (
                [*query(path, f"SELECT * FROM {table}")] for path in (replayed, upgraded)
            )
            if table == "search_index":  # with the time at which it was made
                here, there = ([row[:3] + row[4:] for row in rows] for rows in (here, there))
            assert here == there, table

    @pytest.mark.parametrize("how", ["missing", "empty"])
    def test_a_new_file_is_made_and_written_without_alembic(self, tmp_path: Path, how: str) -> None:
        path = tmp_path / "state.db"
        if how == "empty":
            path.touch()
        code = (
            "import sys\nfrom hermes_store import SessionRepository\n"
            "with SessionRepository(sys.argv[1]) as repository:\n"
            "    repository.create_session('s', 'test')\n"
            "    repository.append_message('s', 'user', 'needle')\n"
            "    assert repository.search_messages('needle')\n"
            "assert [name for name in sys.modules if name.split('.')[0] == 'alembic'] == []\n"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=ROOT)
        assert migrate.inspect(path) == State(revision=HEAD)

    def test_a_file_that_is_not_empty_is_left_to_the_revisions(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "state.db"
        query(path, "CREATE VIEW other AS SELECT 1")
        query(path, "CREATE TABLE another (a)")
        monkeypatch.setattr(snapshot, "replay", lambda *_: pytest.fail("replayed"))
        migrate.upgrade(path)
        assert migrate.current(path) == HEAD

    def test_a_record_that_is_older_than_the_head_is_not_used(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshot, "HEAD", f"{int(HEAD) + 1:04d}")
        path = tmp_path / "state.db"
        migrate.upgrade(path)
        assert migrate.current(path) == HEAD

    def test_progress_is_told(self, tmp_path: Path) -> None:
        told: list[tuple[str, int, int]] = []
        migrate.upgrade(tmp_path / "state.db", progress=lambda *step: told.append(step))
        assert told == [(f"revision {HEAD}", int(HEAD), int(HEAD))]

    def test_a_process_killed_at_any_statement_leaves_an_empty_file_or_a_whole_one(
        self, tmp_path: Path
    ) -> None:
        script = Path(__file__).with_name("killed_creations.py")
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path)],
            env=FROM_CHECKOUT,
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
        paths = [Path(line) for line in done.stdout.split()]
        states = [migrate.inspect(path) for path in paths]
        assert len(paths) > 15
        assert {state.revision for state in states} == {None, HEAD}
        assert all(state.is_empty or state.is_current for state in states)
        for path in paths:
            with SessionRepository(path) as repository:
                repository.create_session("s", "test")
                assert repository.check() == []


# --- on PostgreSQL ------------------------------------------------------------------------------

CATALOG = {
    "relations": """
        SELECT relname, relkind, relpersistence, relreplident, reloptions,
            pg_get_viewdef(CASE WHEN relkind = 'v' THEN oid END),
            pg_get_indexdef(CASE WHEN relkind = 'i' THEN oid END), obj_description(oid)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname""",
    "columns": """
        SELECT attrelid::regclass::text, attnum, attname, atttypid::regtype::text, atttypmod,
            attnotnull, attidentity, attgenerated, attcollation::regcollation::text, attstorage,
            pg_get_expr(adbin, adrelid)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
        ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "functions": """
        SELECT proname, pg_get_functiondef(oid), provolatile, proisstrict, proparallel
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1""",
    "sequences": "SELECT * FROM pg_sequences ORDER BY sequencename",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
}


@pytest.mark.postgresql
class TestOnPostgreSQL:
    @pytest.fixture
    def two(self) -> Iterator[tuple[URL, URL]]:
        with postgres_server.empty_database() as one, postgres_server.empty_database() as other:
            yield one, other

    def rows(self, url: URL, statement: str) -> list[Any]:
        with postgres_server.connected(url) as connection:
            return connection.execute(statement).fetchall()

    def test_both_ways_make_the_same_schema(self, two: tuple[URL, URL]) -> None:
        replayed, upgraded = two
        migrate.upgrade(replayed)
        dump_schema.upgrade_by_revisions(upgraded)
        for what, statement in CATALOG.items():
            made = self.rows(replayed, statement)
            assert made == self.rows(upgraded, statement), what
            assert made or what == "triggers"
        for table in ("hermes_store_version", "sessions", "messages"):
            statement = f"SELECT * FROM {table}"
            assert self.rows(replayed, statement) == self.rows(upgraded, statement)

    def test_is_made_without_alembic(self, two: tuple[URL, URL]) -> None:
        code = (
            "import sys\nfrom hermes_store import SessionRepository\n"
            "with SessionRepository(sys.argv[1], auto_migrate=True) as repository:\n"
            "    repository.create_session('s', 'test')\n"
            "assert [name for name in sys.modules if name.split('.')[0] == 'alembic'] == []\n"
        )
        written = two[0].render_as_string(hide_password=False)
        subprocess.run([sys.executable, "-c", code, written], check=True, cwd=ROOT)
        assert migrate.current(two[0]) == HEAD

    def test_a_database_with_other_tables_is_left_to_the_revisions(
        self, two: tuple[URL, URL], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with postgres_server.connected(two[0]) as connection:
            connection.execute("CREATE TABLE other (a int)")
        monkeypatch.setattr(snapshot, "replay", lambda *_: pytest.fail("replayed"))
        migrate.upgrade(two[0])
        assert migrate.current(two[0]) == HEAD
