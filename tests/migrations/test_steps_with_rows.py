"""The later revisions go up and down with rows, on both databases, and lose nothing older."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres_server
import pytest
import stored
from files import EVERY_STEP
from sqlalchemy import URL, create_engine, inspect

from hermes_store import SessionRepository, migrate
from hermes_store.database.address import url_of

FILL = (
    (
        "INSERT INTO sessions (id, source, started_at, message_count, parent_session_id, title) VALUES"
        " ('s1', 'cli', 100.5, 3, NULL, 'Título'), ('s2', 'telegram', 200.5, 1, 's1', NULL)"
    ),
    (
        "INSERT INTO messages (session_id, role, content, tool_calls, timestamp) VALUES"
        " ('s1', 'user', 'find the needle', NULL, 101.0),"
        " ('s1', 'assistant', '记忆', '[{\"id\": \"c\"}]', 99.0),"
        " ('s1', 'tool', NULL, NULL, 100.0), ('s2', 'user', 'another needle', NULL, 300.0)"
    ),
)
NEW: dict[str, tuple[str, ...]] = {
    "0012": ('UPDATE messages SET folded = \'{"forms": "x"}\' WHERE id = 1',),
    "0013": ("UPDATE messages SET name = 'ada', external_id = 'e', extra = '{}' WHERE id = 4",),
    "0014": ("UPDATE messages SET state = 'compacted' WHERE id = 1",),
    "0015": ("UPDATE sessions SET link = 'branch' WHERE id = 's2'",),
    "0016": (
        (
            "UPDATE sessions SET archived = 1.5, pinned = 1, cwd = '/x', key = 'k',"
            " api_call_count = 2, extra = '{}' WHERE id = 's1'"
        ),
    ),
    "0017": (
        "INSERT INTO usage (session_id, hour, calls, first_at, last_at) VALUES ('s1', 1, 2, 3, 4)",
        "INSERT INTO meta (key, value) VALUES ('k', '1')",
        "INSERT INTO leases (name, holder, acquired_at, expires_at) VALUES ('n', 'h', 1, 2)",
    ),
    "0018": (),
    "0019": (),
    "0020": (),
    "0021": ("UPDATE messages SET may_wait = 1 WHERE id = 4",),
    "0022": (),
    "0023": (),
}
"""What a program may have stored at each revision, besides `FILL`."""
STEPS = [(below, revision) for below, revision in EVERY_STEP if revision >= "0012"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | URL]:
    """A database without a schema."""
    if request.param == "sqlite":
        yield tmp_path / "state.db"
    else:
        with postgres_server.empty_database() as url:
            yield url


def rows(database: Path | URL) -> dict[str, list[dict[str, Any]]]:
    """Every row of the tables, in order; without columns that the server computes."""
    engine = create_engine(url_of(database))
    found = {}
    for table in ("sessions", "messages"):
        names = [c["name"] for c in inspect(engine).get_columns(table) if "computed" not in c]
        listed = ", ".join(f'"{name}"' for name in names)
        read = stored.rows(database, f"SELECT {listed} FROM {table} ORDER BY id")
        found[table] = [dict(zip(names, each, strict=True)) for each in read]
    engine.dispose()
    return found


def in_common(before: Any, after: Any) -> Any:
    return {
        table: [{name: row[name] for name in before[table][0]} for row in after[table]]
        for table in before
    }


def filled(database: Path | URL, revision: str) -> None:
    """A store at a revision, with rows that use what it has."""
    migrate.upgrade(database, revision)
    for statement in FILL:
        stored.change(database, statement)
    for at, statements in NEW.items():
        for statement in statements if at <= revision else ():
            stored.change(database, statement)


def test_every_later_revision_has_its_rows() -> None:
    assert [revision for _, revision in STEPS] == sorted(NEW)


@pytest.mark.parametrize(("below", "revision"), STEPS)
def test_a_step_keeps_the_rows_up_and_down_and_up(
    empty: Path | URL, below: str, revision: str
) -> None:
    filled(empty, below)
    before = rows(empty)
    migrate.upgrade(empty, revision)
    assert in_common(before, rows(empty)) == before
    for statement in NEW[revision]:
        stored.change(empty, statement)
    migrate.downgrade(empty, below)
    assert rows(empty) == before
    migrate.upgrade(empty, revision)
    assert in_common(before, rows(empty)) == before


@pytest.mark.parametrize("below", [below for below, _ in STEPS])
def test_a_store_that_was_filled_at_any_of_them_is_sound_at_head(empty: Path | URL, below: str):
    filled(empty, below)
    migrate.upgrade(empty)
    with SessionRepository(empty) as repo:
        expected = [["compacted", None] if below >= "0014" else [None, None]]
        hits = repo.search_messages("needle", sort="oldest")
        assert [[hit["state"] for hit in hits]] == expected
        found = [problem for problem in repo.check() if "message_count" not in problem]
        assert found == []


CALLS = {
    "a long name": f'[{{"name": "{"name " * 120_000}"}}]',
    # As deep as one version of SQLite reads them or another.
    "998": f'[{{"name": "f", "input": {"[" * 998}{"]" * 998}}}]',
    "1998": f'[{{"name": "f", "input": {"[" * 1_998}{"]" * 1_998}}}]',
}


@pytest.mark.parametrize("calls", CALLS)
def test_calls_that_were_indexed_before_0023_are_in_step_with_its_view(tmp_path: Path, calls: str):
    file = tmp_path / "state.db"
    filled(file, "0022")
    stored.change(file, "UPDATE messages SET tool_calls = ? WHERE id = 3", CALLS[calls])
    migrate.upgrade(file)
    stored.change(file, "INSERT INTO messages_fts(messages_fts, rank) VALUES('integrity-check', 1)")


def test_going_down_from_states_makes_every_message_live_and_forgets_equal_foreign_ids(
    empty: Path | URL,
) -> None:
    migrate.upgrade(empty)
    with SessionRepository(empty) as repo:
        repo.create_session("s", "cli")
        message = {"role": "user", "content": "needle", "external_id": "m1"}
        repo.append_messages("s", [message])
        [live] = repo.compact("s", [message])
    migrate.downgrade(empty, "0013")
    found = stored.rows(empty, "SELECT content, external_id FROM messages ORDER BY id")
    assert found == [("needle", None), ("needle", "m1")]
    migrate.upgrade(empty)
    with SessionRepository(empty) as repo:
        assert [each["id"] for each in repo.get_messages("s")][1] == live
        assert len(repo.search_messages("needle", include="live")) == 2
