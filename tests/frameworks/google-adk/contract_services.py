"""The services that owe their callers the same: upstream's and ours, side by side.

A promise that one of upstream's own services does not keep is tested without that service, and the
reason stands beside it.
"""

import asyncio

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.database_session_service import DatabaseSessionService

WHO = {"app_name": "app", "user_id": "ada"}
OURS = ("hermes-sqlite", pytest.param("hermes-postgresql", marks=pytest.mark.postgresql))
MEMORY, SQLITE, DATABASE = "in-memory", "sqlite", "database"


def held_by(*services):
    return pytest.mark.parametrize("service", [*services, *OURS], indirect=True)


by_all = held_by(MEMORY, SQLITE, DATABASE)
by_all_that_strip = held_by(MEMORY, SQLITE)  # the database's keeps blanks in an id
by_all_that_see_stale_writers = held_by(DATABASE)  # SQLite's has only times, the memory's nothing
by_all_with_one_moment = held_by(SQLITE)  # of equal times the database's sorts by the event's id
by_all_that_store_once = held_by(MEMORY)  # the others raise an error of their database


def run(test):
    """Run an asynchronous test; close the service in its loop."""

    def ran(service):
        async def closing():
            try:
                await test(service)
            finally:
                if isinstance(service, DatabaseSessionService):
                    await service.close()

        asyncio.run(closing())

    ran.__name__ = test.__name__
    return ran


def changed(at=None, **state):
    at = {} if at is None else {"timestamp": at}
    return Event(author="agent", actions=EventActions(state_delta=state), **at)
