"""Files that the original wrote come along in place: every version, tidy or not, nothing lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from files import (
    HEAD,
    LEGACY,
    REVISIONS,
    alembic,
    build,
    check_search_index,
    columns,
    differences,
    in_common,
    put_back,
    query,
    rows,
    schema,
    script,
)

from hermes_store import SessionRepository, migrate

RENAMED = {
    "equal_titles_v3": {"middle": "twin #3", "newest": "twin #4", "numbered": "twin #5"},
    "equal_titles_v6": {"middle": "twin #3", "newest": "twin #4", "numbered": "twin #5"},
    "odd_values": {"two": "a #3", "six": " #2", "four": " #4"},
}
"""Sessions whose title another, older one has too: their new titles."""

VERSION_FOUND = {
    "column_already_there": 1,
    "equal_titles_v3": 3,
    "no_messages_table": 1,
    "no_version": 1,
    "no_version_v2": 1,
    "odd_values": 3,
    "two_versions": 5,
    "unindexed_rows": 4,
} | {f"v{number}": number for number in range(1, 7)}

MENDED = {"many": 0, "few": 0, 1.5: 1, 2.5: 2, b"12": 12, "0.25 USD": 0.25, b"1": 1.0}
"""What was stored in a counter or a cost, and what becomes of it; other bytes become text."""

OTHER_TOOLS = "name LIKE 'kanban%' AND name NOT LIKE 'kanban_fts_%'"


def mended(found: dict[str, list[dict]]) -> dict[str, list[dict]]:
    def value(name: str, stored: Any) -> Any:
        if name.endswith(("_tokens", "_count", "_usd")):
            return MENDED.get(stored, stored)
        return stored.decode() if isinstance(stored, bytes) else stored

    return {
        table: [{name: value(name, stored) for name, stored in row.items()} for row in each]
        for table, each in found.items()
    }


def expected(name: str, before: dict[str, list[dict]]) -> dict[str, list[dict]]:
    for row in before["sessions"]:
        row["title"] = RENAMED.get(name, {}).get(row["id"], row.get("title"))
    return before


def without_title(found: dict[str, list[dict]]) -> dict[str, list[dict]]:
    return {
        table: [{key: value for key, value in row.items() if key != "title"} for row in each]
        for table, each in found.items()
    }


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Copies of golden files that were upgraded once."""
    folder = tmp_path_factory.mktemp("adopted")

    def copy(name: str, target: Path) -> Path:
        path = folder / f"{name}.db"
        if not path.exists():
            migrate.upgrade(build(name, folder))
        return Path(shutil.copy(path, target / "state.db"))

    return copy


Adopted = Callable[[str, Path], Path]


@pytest.mark.parametrize("name", LEGACY)
class TestEveryLegacyFile:
    def test_is_recognised_and_looking_changes_nothing(self, tmp_path: Path, name: str) -> None:
        path = build(name, tmp_path)
        before = path.read_bytes()
        assert migrate.inspect(path).legacy == VERSION_FOUND.get(name, 6)
        assert path.read_bytes() == before
        assert [each.name for each in tmp_path.iterdir()] == [path.name]

    def test_comes_along_with_every_row(self, tmp_path: Path, name: str, adopted: Adopted) -> None:
        before = mended(rows(build(name, tmp_path)))
        path = adopted(name, tmp_path)
        after = put_back(rows(path))
        assert without_title(in_common(before, after)) == without_title(before)
        titles = {row["id"]: row["title"] for row in after["sessions"]}
        assert titles == {row["id"]: row["title"] for row in expected(name, before)["sessions"]}
        assert migrate.current(path) == HEAD

    def test_finds_every_message_afterwards(
        self, tmp_path: Path, name: str, adopted: Adopted
    ) -> None:
        path = adopted(name, tmp_path)
        check_search_index(path)
        for word in ("needle", "indexed"):
            stored = query(
                path,
                "SELECT id FROM messages WHERE content LIKE ?1 OR content LIKE ?2 ORDER BY id",
                f"{word}%",
                f"% {word}%",
            )
            found = query(
                path,
                "SELECT rowid FROM messages_fts WHERE messages_fts MATCH ? ORDER BY rowid",
                word,
            )
            assert found == stored

    def test_ends_with_the_schema_of_a_new_file(
        self, tmp_path: Path, name: str, adopted: Adopted
    ) -> None:
        path, new = adopted(name, tmp_path), tmp_path / "new.db"
        migrate.upgrade(new)
        extra = [("remove_column", "cwd_of_others"), ("remove_column", "starred")]
        found = [(each[0], each[3].name) for each in differences(path)]
        assert sorted(found) == (extra if name == "extra_columns" else [])
        ours = [(type_, each) for type_, each, _ in schema(new)]
        theirs = [(type_, each) for type_, each, _ in schema(path)]
        assert [
            each for each in theirs if each[1] != "schema_version" and "kanban" not in each[1]
        ] == ours

    def test_with_a_write_ahead_log_is_adopted_by_opening_and_opening_again_only_looks(
        self, tmp_path: Path, name: str, adopted: Adopted
    ) -> None:
        path = build(name, tmp_path, wal=True)
        migrate.prepare(path)
        assert rows(path) == rows(adopted(name, tmp_path))
        before = path.read_bytes()
        migrate.prepare(path)
        assert migrate.inspect(path).is_current
        assert path.read_bytes() == before

    def test_keeps_the_originals_version_table(
        self, tmp_path: Path, name: str, adopted: Adopted
    ) -> None:
        before = query(build(name, tmp_path), "SELECT * FROM schema_version")
        path = adopted(name, tmp_path)
        assert query(path, "SELECT * FROM schema_version") == before

    def test_can_go_down_again_to_what_the_original_opens(
        self, tmp_path: Path, name: str, adopted: Adopted
    ) -> None:
        path = adopted(name, tmp_path)
        before = put_back(rows(path))
        migrate.downgrade(path, "0006")
        after = rows(path)
        assert in_common(after, before) == after
        check_search_index(path)
        script(path, OPENING_BY_THE_ORIGINAL)
        query(path, "INSERT INTO messages (session_id, role, timestamp) VALUES ('s', 'user', 1.0)")
        query(path, "DELETE FROM messages")


# The statements that the original ran at every opening; each must be accepted.
OPENING_BY_THE_ORIGINAL = """
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idx_sessions_source ON sessions(source);
CREATE INDEX IF NOT EXISTS idx_sessions_parent ON sessions(parent_session_id);
CREATE INDEX IF NOT EXISTS idx_sessions_started ON sessions(started_at DESC);
CREATE INDEX IF NOT EXISTS idx_messages_session ON messages(session_id, timestamp);
CREATE UNIQUE INDEX IF NOT EXISTS idx_sessions_title_unique ON sessions(title)
    WHERE title IS NOT NULL;
SELECT * FROM messages_fts LIMIT 0;
INSERT INTO sessions (id, source, started_at, cache_read_tokens, pricing_version) VALUES
    ('s', 'cli', 1.0, 1, 'v');
INSERT INTO messages (session_id, role, content, timestamp, finish_reason, codex_reasoning_items)
    VALUES ('s', 'user', 'written by the original', 1.0, 'stop', NULL);
"""


class TestUntidiness:
    def test_of_version_1_to_6_each_is_stamped_with_its_own_revision(self, tmp_path: Path) -> None:
        for number, revision in enumerate(REVISIONS[:6], start=1):
            path = build(f"v{number}", tmp_path)
            migrate.upgrade(path, revision)
            assert migrate.current(path) == revision

    def test_begun_steps_are_finished(self, tmp_path: Path) -> None:
        path = build("column_already_there", tmp_path)
        migrate.upgrade(path, "0005")
        assert migrate.current(path) == "0005"
        assert len(columns(path, "sessions")) == 26
        assert query(path, "SELECT title, cache_read_tokens FROM sessions WHERE title NOTNULL") == [
            ("begun", 7)
        ]

    def test_missing_counters_start_at_zero(self, tmp_path: Path) -> None:
        path = build("column_missing", tmp_path)
        migrate.upgrade(path)
        assert query(path, "SELECT DISTINCT cache_write_tokens FROM sessions") == [(0,)]

    def test_other_tools_keep_their_tables_views_triggers_and_rows(self, tmp_path: Path) -> None:
        path = build("other_tools", tmp_path)
        sql = f"SELECT type, name, sql FROM sqlite_master WHERE {OTHER_TOOLS} ORDER BY name"
        before = query(path, sql), query(path, "SELECT * FROM kanban_cards")
        migrate.upgrade(path)
        assert (query(path, sql), query(path, "SELECT * FROM kanban_cards")) == before
        query(
            path,
            "INSERT INTO messages (session_id, role, content, timestamp)"
            " VALUES ('20260101_100000_d4e5f6', 'user', 'x', 1.0)",
        )
        assert query(path, "SELECT touched FROM kanban_cards ORDER BY id") == [(1,), (0,)]
        migrate.downgrade(path, "0001")
        assert query(path, sql) == before[0]

    def test_columns_of_others_under_our_names_are_put_aside_and_come_back(
        self, tmp_path: Path
    ) -> None:
        path = build("v6", tmp_path)
        theirs = ["state", "name", "extra"]
        for name in theirs:
            query(path, f"ALTER TABLE messages ADD COLUMN {name} TEXT DEFAULT 'of others'")
        before = rows(path)
        migrate.upgrade(path)
        aside, ours = rows(path)["messages"][0], {"state": None, "name": None, "extra": None}
        assert {name: aside[name] for name in theirs} == ours
        assert {aside[f"{name}_of_others"] for name in theirs} == {"of others"}
        with SessionRepository(path) as repository:
            session_id = aside["session_id"]
            assert len(repository.get_messages(session_id)) == repository.message_count(session_id)
        migrate.downgrade(path, "0006")
        assert in_common(rows(path), before) == rows(path)

    def test_rows_that_refer_to_nothing_are_kept_and_do_not_stop_the_upgrade(
        self, tmp_path: Path
    ) -> None:
        path = build("orphans", tmp_path)
        before = query(path, "PRAGMA foreign_key_check")
        migrate.upgrade(path)
        assert sorted(query(path, "PRAGMA foreign_key_check")) == sorted(before)
        assert len(before) == 2

    def test_bytes_that_would_become_an_id_or_a_title_in_use_do_not_stop_the_upgrade(
        self, tmp_path: Path
    ) -> None:
        path = build("v6", tmp_path)
        query(
            path,
            "INSERT INTO sessions (id, source, started_at, title) SELECT CAST(id AS BLOB),"
            " CAST(source AS BLOB), started_at, CAST(title AS BLOB) FROM sessions",
        )
        migrate.upgrade(path)
        assert query(path, "SELECT count(*), count(DISTINCT source) FROM sessions") == [(6, 2)]

    def test_last_activity_is_known_for_old_sessions(self, tmp_path: Path) -> None:
        path = build("v4", tmp_path)
        migrate.upgrade(path)
        assert query(path, "SELECT last_active FROM sessions ORDER BY id") == [
            (1767258003.5,),
            (1767261609.125,),
            (1767340800.25,),
        ]

    @pytest.mark.parametrize(
        "damage",
        [
            "DROP TABLE messages_fts",
            "DROP TRIGGER messages_fts_delete",
            "DELETE FROM messages_fts_docsize WHERE id = 1",
            "INSERT INTO messages_fts(messages_fts) VALUES('delete-all')",
            "INSERT INTO messages_fts(rowid, content) VALUES (99, 'needle of no message')",
            "DROP TABLE messages_fts; CREATE VIRTUAL TABLE messages_fts USING fts5(content)",
            "DROP TABLE messages_fts; CREATE TABLE messages_fts (content)",
            """DROP TRIGGER messages_fts_update;
            CREATE TRIGGER messages_fts_update AFTER UPDATE ON messages BEGIN SELECT 1; END""",
        ],
    )
    @pytest.mark.parametrize("revision", ["0006", "head"])
    def test_a_search_table_in_any_state_is_made_right(
        self, tmp_path: Path, damage: str, revision: str
    ) -> None:
        path = build("v6", tmp_path)
        script(path, damage)
        before = rows(path)
        migrate.upgrade(path, revision)
        check_search_index(path)
        assert in_common(before, rows(path)) == before
        sql = "SELECT rowid FROM messages_fts WHERE messages_fts MATCH 'needle'"
        assert query(path, sql) == [(6,)]
        query(path, "DELETE FROM messages WHERE id = 6")
        assert query(path, sql) == []

    def test_a_file_that_went_down_and_was_used_by_the_original_comes_up_again(
        self, tmp_path: Path
    ) -> None:
        path = build("v6", tmp_path)
        migrate.upgrade(path)
        migrate.downgrade(path, "0003")
        assert query(path, "SELECT version FROM schema_version") == [(3,)]
        script(
            path,
            "CREATE UNIQUE INDEX idx_sessions_title_unique ON sessions(title)"
            " WHERE title IS NOT NULL;"
            "ALTER TABLE sessions ADD COLUMN cache_read_tokens INTEGER DEFAULT 0;"
            "UPDATE schema_version SET version = 6;",
        )
        before = rows(path)
        migrate.upgrade(path)
        assert migrate.current(path) == HEAD
        assert in_common(before, rows(path)) == before
        assert differences(path) == []


class TestTheCommand:
    @pytest.mark.parametrize("name", ["v1", "v6", "equal_titles_v3", "no_triggers", "other_tools"])
    def test_adopts_as_opening_does(self, tmp_path: Path, name: str) -> None:
        by_command = build(name, tmp_path)
        by_opening = Path(shutil.copy(by_command, tmp_path / "opened.db"))
        result = alembic("-x", f"url={by_command}", "upgrade", "head")
        assert result.returncode == 0, result.stderr
        assert "Adopting a file of the original's schema" in result.stderr
        migrate.prepare(by_opening)
        assert rows(by_command) == rows(by_opening)
        assert schema(by_command) == schema(by_opening)

    def test_never_takes_a_file_below_its_own_version_by_upgrading(self, tmp_path: Path) -> None:
        path = build("v4", tmp_path)
        assert alembic("-x", f"url={path}", "upgrade", "0002").returncode == 0
        assert migrate.current(path) == "0004"

    def test_going_down_adopts_first(self, tmp_path: Path) -> None:
        path = build("v6", tmp_path)
        result = alembic("-x", f"url={path}", "downgrade", "0005")
        assert result.returncode == 0, result.stderr
        assert migrate.current(path) == "0005"


def test_a_missing_column_that_cannot_be_made_up_is_refused(tmp_path: Path) -> None:
    from hermes_store.errors import ForeignDatabaseError

    path = build("v6", tmp_path)
    script(path, "ALTER TABLE messages RENAME COLUMN role TO rank")
    before: Any = path.read_bytes()
    with pytest.raises(ForeignDatabaseError, match="messages has no role"):
        migrate.upgrade(path)
    assert path.read_bytes() == before
