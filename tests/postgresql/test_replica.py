"""`read_url`: reads go to another server, which may lag; a server that takes no writes says so."""

import postgres_server
import pytest
from sqlalchemy import URL, text
from stored import change

from hermes_store import SessionRepository
from hermes_store.errors import InvalidArgumentError, StoreReadOnlyError, StoreUnavailableError


@pytest.fixture
def behind(database: URL) -> URL:
    """Another database, which stands for a replica that has not yet heard of anything."""
    with postgres_server.store(keeps_connections=False) as url:
        yield url


def test_reads_go_to_the_replica_and_writes_to_the_primary(database, behind):
    with SessionRepository(database, read_url=behind) as repository:
        repository.create_session("s", "cli")
        assert repository.get_session("s") is None
        assert repository.session_count() == 0
        assert list(repository.iter_export()) == []
        with repository.transaction() as tx:
            assert tx.get_session("s")["source"] == "cli"
    with SessionRepository(database) as repository:
        assert repository.session_count() == 1


def test_a_replica_needs_no_right_to_write(database):
    replica = database.update_query_dict({"options": "-c default_transaction_read_only=on"})
    with SessionRepository(
        database, read_url=replica.render_as_string(hide_password=False)
    ) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle")
        assert [hit["session_id"] for hit in repository.search_messages("needle")] == ["s"]
        assert repository.get_stats()["messages"] == 1
        setting = text("SHOW default_transaction_read_only")
        assert repository._store.read(lambda c: c.core.execute(setting).scalar()) == "on"
        assert repository._store.write(lambda c: c.core.execute(setting).scalar()) == "off"


def test_a_read_changes_nothing_whatever_its_statement(database):
    with SessionRepository(database) as repository:
        with pytest.raises(StoreReadOnlyError):
            repository._store.read(lambda c: c.core.execute(text("DELETE FROM sessions")))


def test_a_server_that_takes_no_writes_is_an_error_that_names_the_primary(database):
    with SessionRepository(database) as repository:

        def as_on_a_standby(connection):
            connection.core.execute(text("SET TRANSACTION READ ONLY"))
            connection.core.execute(text("DELETE FROM sessions"))

        with pytest.raises(StoreReadOnlyError, match="URL of the primary"):
            repository._store.write(as_on_a_standby)
        repository.create_session("s", "cli")


def test_a_replica_that_is_away_does_not_stop_writes(database):
    away = database.set(port=1)
    with SessionRepository(database, read_url=away) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "stored")
        with pytest.raises(StoreUnavailableError, match="check the URL's host"):
            repository.get_messages("s")
    with SessionRepository(database) as repository:
        assert repository.message_count() == 1


def test_a_file_has_no_replica(database, sqlite_database):
    for primary, replica in ((sqlite_database, database), (database, sqlite_database)):
        with pytest.raises(InvalidArgumentError, match="read_url: a SQLite file has no replica"):
            SessionRepository(primary, read_url=replica)


def test_the_database_is_the_same_whoever_reads(database):
    """Rows that another tool has locked or changed are read as committed, in one snapshot."""
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        with repository._store.reading() as connection:
            count = text("SELECT count(*) FROM sessions")
            assert connection.core.execute(count).scalar() == 1
            change(database, "DELETE FROM sessions")
            assert connection.core.execute(count).scalar() == 1
        assert repository.session_count() == 0
