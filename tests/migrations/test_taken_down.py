"""Another process takes the schema of an open store down: its errors say so, and nothing is harmed."""

import asyncio

import pytest
import stored

from hermes_store import AsyncSessionRepository, SessionRepository, migrate
from hermes_store.database.address import url_of
from hermes_store.errors import RefusedError, StoreBusyError, UpgradeRequiredError
from hermes_store.execution.outcomes import Outcomes
from hermes_store.search import rebuild

BEFORE_SEARCH_INDEX, BEFORE_STATES = "0009", "0013"


@pytest.fixture
def repository(database):
    with SessionRepository(database) as repository:
        repository.create_session("s", "cli")
        repository.append_message("s", "user", "needle")
        yield repository


def store_in_transaction(repository):
    with repository.transaction() as tx:
        tx.create_session("t", "cli")


def append_awaited(repository):
    async def append():
        async with await AsyncSessionRepository.open(repository.url) as awaited:
            migrate.downgrade(repository.url, BEFORE_STATES)
            await awaited.create_session("t", "cli")

    migrate.upgrade(repository.url)
    asyncio.run(append())


CALLS = {
    "a search": lambda repository: repository.search_messages("needle"),
    "a list": lambda repository: repository.list_sessions_rich(),
    "a write": lambda repository: repository.create_session("t", "cli"),
    "a transaction": store_in_transaction,
    "an export": lambda repository: list(repository.iter_export()),
    "a call that is awaited": append_awaited,
    "a check": lambda repository: repository.check(),
    "a reindex": lambda repository: repository.reindex(),
}


@pytest.mark.parametrize("what", CALLS)
def test_the_error_names_the_revision_and_the_remedy_and_all_goes_on_after_it(repository, what):
    migrate.downgrade(repository.url, BEFORE_STATES)
    with pytest.raises(UpgradeRequiredError, match=r"at 0013, .*run 'hermes-store upgrade'"):
        CALLS[what](repository)
    migrate.upgrade(repository.url)
    CALLS[what](repository) if what != "a call that is awaited" else None
    assert len(repository.search_messages("needle")) == 1
    assert repository.check() == []


def test_a_reindex_makes_nothing_that_an_older_schema_does_not_have(repository):
    migrate.downgrade(repository.url, BEFORE_SEARCH_INDEX)
    with pytest.raises(UpgradeRequiredError):
        repository.reindex()
    migrate.upgrade(repository.url)
    assert len(repository.search_messages("needle")) == 1
    assert repository.check() == []


def test_what_a_trigger_refuses_has_nothing_to_do_with_the_schema(
    repository, database, monkeypatch
):
    stored.refuse_to_store(database, "word")
    monkeypatch.setattr(migrate, "require_current", None)  # would be a TypeError
    with pytest.raises(RefusedError):
        repository.append_message("s", "user", "word")


def test_an_error_of_a_file_that_is_gone_stays_and_does_not_ask_for_an_upgrade(tmp_path):
    error = RefusedError("no such table: messages")
    assert Outcomes(url_of(tmp_path / "gone.db")).explained(error) is error


def down_and_up_again(repository, steps):
    """What an operator does once, when the second of these steps begins."""

    def progress(done, _total):
        steps.append(done)
        if len(steps) == 2:
            migrate.downgrade(repository.url, BEFORE_STATES)
            migrate.upgrade(repository.url)

    return progress


def test_a_reindex_does_not_go_on_in_an_index_that_was_made_anew_meanwhile(repository, monkeypatch):
    monkeypatch.setattr(rebuild, "_STEP_MESSAGES", 1)
    repository.append_messages("s", [{"role": "user", "content": "needle"}] * 3)
    with pytest.raises(StoreBusyError, match="another reindex"):
        repository.reindex(down_and_up_again(repository, []))
    assert len(repository.search_messages("needle")) == 4
    assert repository.check() == []


def test_a_reindex_that_an_older_schema_ends_keeps_no_other_from_it(repository, monkeypatch):
    monkeypatch.setattr(rebuild, "_STEP_MESSAGES", 1)
    with pytest.raises(UpgradeRequiredError):
        repository.reindex(lambda *_: migrate.downgrade(repository.url, BEFORE_STATES))
    migrate.upgrade(repository.url)
    repository.reindex()
    assert repository.check() == []
