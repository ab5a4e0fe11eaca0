"""Tables of other programs never make a file foreign, and nothing of theirs is changed."""

from pathlib import Path

import pytest
from files import GOLDEN, HEAD, alembic, build, query, rows, schema

from hermes_store import SessionRepository, migrate

BESIDE = sorted(path.stem for path in (GOLDEN / "beside").glob("*.sql"))
WAYS = {
    "opening": migrate.prepare,
    "upgrade": migrate.upgrade,
    "the alembic command": lambda path: alembic("-x", f"url={path}", "upgrade", "head"),
}


def theirs(path: Path) -> list[tuple[str, str, str]]:
    """What the file holds that the store did not make."""
    new = path.with_name("new.db")
    if not new.exists():
        migrate.upgrade(new)
    return [each for each in schema(path) if each not in schema(new)]


def tables(path: Path) -> tuple[str, ...]:
    return tuple(name for type_, name, _ in theirs(path) if type_ == "table")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wal", [False, True], ids=["rollback-journal", "wal"])
@pytest.mark.parametrize("name", BESIDE)
def test_the_store_is_made_beside_them(tmp_path: Path, name: str, wal: bool, way: str) -> None:
    path = build(f"beside/{name}", tmp_path, wal=wal)
    before = theirs(path), rows(path, tables(path))
    assert migrate.inspect(path).is_new
    WAYS[way](path)
    assert migrate.current(path) == HEAD
    assert (theirs(path), rows(path, tables(path))) == before
    with SessionRepository(path) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "needle")
        assert repository.search_messages("needle")
        assert repository.check() == []


@pytest.mark.parametrize("name", BESIDE)
def test_all_the_way_down_leaves_them(tmp_path: Path, name: str) -> None:
    path = build(f"beside/{name}", tmp_path)
    before = schema(path), rows(path, tables(path))
    migrate.upgrade(path)
    migrate.downgrade(path, "base")
    assert (schema(path), rows(path, tables(path))) == before


def test_an_application_s_own_revision_is_not_taken_for_the_store_s(tmp_path: Path) -> None:
    path = build("beside/with_alembic", tmp_path)  # its revision is one of ours by name, too
    assert migrate.current(path) is None
    migrate.upgrade(path)
    assert query(path, "SELECT version_num FROM alembic_version") == [("0004",)]
    assert query(path, "SELECT version_num FROM hermes_store_version") == [(HEAD,)]


def test_a_legacy_file_beside_an_application_s_version_is_adopted(tmp_path: Path) -> None:
    path = build("v3", tmp_path)
    query(path, "CREATE TABLE alembic_version (version_num TEXT)")
    query(path, "INSERT INTO alembic_version VALUES ('a1b2c3d4')")
    migrate.upgrade(path)
    assert migrate.current(path) == HEAD
    assert query(path, "SELECT version_num FROM alembic_version") == [("a1b2c3d4",)]
