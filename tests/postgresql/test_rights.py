"""A role that may only use the tables: the rights that docs/scaling.md lists are enough."""

import re
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
import stored
from sqlalchemy import URL
from support import until

from hermes_store import SessionRepository
from hermes_store.errors import OutcomeUnknownError, StoreUnavailableError

DOCS = Path(__file__).parents[2] / "docs" / "scaling.md"


@pytest.fixture
def agent(database: URL) -> Iterator[URL]:
    """The database as a role sees it that owns nothing."""
    role = f"{database.database}-agent"
    named = database.set(database=role)
    postgres_server.administer("CREATE ROLE {} LOGIN", named)
    yield database.set(username=role)
    stored.change(database, f'DROP OWNED BY "{role}"')
    postgres_server.administer("DROP ROLE {}", named)


def documented(role: str | None) -> list[str]:
    found = re.findall(r"^GRANT .*;$", DOCS.read_text(), re.MULTILINE)
    assert len(found) >= 3
    return [statement.replace("agent;", f'"{role}";') for statement in found]


SESSION = {"id": "i", "source": "t", "started_at": 1.0, "messages": [{"id": 7, "role": "user"}]}


def test_the_documented_rights_suffice_for_all_that_agents_do(database, agent):
    for statement in documented(agent.username):
        stored.change(database, statement)
    with SessionRepository(agent) as repository:
        repository.create_session("s", "test")
        repository.append_message("s", "user", "the words")
        assert repository.import_sessions([SESSION]).messages == 1
        assert len(repository.search_messages("words")) == 1
        assert [each["id"] for each in repository.iter_export()] == ["s", "i"]
        repository.record_usage("s", model="m", input_tokens=1)
        repository.record_usage("s", model="m", input_tokens=2)
        assert [each["calls"] for each in repository.usage_report()] == [2]
        assert repository.leases.acquire("n", "holder", 60)
        assert repository.leases.release("n", "holder")
        repository.meta.set("key", 1)
        repository.meta.set("key", 2)
        assert repository.meta.delete("key")
        assert repository.check() == []
        assert repository.delete_session("s")
        repository.append_message("i", "user", "later")
        assert repository.get_messages("i")[0]["id"] == 7


def test_without_the_right_to_set_the_sequence_an_import_says_what_to_grant(database, agent):
    for statement in documented(agent.username):
        stored.change(database, statement.replace(", UPDATE ON SEQUENCE", " ON SEQUENCE"))
    with SessionRepository(agent) as repository:
        with pytest.raises(StoreUnavailableError, match=r"permission denied .*docs/scaling.md"):
            repository.import_sessions([SESSION])
        repository.create_session("s", "test")
        repository.append_message("s", "user", "x")


def test_a_role_without_any_right_is_told_so(agent):
    with pytest.raises(StoreUnavailableError, match="permission denied for table"):
        SessionRepository(agent)


@pytest.fixture
def impatient(database: URL) -> Iterator[URL]:
    """A database whose server ends what is idle inside a transaction; the next test may get it."""
    alter = f'ALTER DATABASE "{database.database}"'
    stored.change(database, f"{alter} SET idle_in_transaction_session_timeout = 200")
    yield database
    stored.change(database, f"{alter} RESET idle_in_transaction_session_timeout")


def test_an_export_left_alone_for_too_long_is_an_error_that_says_what_to_do(impatient):
    database = impatient
    with SessionRepository(database) as repository:
        for name in ("a", "b", "c"):
            repository.create_session(name, "test")
        export = repository.iter_export()
        next(export)
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND starts_with(state, 'idle in')"
        until(lambda: stored.column(database, open_ones, database.database) == [0])
        said = r"idle-in-transaction timeout.*; go through an export without long pauses"
        with pytest.raises(StoreUnavailableError, match=said):
            for _ in export:
                pass
        assert repository.session_count() == 3


def test_a_transaction_left_alone_for_too_long_is_an_error_too(impatient):
    database = impatient
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND starts_with(state, 'idle in')"
        with (
            pytest.raises(StoreUnavailableError, match="keep transaction"),
            repository.transaction() as tx,
        ):
            tx.append_message("s", "user", "x")
            until(lambda: stored.column(database, open_ones, database.database) == [0])
            tx.append_message("s", "user", "y")
        assert repository.message_count() == 0


def test_a_transaction_that_ends_after_too_long_a_pause_is_known_not_to_be_stored(impatient):
    database = impatient
    with SessionRepository(database) as repository:
        repository.create_session("s", "test")
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = ? AND starts_with(state, 'idle in')"
        with (
            pytest.raises(StoreUnavailableError, match="keep transaction") as caught,
            repository.transaction() as tx,
        ):
            tx.append_message("s", "user", "x")
            until(lambda: stored.column(database, open_ones, database.database) == [0])
        assert not isinstance(caught.value, OutcomeUnknownError)
        assert repository.message_count() == 0
        repository.append_message("s", "user", "y")
