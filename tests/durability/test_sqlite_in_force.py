"""Which SQLite runs, how it keeps the file, and that the live file is left to it."""

from pathlib import Path

import pytest

from hermes_store import SessionRepository
from hermes_store.database import sqlite_engines, sqlite_trust
from hermes_store.database.sqlite_engines import has_wal_reset_bug, sqlite_driver
from hermes_store.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("version", "has_bug"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_known(
    version: tuple[int, int, int], has_bug: bool
) -> None:
    assert has_wal_reset_bug(version) is has_bug


def test_statistics_say_which_library_is_in_force_and_change_nothing(
    repository: SessionRepository, database: Path
) -> None:
    repository.create_session("s", "test")
    before = database.stat().st_mtime_ns, database.stat().st_size  # opening it would drop locks
    stats = repository.get_stats()
    driver = sqlite_driver()
    assert stats["library"] == driver.__name__.partition(".")[0]
    assert stats["version"] == driver.sqlite_version
    assert stats["journal_mode"] == "wal"
    assert stats["synchronous"] == "NORMAL"
    assert stats["wal_reset_bug"] is has_wal_reset_bug(driver.sqlite_version_info)
    assert (database.stat().st_mtime_ns, database.stat().st_size) == before


@pytest.mark.parametrize(
    ("keyword", "value", "pragma", "in_force"),
    [
        ("synchronous", "EXTRA", "synchronous", 3),
        ("mmap_size", 1_048_576, "mmap_size", 1_048_576),
        ("cache_size", -1_000, "cache_size", -1_000),
        ("busy_timeout", 77, "busy_timeout", 77),
        ("journal_size_limit", 1_048_576, "journal_size_limit", 1_048_576),
        ("wal_autocheckpoint", 99, "wal_autocheckpoint", 99),
    ],
)
def test_a_pragma_given_as_keyword_is_in_force(
    database: Path, keyword: str, value: object, pragma: str, in_force: object
) -> None:
    with SessionRepository(database, **{keyword: value}) as repository:
        with repository.transaction() as tx:
            assert tx.connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == in_force
        repository.create_session("s", "test")


@pytest.mark.parametrize("level", ["FULL", "extra"])
@pytest.mark.parametrize(
    ("given", "in_force"), [({}, 1_000), ({"wal_autocheckpoint": 8_000}, 8_000)]
)
def test_a_log_whose_commits_wait_for_the_disk_is_short_unless_its_length_is_given(
    database: Path, level: str, given: dict[str, int], in_force: int
) -> None:
    with SessionRepository(database, synchronous=level, **given) as repository:
        with repository.transaction() as tx:
            assert tx.connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == in_force
        repository.create_session("s", "test")


def test_what_every_write_connection_has(repository: SessionRepository) -> None:
    with repository.transaction() as tx:
        pragma = {
            name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        }
    assert pragma == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "recursive_triggers": 1,
    }


def test_readers_cannot_write(repository: SessionRepository) -> None:
    with repository._store.reading() as first, repository._store.reading() as another:
        for connection in (first, another):  # the first is the one that looked at the file
            assert connection.core.exec_driver_sql("PRAGMA query_only").scalar() == 1


@pytest.mark.parametrize("has_bug", [True, False], ids=["inside commits", "beside commits"])
def test_the_write_ahead_log_begins_anew_and_is_cut_back(
    database: Path, monkeypatch: pytest.MonkeyPatch, has_bug: bool
) -> None:
    limit = 200_000
    monkeypatch.setattr(sqlite_engines, "has_wal_reset_bug", lambda _version: has_bug)
    with SessionRepository(database, wal_autocheckpoint=20, journal_size_limit=limit) as repository:
        repository.create_session("s", "test")
        for number in range(100):
            repository.append_message("s", "user", f"text {number} " * 1_000)
        wait_for_checkpoint(repository)
        for _ in range(3):
            repository.append_message("s", "user", "short")
            wait_for_checkpoint(repository)
        log = Path(f"{database}-wal").stat().st_size
    assert log <= limit


def wait_for_checkpoint(repository: SessionRepository) -> None:
    after_commits = repository._store._writer._after_commits
    assert after_commits is not None
    after_commits.finish()


@pytest.mark.parametrize(
    "address",
    [
        "sqlite+pysqlcipher://:secret@/x.db",
        "sqlite+aiosqlite:///x.db",
        "sqlite:///x.db?timeout=5",
        "sqlite:///x.db?mode=ro",
    ],
)
def test_what_another_driver_would_do_is_refused_not_left_undone(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgumentError, match="db_path"):
        SessionRepository(address)
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_memory_or_an_uri_is_refused_with_a_remedy() -> None:
    for address in (":memory:", "", "sqlite://", "sqlite:///file:x?mode=memory&uri=true"):
        with pytest.raises(InvalidArgumentError, match="give"):
            SessionRepository(address)


def test_closing_leaves_one_whole_file(database: Path) -> None:
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
    assert sorted(path.name for path in database.parent.iterdir()) == ["state.db"]


def test_a_schema_is_not_trusted_where_this_sqlite_allows_that(
    repository: SessionRepository,
) -> None:
    repository.create_session("s", "test")
    works = sqlite_trust._works_distrusted()
    with repository.transaction() as tx, repository._store.reading() as reader:
        for connection in (tx.connection, reader.core):
            trusted = connection.exec_driver_sql("PRAGMA trusted_schema").scalar()
            assert trusted == int(not works)
    repository.append_message("s", "user", [{"type": "text", "text": "found"}])
    assert len(repository.search_messages("found")) == 1
    if sqlite_driver().sqlite_version_info > (3, 51):
        assert works
