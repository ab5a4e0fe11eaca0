"""After an upgrade old messages are indexed step by step, and nobody has to wait for it."""

from pathlib import Path

import pytest
from files import build, check_search_index, query

from hermes_store import SessionRepository, migrate
from hermes_store.errors import SearchIndexError

STATE = "SELECT state, owner FROM search_index"


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was upgraded by opening it, which had no time for the index."""
    path = build("v6", tmp_path, wal=True)
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_FILLING_SECONDS", -1.0)
        migrate.prepare(path)
    return path


def test_an_upgrade_fills_the_index(tmp_path: Path) -> None:
    path = build("v6", tmp_path)
    told: list[tuple[str, int, int]] = []
    migrate.upgrade(path, progress=lambda *step: told.append(step))
    assert query(path, STATE) == [("ready", None)]
    assert ("search index", 5, 5) in told
    check_search_index(path)


def test_opening_waits_for_it_only_so_long_and_search_says_so(waiting: Path) -> None:
    assert migrate.inspect(waiting).is_current
    assert migrate.inspect(waiting).is_being_indexed
    with SessionRepository(waiting, auto_migrate=False) as repository:
        assert len(repository.get_messages("20260101_100000_d4e5f6")) == 2
        repository.append_message("20260101_100000_d4e5f6", "user", "new needle")
        with pytest.raises(SearchIndexError, match="incomplete"):
            repository.search_messages("needle")


def test_the_next_opening_goes_on(waiting: Path) -> None:
    with SessionRepository(waiting) as repository:
        assert len(repository.search_messages("needle")) == 1
    assert not migrate.inspect(waiting).is_being_indexed
    check_search_index(waiting)


def test_an_upgrade_of_a_file_at_head_goes_on(waiting: Path) -> None:
    migrate.upgrade(waiting)
    assert query(waiting, STATE) == [("ready", None)]


def test_what_another_process_is_filling_is_left_to_it(waiting: Path) -> None:
    owner = "another-machine process 1 abcdef"
    query(waiting, "UPDATE search_index SET owner = ?, owned_until = 1e12", owner)
    migrate.prepare(waiting)
    migrate.upgrade(waiting)
    assert query(waiting, STATE) == [("incomplete", owner)]


def test_a_damaged_index_is_recorded_and_does_not_stop_the_opening(waiting: Path) -> None:
    query(waiting, "DROP TABLE messages_fts_docsize")
    migrate.prepare(waiting)
    assert query(waiting, "SELECT state FROM search_index") == [("damaged",)]
    with SessionRepository(waiting) as repository:
        repository.append_message("20260101_100000_d4e5f6", "user", "is kept")
        with pytest.raises(SearchIndexError, match="damaged"):
            repository.search_messages("kept")


def test_a_file_without_the_table_of_the_state_can_be_opened(waiting: Path) -> None:
    query(waiting, "DROP TABLE search_index")
    migrate.prepare(waiting)
    assert migrate.inspect(waiting).is_current
