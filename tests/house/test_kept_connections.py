"""A connection that the tests keep is as a new one to whoever gets it."""

import postgres_server
import psycopg
import pytest

pytestmark = pytest.mark.postgresql


def process(connection):
    return connection.info.backend_pid


def left_by(database, **parameters):
    """The server's process of a connection that was closed."""
    with postgres_server.connected(database, **parameters) as connection:
        return process(connection)


@pytest.fixture
def database(postgresql_database):
    return postgresql_database


def test_it_has_nothing_of_who_had_it_before(database):
    with postgres_server.connected(database, autocommit=True) as connection:
        connection.execute("SET work_mem = '1MB'")
        connection.execute("CREATE TEMPORARY TABLE t (a int)")
        connection.execute("SELECT 1", prepare=True)
        connection.execute("SELECT pg_advisory_lock(7)")
        before = process(connection)
    with postgres_server.connected(database) as connection:
        assert process(connection) == before
        assert connection.execute("SHOW work_mem").fetchone() != ("1MB",)
        assert connection.execute("SELECT to_regclass('t')").fetchone() == (None,)
        for view in ("pg_prepared_statements", "pg_locks WHERE locktype = 'advisory'"):
            assert connection.execute(f"SELECT count(*) FROM {view}").fetchone() == (0,)


def test_who_closed_it_cannot_use_it(database):
    with postgres_server.connected(database) as connection:
        pass
    assert connection.closed
    with pytest.raises(psycopg.OperationalError, match="closed"):
        connection.execute("SELECT 1")


def test_other_parameters_get_another(database):
    assert left_by(database) != left_by(database, application_name="another")


def test_one_that_the_server_ended_is_not_given(database):
    ended = left_by(database, application_name="ended")
    with postgres_server.connected(database, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 9000)", [ended])
    assert left_by(database, application_name="ended") != ended


def test_one_in_a_transaction_is_not_kept(database):
    connection = postgres_server.connected(database)
    connection.execute("SELECT 1")
    open_one = process(connection)
    connection.close()
    assert left_by(database) != open_one


def test_the_ones_that_were_closed_last_are_kept(database):
    processes = [left_by(database, application_name=f"{n}") for n in range(5)]
    assert left_by(database, application_name="4") == processes[4]
    assert left_by(database, application_name="0") != processes[0]


@pytest.mark.parametrize("keeps_connections", [False])
def test_a_test_about_connections_gets_new_ones(database):
    assert left_by(database) != left_by(database)
