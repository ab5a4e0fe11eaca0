"""What another host commits between two statements of ours is taken as it is then."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import URL, event, text
from stored import column
from support import Caller, until_it_waits

from hermes_store import SessionRepository, migrate
from hermes_store.database.connection import OpenConnection
from hermes_store.errors import ForeignTriggerError, SearchIndexError, SessionNotFoundError
from hermes_store.queries.appends import append_together
from hermes_store.queries.rows import new_row
from hermes_store.schema import state
from hermes_store.schema.state import look
from hermes_store.search import postgresql_build, postgresql_ddl, triggers


@pytest.fixture
def other(database: URL) -> Iterator[SessionRepository]:
    """Another host: its writer is not shared with ours."""
    elsewhere = database.update_query_dict({"application_name": "another host"})
    with SessionRepository(elsewhere) as other:
        yield other


@pytest.fixture
def repository(database: URL) -> Iterator[SessionRepository]:
    with SessionRepository(database) as repository:
        repository.create_session("there", "cli")
        yield repository


def after_first(repository: SessionRepository, begin: str, meanwhile: Callable[[], Any]) -> None:
    """Call `meanwhile` once, when a statement that begins so has run."""
    left = [meanwhile]

    def look(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if left and statement.startswith(begin):
            left.pop()()

    for engine in repository.engines:
        event.listen(engine, "after_cursor_execute", look)


def rows(*session_ids: str) -> list[Any]:
    return [
        new_row(session_id=each, role="user", content=f"{number} of {each}")
        for number, each in enumerate(session_ids)
    ]


def test_messages_of_a_session_that_is_made_meanwhile_are_stored(repository, other):
    after_first(repository, "WITH given", lambda: other.create_session("new", "cli"))
    repository.append_messages("new", [{"role": "user", "content": each} for each in "ab"])
    assert [each["content"] for each in repository.get_messages("new")] == ["a", "b"]
    assert repository.get_session("new")["message_count"] == 2


def test_of_several_sessions_each_message_has_its_own_id(repository, other):
    after_first(repository, "WITH given", lambda: other.create_session("new", "cli"))
    given = rows("there", "new", "there", "new")

    def append(connection: OpenConnection) -> list[int]:
        return append_together(connection, given)

    ids = repository._store.write(append)
    stored = dict(
        zip(
            column(repository.url, "SELECT id FROM messages ORDER BY id"),
            column(repository.url, "SELECT content FROM messages ORDER BY id"),
            strict=True,
        )
    )
    assert [stored[each] for each in ids] == [row.columns["content"] for row in given]


def test_a_session_that_nobody_makes_is_said_to_be_missing(repository):
    with pytest.raises(SessionNotFoundError):
        repository.append_messages("new", [{"role": "user", "content": "x"}])


def test_a_trigger_that_takes_messages_away_is_still_told_apart(repository, other):
    with repository.transaction() as tx:
        tx.execute(
            text(
                "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
            )
        )
        tx.execute(
            text(
                "CREATE TRIGGER swallow BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION swallow()"
            )
        )
    with pytest.raises(ForeignTriggerError):
        repository.append_messages("there", [{"role": "user", "content": "x"}])


def test_a_session_that_is_made_before_it_is_ended_ends(repository, other):
    after_first(repository, "UPDATE sessions", lambda: other.create_session("new", "cli"))
    try:
        repository.end_session("new", "done")
    except SessionNotFoundError:
        assert repository.get_session("new")["ended_at"] is None
    else:
        assert repository.get_session("new")["end_reason"] == "done"


def test_a_message_that_comes_while_its_session_is_deleted_waits_and_is_refused(repository, other):
    callers: list[Caller] = []

    def append_too() -> None:
        callers.append(Caller(lambda: other.append_message("there", "user", "late")))
        until_it_waits(repository.url, callers[0])

    repository.append_message("there", "user", "early")
    after_first(repository, "DELETE FROM messages", append_too)
    assert repository.delete_session("there")
    with pytest.raises(SessionNotFoundError):
        callers[0].finish()
    assert repository.session_count() == repository.message_count() == 0


def with_old_snapshot(
    repository: SessionRepository, meanwhile: Callable[[], Any], read: Any
) -> Any:
    """Call `read` with a connection whose snapshot is older than what `meanwhile` does."""

    def function(connection: OpenConnection) -> Any:
        connection.core.execute(text("SELECT 1 FROM sessions"))
        meanwhile()
        return read(connection)

    return repository._store.read(function)


def test_a_trigger_that_was_made_anew_meanwhile_is_still_known_as_the_stores(repository, other):
    assert with_old_snapshot(repository, other.reindex, triggers.of) == []


def test_the_stores_trigger_under_a_condition_is_not_the_stores(repository):
    trigger = postgresql_ddl.TRIGGER
    made = postgresql_ddl.HEAD_DDL[trigger].replace("EXECUTE", "WHEN (new.content = 'pin') EXECUTE")
    with repository.transaction() as tx:
        tx.execute(text(f"DROP TRIGGER {trigger} ON messages"))
        tx.execute(text(made))
    assert repository._store.read(triggers.of) == [(trigger, "messages")]


def test_a_store_that_is_opened_while_its_index_is_made_anew_sees_no_foreign_trigger(
    repository, other
):
    seen = with_old_snapshot(repository, other.reindex, lambda found: look(found.core))
    assert seen.is_ready
    assert seen.foreign_triggers == ()


def test_the_index_is_not_compared_while_another_host_makes_it_anew(repository, other):
    callers: list[Caller] = []

    def check() -> None:
        callers.append(Caller(lambda: repository._store.read(postgresql_build.check)))
        until_it_waits(repository.url, callers[0])

    after_first(other, "DROP FUNCTION", check)
    other.reindex()
    assert callers[0].finish() in ([], ["it is incomplete: it is being built"])


def test_a_search_that_waits_for_an_index_that_is_made_anew_does_not_find_it_empty(
    repository, other
):
    callers: list[Caller] = []

    def search() -> None:
        callers.append(Caller(lambda: repository.search_messages("needle")))
        until_it_waits(repository.url, callers[0])

    repository.append_message("there", "user", "needle")
    after_first(other, "DROP FUNCTION", search)
    other.reindex()
    with suppress(SearchIndexError):  # while it is being filled
        assert len(callers[0].finish()) == 1


def test_an_index_is_not_made_anew_in_the_middle_of_a_search(repository, other):
    callers: list[Caller] = []

    def reindex() -> None:
        callers.append(Caller(other.reindex))
        until_it_waits(repository.url, callers[0])

    repository.append_message("there", "user", "needle")
    after_first(repository, "SELECT state", reindex)
    assert len(repository.search_messages("needle")) == 1
    callers[0].finish()
    assert len(repository.search_messages("needle")) == 1


def test_a_store_is_opened_while_another_host_drops_a_table_that_it_is_about_to_read(
    database, monkeypatch
):
    left = ["0009"]
    tables = state.visible_tables

    def found(connection: Any) -> Any:
        seen = tables(connection)
        if left:
            migrate.downgrade(database, left.pop())
        return seen

    monkeypatch.setattr(state, "visible_tables", found)
    assert migrate.inspect(database).revision == "0009"
