"""`delete=True` makes an earlier copy equal: what the source lost goes, what changed is renewed."""

from contextlib import closing

import pytest
import stores
from sqlalchemy import text

from hermes_store import SessionRepository, migrate
from hermes_store.copy import copy
from hermes_store.database.sqlite_engines import sqlite_driver
from hermes_store.errors import CopyError


def made_equal(source, target):
    done = copy(source, target, delete=True)
    assert stores.content(target) == stores.content(source)
    return done


def change(database, *statements) -> None:
    with SessionRepository(database) as repository, repository.transaction() as tx:
        for statement in statements:
            tx.execute(text(statement))


def test_into_an_empty_database_it_is_an_ordinary_copy(filled, target):
    assert made_equal(filled, target).deleted == {}


def test_deleted_sessions_go_and_those_that_continue_them_stay(filled, target):
    copy(filled, target)
    with SessionRepository(filled) as source:
        source.delete_session("first")
    done = made_equal(filled, target)
    assert done.deleted["sessions"] == 1
    with SessionRepository(target) as goal:
        assert goal.check() == []
        assert goal.get_session("first") is None


def test_cleared_messages_go(filled, target):
    copy(filled, target)
    with SessionRepository(filled) as source:
        source.clear_messages("an-earlier-id")
    done = made_equal(filled, target)
    assert done.deleted.keys() == {"messages"}


def test_changed_messages_are_stored_anew_and_found(filled, target):
    copy(filled, target)
    change(filled, "UPDATE messages SET content = 'renewed words' WHERE id = 3")
    with pytest.raises(CopyError, match="content of 3 differ"):
        copy(filled, target)
    assert made_equal(filled, target).deleted == {}
    with SessionRepository(target) as goal:
        assert [hit["id"] for hit in goal.search_messages("renewed words")] == [3]
        assert goal.check() == []


def test_what_was_written_in_the_target_goes(filled, target):
    copy(filled, target)
    with SessionRepository(target) as goal:
        goal.create_session("theirs", "cli", parent_session_id="first")
        goal.append_message("first", "user", "written here")
        goal.append_message("theirs", "user", "written here")
    done = made_equal(filled, target)
    assert done.deleted == {"messages": 2, "sessions": 1}


def test_new_changed_and_deleted_come_together_night_after_night(filled, target):
    for night in range(3):
        with SessionRepository(filled) as source:
            source.create_session(f"night {night}", "cron")
            source.append_messages(f"night {night}", [{"role": "user", "content": "x"}] * 3)
            source.delete_session(f"night {night - 1}")
        change(filled, f"UPDATE messages SET content = 'night {night}' WHERE id = 1")
        made_equal(filled, target)
    with SessionRepository(target) as goal:
        assert goal.check() == []


def test_a_store_that_is_no_copy_is_refused_and_kept(filled, target):
    migrate.upgrade(target)
    with SessionRepository(target) as goal:
        goal.create_session("theirs", "cli")
        goal.append_message("theirs", "user", "precious")
    before = stores.content(target)
    with pytest.raises(CopyError, match="holds no session of the source: it is not a copy of it"):
        copy(filled, target, delete=True)
    assert stores.content(target) == before


def test_an_empty_source_empties_nothing(database, filled, target, template, tmp_path):
    copy(filled, target)
    empty = tmp_path / "empty.db"
    empty.write_bytes(template.read_bytes())
    before = stores.content(target)
    with pytest.raises(CopyError, match="not a copy"):
        copy(empty, target, delete=True)
    assert stores.content(target) == before


def test_more_rows_than_fit_one_piece_go(repository, database, target):
    stores.grow(repository, 1_200)
    repository.create_session("stays", "cli")
    copy(database, target)
    repository.clear_messages("long")
    with SessionRepository(target) as goal, goal.transaction() as tx:
        for number in range(600):
            tx.create_session(f"extra {number}", "cli")
    assert made_equal(database, target).deleted == {"messages": 1_200, "sessions": 600}


def test_what_a_key_was_made_to_fit_into_is_not_gone(sqlite_database, target):
    with closing(sqlite_driver().connect(sqlite_database)) as untidy:
        for statement in (
            "INSERT INTO sessions (id, source, started_at) VALUES (?, 'cli', 1.0)",
            "INSERT INTO messages (session_id, role, timestamp) VALUES (?, 'user', 1.0)",
            "INSERT INTO meta (\"key\", value) VALUES (?, '1')",
        ):
            untidy.execute(statement, ("a\0b",))
        untidy.commit()
    first = copy(sqlite_database, target)
    again = copy(sqlite_database, target, delete=True)
    assert (again.digest, again.deleted) == (first.digest, {})
