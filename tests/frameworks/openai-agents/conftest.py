"""A session on each kind of database."""

import pytest

from hermes_store.adapters.openai_agents import HermesSession


@pytest.fixture
def session(repository):
    return HermesSession("chat-1", repository)
