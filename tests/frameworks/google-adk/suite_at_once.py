"""An event whose id another event has, while a second program appends."""

import asyncio

import pytest
import support
from google.adk.errors import StaleSessionError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions

from hermes_store import SessionRepository
from hermes_store.adapters.google_adk import HermesSessionService
from hermes_store.adapters.google_adk.events import message_of
from hermes_store.adapters.google_adk.stored import Appending

WHO = {"app_name": "app", "user_id": "ada", "session_id": "s"}


def test_an_event_with_a_taken_id_does_not_overwrite_what_another_program_stores_meanwhile(
    repository, database
):
    service = HermesSessionService(repository)
    session = asyncio.run(service.create_session(**WHO))
    asyncio.run(service.append_event(session, Event(id="e1", author="a")))
    other = asyncio.run(service.get_session(**WHO))
    later = Event(id="e2", author="b", actions=EventActions(state_delta={"theirs": 1}))
    twin = Event(id="e1", author="c", actions=EventActions(state_delta={"ours": 1}))
    with SessionRepository(database) as second:
        with second.transaction() as transaction:
            Appending(tuple(WHO.values()), other, later, message_of(later)).store(transaction)
            caller = support.Caller(lambda: asyncio.run(service.append_event(session, twin)))
            support.until_it_waits(database, caller)
        with pytest.raises(StaleSessionError):
            caller.finish()
    stored = asyncio.run(service.get_session(**WHO))
    assert [each.id for each in stored.events] == ["e1", "e2"]
    assert stored.state == {"theirs": 1}
