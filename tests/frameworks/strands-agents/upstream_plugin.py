"""A plugin of pytest: our repository in place of the mocked one of Strands' tests."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import postgres_server
import pytest
import tests.fixtures.mock_session_repository

from hermes_store.adapters.strands import HermesSessionRepository

opened = ExitStack()


def database():
    """An empty one, for one test."""
    if os.environ["UPSTREAM_DATABASE"] == "postgresql":
        return opened.enter_context(postgres_server.store())
    return Path(opened.enter_context(tempfile.TemporaryDirectory()), "state.db")


class MockedSessionRepository(HermesSessionRepository):
    def __init__(self):
        super().__init__(database())
        opened.callback(self.close)


tests.fixtures.mock_session_repository.MockedSessionRepository = MockedSessionRepository


@pytest.fixture(autouse=True)
def databases_of_one_test():
    yield
    opened.close()
