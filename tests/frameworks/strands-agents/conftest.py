"""A session with an agent, on each kind of database."""

import pytest
from strands.types.session import Session, SessionAgent, SessionType

from hermes_store.adapters.strands import HermesSessionRepository


@pytest.fixture
def sessions(repository):
    made = HermesSessionRepository(repository)
    made.create_session(Session("s", SessionType.AGENT))
    made.create_agent("s", SessionAgent("default", {"mood": "calm"}, {"removed": 0}))
    return made
