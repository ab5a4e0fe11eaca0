"""The revisions: one line of numbered steps, each of which can be taken back."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from files import (
    EVERY_STEP,
    HEAD,
    REVISIONS,
    ROOT,
    columns,
    in_common,
    query,
    rows,
    schema,
)

from hermes_store import SessionRepository, migrate
from hermes_store.database.address import url_of
from hermes_store.models import Base
from hermes_store.schema.revisions import clashes, objects_made, tables_made
from hermes_store.search.ddl import HEAD_DDL

VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


def fill(path: Path) -> None:
    """Two sessions and three messages, with what every revision since the first has."""
    query(
        path,
        "INSERT INTO sessions (id, source, started_at, parent_session_id) VALUES"
        " ('s1', 'cli', 100.5, NULL), ('s2', 'telegram', 200.5, 's1')",
    )
    query(
        path,
        "INSERT INTO messages (session_id, role, content, timestamp) VALUES"
        " ('s1', 'user', 'find the needle', 101.0), ('s1', 'assistant', '记忆', 99.0),"
        " ('s1', 'tool', NULL, 100.0)",
    )


def without(rows_: dict[str, list[dict]], gone: set[str]) -> dict[str, list[dict]]:
    return {
        table: [{name: value for name, value in row.items() if name not in gone} for row in each]
        for table, each in rows_.items()
    }


class TestTheLine:
    def test_is_numbered_without_a_gap_and_has_one_head(self) -> None:
        scripts = ScriptDirectory.from_config(migrate.scripts_config())
        assert scripts.get_heads() == [HEAD]
        assert [each.revision for each in scripts.walk_revisions()][::-1] == list(REVISIONS)
        assert [path.name[:4] for path in VERSIONS] == list(REVISIONS)
        assert migrate.HEAD == HEAD

    def test_no_two_revisions_have_one_number(self) -> None:
        assert clashes(ROOT / "migrations") == [], (
            "two branches took one number: docs/changing-the-schema.md, 'Two revisions with one "
            "number', says what to do"
        )

    def test_two_revisions_with_one_number_are_named_and_nothing_is_run(
        self, tmp_path: Path
    ) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(ROOT / "migrations", folder)
        [newest] = (folder / "versions").glob(f"{HEAD}_*.py")
        shutil.copy(newest, newest.with_name(f"{HEAD}_another.py"))
        assert clashes(folder) == [sorted([newest.name, f"{HEAD}_another.py"])]
        config = migrate.scripts_config()
        config.set_main_option("script_location", str(folder))
        config.attributes["url"] = url_of(tmp_path / "state.db")
        with pytest.raises(CommandError, match=f"{HEAD}_another.py and {newest.name} have one"):
            command.upgrade(config, "head")
        assert not (tmp_path / "state.db").exists()

    def test_is_known_without_alembic(self) -> None:
        code = (
            "import sys\nfrom hermes_store import migrate\nprint(*migrate.REVISIONS)\n"
            "assert [name for name in sys.modules if name.split('.')[0] == 'alembic'] == []\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True
        )
        assert done.stdout.split() == list(REVISIONS)

    def test_every_object_made_by_raw_ddl_is_known_and_compared(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path)
        models = set(Base.metadata.tables) | {"hermes_store_version"}
        shadows = r"%\_fts\_%"
        made = query(
            path,
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view', 'trigger') AND NOT"
            f" (type = 'table' AND name LIKE '{shadows}' ESCAPE '\\') AND name NOT LIKE 'sqlite%'",
        )
        raw = {name for (name,) in made} - models
        assert raw <= objects_made()
        assert raw == set(HEAD_DDL)
        assert models - {"hermes_store_version"} <= tables_made()

    @pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
    def test_is_frozen_no_step_imports_what_changes(self, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        ] + [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = {name for name in imported if name and name.startswith("hermes_store")}
        assert ours <= {"hermes_store.schema.additions"}  # says of itself that it must not change

    @pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
    def test_never_copies_a_table_which_would_drop_its_triggers(self, path: Path) -> None:
        assert "batch_alter_table" not in path.read_text(encoding="utf-8")

    @pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
    def test_says_why_at_each_step(self, path: Path) -> None:
        assert "\nWhy: " in (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


class TestEachStep:
    @pytest.mark.parametrize(("below", "revision"), EVERY_STEP)
    def test_down_leaves_no_trace_and_up_again_gives_the_same(
        self, tmp_path: Path, below: str | None, revision: str
    ) -> None:
        path = tmp_path / "state.db"
        if below:
            migrate.upgrade(path, below)
        before = schema(path) if below else []
        migrate.upgrade(path, revision)
        up = schema(path)
        migrate.downgrade(path, below or "base")
        assert schema(path) == before
        migrate.upgrade(path, revision)
        assert schema(path) == up

    @pytest.mark.parametrize(("below", "revision"), EVERY_STEP[1:])
    def test_keeps_the_rows_up_and_down_and_up(
        self, tmp_path: Path, below: str, revision: str
    ) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, below)
        fill(path)
        before = rows(path)
        migrate.upgrade(path, revision)
        up = rows(path)
        assert in_common(before, up) == before
        migrate.downgrade(path, below)
        assert rows(path) == before
        migrate.upgrade(path, revision)
        assert rows(path) == up
        query(path, "INSERT INTO messages_fts(messages_fts, rank) VALUES('integrity-check', 1)")

    def test_all_the_way_down_leaves_nothing_and_all_the_way_up_works_again(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path)
        up = schema(path)
        migrate.downgrade(path, "base")
        assert schema(path) == []
        assert migrate.inspect(path).is_new
        migrate.upgrade(path)
        assert schema(path) == up

    def test_new_rows_are_indexed_at_every_revision(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        for revision in REVISIONS:
            migrate.upgrade(path, revision)
            query(
                path,
                "INSERT INTO sessions (id, source, started_at) VALUES (?, 'cli', 1.0)",
                revision,
            )
            query(
                path,
                "INSERT INTO messages (session_id, role, content, timestamp)"
                " VALUES (?, 'user', 'the needle', 1.0)",
                revision,
            )
            found = query(path, "SELECT rowid FROM messages_fts WHERE messages_fts MATCH 'needle'")
            assert len(found) == int(revision)


# How many columns each step of the original left.
ORIGINAL = {
    "0001": {"sessions": 14, "messages": 9},
    "0002": {"sessions": 14, "messages": 10},
    "0003": {"sessions": 15, "messages": 10},
    "0004": {"sessions": 15, "messages": 10},
    "0005": {"sessions": 26, "messages": 10},
    "0006": {"sessions": 26, "messages": 13},
}


class TestTheOriginalsSteps:
    @pytest.mark.parametrize("revision", ORIGINAL)
    def test_make_what_the_original_made(self, tmp_path: Path, revision: str) -> None:
        from files import build

        ours, theirs = tmp_path / "ours.db", build(f"v{int(revision)}", tmp_path)
        migrate.upgrade(ours, revision)
        for table, count in ORIGINAL[revision].items():
            found = query(ours, f"SELECT name, type, dflt_value FROM pragma_table_info('{table}')")
            legacy = query(
                theirs, f"SELECT name, type, dflt_value FROM pragma_table_info('{table}')"
            )
            assert sorted(found, key=str) == sorted(legacy, key=str)
            assert len(found) == count
        names = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite%' ORDER BY 1, 2"
        versions = {("table", "hermes_store_version"), ("table", "schema_version")}
        assert set(query(ours, names)) - versions == set(query(theirs, names)) - versions


class TestTheStepsThatMoveData:
    def test_0004_numbers_equal_titles_and_the_oldest_session_keeps_its_own(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0003")
        query(
            path,
            "INSERT INTO sessions (id, source, started_at, title) VALUES"
            " ('b', 'cli', 2.0, 'twin'), ('a', 'cli', 1.0, 'twin'), ('c', 'cli', 3.0, 'twin'),"
            " ('x', 'cli', 0.5, 'twin #2'), ('y', 'cli', 4.0, 'twin #2'), ('n', 'cli', 5.0, NULL),"
            " ('m', 'cli', 6.0, NULL), ('e', 'cli', 7.0, ''), ('f', 'cli', 8.0, '')",
        )
        migrate.upgrade(path, "0004")
        assert dict(query(path, "SELECT id, title FROM sessions")) == {
            "a": "twin",
            "b": "twin #3",
            "c": "twin #4",
            "x": "twin #2",
            "y": "twin #5",
            "n": None,
            "m": None,
            "e": "",
            "f": " #2",
        }

    def test_0007_fills_in_the_newest_message_else_the_start(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0006")
        fill(path)
        migrate.upgrade(path, "0007")
        assert query(path, "SELECT id, last_active FROM sessions ORDER BY id") == [
            ("s1", 101.0),
            ("s2", 200.5),
        ]

    def test_0008_takes_old_content_for_text(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0007")
        fill(path)
        migrate.upgrade(path, "0008")
        assert query(path, "SELECT DISTINCT content_format FROM messages") == [(None,)]

    def test_0009_gives_a_conversation_in_order_without_sorting(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0009")
        plan = query(
            path, "EXPLAIN QUERY PLAN SELECT * FROM messages WHERE session_id = 's' ORDER BY id"
        )
        assert [row[3] for row in plan] == [
            "SEARCH messages USING INDEX idx_messages_session (session_id=?)"
        ]

    def test_0018_sets_how_the_index_is_written_and_back(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0017")
        fill(path)
        migrate.upgrade(path, "0018")
        assert settings_of_the_index(path) == {"pgsz": 2000, "automerge": 8}
        assert query(path, "SELECT rowid FROM messages_fts('needle')") == [(1,)]
        migrate.downgrade(path, "0017")
        assert settings_of_the_index(path) == {"pgsz": 4050, "automerge": 4}

    def test_0018_leaves_a_missing_index_to_reindex(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        migrate.upgrade(path, "0017")
        fill(path)
        query(path, "DROP TABLE messages_fts")
        migrate.upgrade(path, "0018")
        with SessionRepository(path) as repo:
            repo.reindex()
            assert [hit["id"] for hit in repo.search_messages("needle")] == [1]
        assert settings_of_the_index(path) == {"pgsz": 2000, "automerge": 8}


def settings_of_the_index(path: Path) -> dict[str, int]:
    return dict(query(path, "SELECT k, v FROM messages_fts_config WHERE k <> 'version'"))


def test_ids_are_never_used_twice(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    migrate.upgrade(path)
    fill(path)
    query(path, "DELETE FROM messages")
    fill_again = "INSERT INTO messages (session_id, role, timestamp) VALUES ('s1', 'user', 1.0)"
    query(path, fill_again)
    assert query(path, "SELECT id FROM messages") == [(4,)]


def test_columns_of_the_head_are_those_of_the_models(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    migrate.upgrade(path)
    for table in Base.metadata.sorted_tables:
        assert sorted(columns(path, table.name)) == sorted(table.columns.keys())
