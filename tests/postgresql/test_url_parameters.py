"""Each parameter of a URL is taken with its type, or refused by name before anything connects."""

import pytest
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.database.address import shown, url_of
from hermes_store.database.postgresql_urls import KNOWN, PREPARE, SECRETS
from hermes_store.errors import HermesStoreError, InvalidArgumentError

TAKEN = {
    "application_name": "agent",
    "channel_binding": "prefer",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    "gssencmode": "disable",
    "keepalives": "1",
    "keepalives_count": "3",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "load_balance_hosts": "random",
    "options": "-cstatement_timeout=5000",
    "password": "any",
    "prepare_threshold": "none",
    "sslmode": "prefer",
    "target_session_attrs": "read-write",
    "tcp_user_timeout": "30000",
    "user": "postgres",
}
REFUSED = {
    "prepare_treshold=0": "prepare_treshold is not known; did you mean prepare_threshold",
    "ssl_mode=require": "ssl_mode is not known; did you mean sslmode",
    "aplication_name=x": "did you mean application_name",
    "zzzzzz=1": "zzzzzz is not known; use one of application_name, ",
    "row_factory=x": "row_factory is not known",
    "plugin=x": "plugin is not known",
    "autocommit=0": "autocommit cannot be set; leave it out",
    "replication=1": "replication cannot be set; leave it out",
    "client_encoding=latin1": "client_encoding is 'latin1'; use utf8",
    "prepare_threshold=never": "prepare_threshold is 'never'; give none, or a whole number from 0",
    "prepare_threshold=-1": "prepare_threshold is '-1'",
    "prepare_threshold=1.5": "prepare_threshold is '1.5'",
    "keepalives_idle=2147483648": "give a whole number from 0 to 2147483647",
    "connect_timeout=soon": "connect_timeout is 'soon'; give a whole number",
    "keepalives_idle=²": "keepalives_idle is '²'",
    "sslmode=requires": "sslmode is 'requires'; use require",
    "sslmode=zz": "use disable, allow, prefer, require, verify-ca, verify-full",
    "sslmode=require&sslmode=disable": "sslmode is there twice; give it once",
    "target_session_attrs=readwrite": "use read-write",
}


@pytest.mark.parametrize(("name", "value"), TAKEN.items())
def test_a_parameter_is_taken(database: URL, name: str, value: str) -> None:
    with SessionRepository(database.update_query_dict({name: value})) as repository:
        repository.create_session("s", "cli")
        assert repository.session_count() == 1


@pytest.mark.parametrize("value", ["none", "None", "0", "3"])
def test_when_statements_are_prepared_is_a_number_or_never(database: URL, value: str) -> None:
    url = database.update_query_dict({PREPARE: value})
    with SessionRepository(url) as repository, repository.transaction() as transaction:
        dbapi = transaction.connection.connection.dbapi_connection
        assert dbapi is not None
        assert dbapi.prepare_threshold == (None if value.lower() == "none" else int(value))
    assert migrate.inspect(url).is_current


@pytest.mark.parametrize("value", ["none", "0"])
def test_every_revision_runs_with_it(empty_database: URL, value: str) -> None:
    url = empty_database.update_query_dict({PREPARE: value})
    migrate.upgrade(url, "0008")
    migrate.upgrade(url)
    migrate.downgrade(url, "0008")
    migrate.upgrade(url)
    with SessionRepository(url) as repository:
        repository.reindex()
        repository.optimize()
        assert repository.check() == []


def test_a_missing_database_is_created_with_them(missing_database: URL) -> None:
    from hermes_store.database.address import create_database

    url = missing_database.update_query_dict({PREPARE: "none", "connect_timeout": "9"})
    assert create_database(url_of(url))


@pytest.mark.parametrize("query", REFUSED)
def test_another_is_refused_by_name(query: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        SessionRepository(f"postgresql://nobody@nowhere.invalid/x?{query}")
    assert REFUSED[query] in str(caught.value)
    assert caught.value.argument == "db_path"


@pytest.mark.parametrize("name", [PREPARE, "connect_timeout"])
def test_a_number_of_thousands_of_digits_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=rf"{name} is '9{{50}}'; give .*2147483647$"):
        SessionRepository(f"postgresql://nobody@nowhere.invalid/x?{name}={'9' * 5000}")


def test_those_of_the_installed_libpq_are_known() -> None:
    from psycopg.pq import Conninfo

    options = {each.keyword.decode(): each for each in Conninfo.get_defaults()}
    assert options.keys() - KNOWN == {"replication"}
    assert {name for name, each in options.items() if each.dispchar == b"*"} <= set(SECRETS)


def test_two_hosts_may_be_given(database: URL) -> None:
    places = f"{database.host}:1", f"{database.host}:{database.port}"
    url = database.set(host=None, port=None).update_query_dict({"host": places})
    with SessionRepository(url) as repository:
        assert repository.session_count() == 0


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_in_no_text(database: URL, name: str) -> None:
    url = database.update_query_dict({name: "s3cret-pass"})
    assert "s3cret-pass" not in shown(url_of(url))
    if name not in {"password", "sslpassword"}:
        return  # the library may be too old for it, or ask for more
    with SessionRepository(url) as repository:
        engines = repository.engines
        assert "s3cret-pass" not in f"{repository!r} {engines!r} {repository.get_stats()}"


def test_a_password_with_an_at_sign_is_refused_without_it() -> None:
    with pytest.raises(HermesStoreError, match="%40") as caught:
        url_of("postgresql://user:first@second@nowhere.invalid/x")
    assert "first" not in str(caught.value)
    assert "second" not in str(caught.value)
