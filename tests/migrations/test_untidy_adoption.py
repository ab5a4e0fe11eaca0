"""A file of the original whose search table, or whose text, is damaged comes along all the same."""

from pathlib import Path

import pytest
from files import HEAD, build, check_search_index, query, script

from hermes_store import SessionRepository, migrate
from hermes_store.errors import MigrationError


def test_titles_that_are_no_text_in_utf_8_come_along(tmp_path: Path) -> None:
    path = build("v3", tmp_path)
    script(path, "DROP INDEX IF EXISTS idx_sessions_title_unique")
    script(path, "UPDATE sessions SET title = x'41FF'")
    before = query(path, "SELECT count(*) FROM sessions")
    with SessionRepository(path) as repository:
        listed = repository.list_sessions_rich(limit=None, include="all")
    assert [(len(listed),)] == before
    titles = sorted(each["title"] for each in listed)
    assert titles[0] == "A\N{REPLACEMENT CHARACTER}"
    assert titles[1] == "A\N{REPLACEMENT CHARACTER} #2"


@pytest.mark.parametrize(
    ("stored", "kept"),
    [(2**63 - 1, 2**53), (-(2**63), -(2**53)), (1e300, 2**53), (2**53, 2**53), ("7", 7)],
)
def test_counters_that_are_too_great_come_along_so_that_sums_can_be_made(
    tmp_path: Path, stored: object, kept: int
) -> None:
    path = build("v6", tmp_path)
    query(path, "UPDATE sessions SET input_tokens = ?, reasoning_tokens = ?", stored, stored)
    query(path, "UPDATE messages SET token_count = ?", stored)
    with SessionRepository(path) as repository:
        listed = repository.list_sessions_rich(limit=None, include="all")
        assert {each["input_tokens"] for each in listed} == {kept}
        assert sum(each["input_tokens"] for each in repository.usage_by_source()) == kept * len(
            listed
        )
        messages = repository.get_messages(listed[-1]["id"])
        assert {each["token_count"] for each in messages} == {kept}


DAMAGE = {
    "its data is lost": "DELETE FROM messages_fts_data",
    "its data is noise": "UPDATE messages_fts_data SET block = x'deadbeef'",
    "one of its tables is gone": "DELETE FROM sqlite_master WHERE name = 'messages_fts_docsize'",
    "its data's table is gone": "DELETE FROM sqlite_master WHERE name = 'messages_fts_data'",
    "only its own tables are left": "DELETE FROM sqlite_master WHERE name = 'messages_fts'",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_search_table_that_is_damaged_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = build("v6", tmp_path)
    script(path, f"PRAGMA writable_schema = ON; {damage};")
    migrate.upgrade(path)
    assert migrate.current(path) == HEAD
    check_search_index(path)
    with SessionRepository(path) as repository:
        assert repository.search_messages("tests")


def test_what_is_in_the_way_of_an_upgrade_is_said_and_how_to_go_on(tmp_path: Path) -> None:
    path = build("v6", tmp_path)
    script(path, "CREATE VIEW usage AS SELECT 1")
    before = path.read_bytes()
    with pytest.raises(MigrationError) as caught:
        migrate.upgrade(path)
    said = str(caught.value)
    assert said.startswith("view usage already exists; it was rolled back: put right what is in")
    assert "'hermes-store import OLD'" in said
    assert path.read_bytes() == before
