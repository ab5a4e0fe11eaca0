"""A password is in no message, no repr and no traceback."""

import logging
import traceback
import uuid

import pytest
from network import Network
from sqlalchemy import URL

from hermes_store import SessionRepository, migrate
from hermes_store.cli.app import run as run_command
from hermes_store.copy import copy
from hermes_store.errors import HermesStoreError, StoreUnavailableError
from hermes_store.settings import make_settings

SECRET = "s3cret-pass"


@pytest.fixture(params=["before the host", "password", "sslpassword"])
def url(database: URL, request: pytest.FixtureRequest) -> URL:
    """The server lets everybody in, with any password, wherever the URL holds it."""
    if request.param == "before the host":
        return database.set(password=SECRET)
    return database.update_query_dict({request.param: SECRET})


def wrong(url: URL) -> dict[str, URL]:
    return {
        "user": url.set(username="nobody-here"),
        "database": url.set(database=f"missing-{uuid.uuid4().hex}"),
        "port": url.set(port=1),
        "host": url.set(host="nowhere.invalid"),
        "option": url.update_query_dict({"connect_timeout": "soon"}),
        "driver": url.set(drivername="postgresql+psycopg2"),
        "value": url.update_query_dict({"sslmode": "nonsense"}),
        "name": url.update_query_dict({"nonsense": "1"}),
        "hosts": url.update_query_dict({"port": "many"}),
    }


@pytest.mark.parametrize(
    "what", ["user", "database", "port", "host", "option", "driver", "value", "name", "hosts"]
)
def test_an_error_of_opening_does_not_show_it(url, what, tmp_path):
    address = wrong(url)[what]
    written = address.render_as_string(hide_password=False)
    for open_ in (
        lambda: SessionRepository(address),
        lambda: SessionRepository(written),
        lambda: migrate.upgrade(address),
        lambda: copy(address, tmp_path / "copy.db"),
    ):
        with pytest.raises(HermesStoreError) as caught:
            open_()
        error = caught.value
        assert not isinstance(error, StoreUnavailableError) or "check the URL" in str(error)
        shown = "".join(traceback.format_exception(error))
        assert SECRET not in f"{error!r} {error} {error.__dict__} {shown}"


def test_an_address_that_is_no_url_does_not_show_it():
    for address in (f"postgresql+psycopg://u:{SECRET}@host:port/db", f"nonsense://u:{SECRET}@x/y"):
        with pytest.raises(HermesStoreError) as caught:
            SessionRepository(address)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_neither_do_reprs_and_answers(url, caplog):
    caplog.set_level(logging.DEBUG)
    with SessionRepository(url, read_url=url) as repository:
        shown = (
            f"{repository!r} {repository} {repository.get_stats()} {make_settings(read_url=url)}"
            f"{repository.engines!r}"
        )
    assert SECRET not in shown + caplog.text


def test_nor_an_error_in_the_middle(url):
    with Network(url) as network, SessionRepository(network.url) as repository:
        repository.create_session("s", "cli")
        network.fail()
        with pytest.raises(HermesStoreError) as caught:
            repository.append_message("s", "user", "x")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("command", ["list", "init", "upgrade", "current", "doctor"])
def test_the_command_does_not_print_it(url, capsys, command):
    for address in (url, *wrong(url).values()):
        run_command(["--db", address.render_as_string(hide_password=False), command])
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
