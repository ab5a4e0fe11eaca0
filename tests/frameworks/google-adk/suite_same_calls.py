"""The same calls on the services of the kit and on ours, and many tasks at once."""

import asyncio
import itertools

import pages
import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.in_memory_session_service import InMemorySessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_store.adapters.google_adk import HermesSessionService

WHO = {"app_name": "app", "user_id": "ada"}
FUTURE = 4e9
"""Epoch seconds: later than any session is created."""
numbers = itertools.count()


@pytest.fixture
def service(repository):
    return HermesSessionService(repository)


USERS, NAMES = st.sampled_from(["ada", "bob"]), st.sampled_from(["1", "2", " 2 "])
KEYS = st.sampled_from(["k", "app:k", "user:k", "temp:k"])
STATES = st.dictionaries(KEYS, st.integers(0, 9), max_size=3)
CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), USERS, NAMES, STATES),
        st.tuples(st.just("append"), USERS, NAMES, STATES),
        st.tuples(st.just("append"), USERS, NAMES, STATES),
        st.tuples(st.just("get"), USERS, NAMES, st.none() | st.integers(0, 3)),
        st.tuples(st.just("delete"), USERS, NAMES),
        st.tuples(st.just("list"), USERS | st.none()),
        st.tuples(st.just("state"), USERS),
    ),
    max_size=14,
)


class Caller:
    """Calls a service, and notes what each call returns or raises."""

    def __init__(self, service, app_name):
        self.service = service
        self.app_name = app_name
        self.held = {}
        """The sessions that were read last: an append to one that was deleted is tried, too."""

    async def outcomes(self, calls):
        found = []
        for number, (call, user, *rest) in enumerate(calls):
            who = {"app_name": self.app_name, "user_id": user}
            try:
                found.append(await getattr(self, call)(who, *rest, number=number))
            except (AlreadyExistsError, SessionNotFoundError) as exc:
                found.append(type(exc))
        return found

    async def create(self, who, name, state, number):
        return shown(await self.service.create_session(**who, session_id=name, state=state))

    async def append(self, who, name, delta, number):
        key = who["user_id"], name.strip()
        session = await self.service.get_session(**who, session_id=name) or self.held.get(key)
        if session is None:
            return None
        self.held[key] = session
        event = Event(
            id=f"e{number}",
            author="agent",
            timestamp=FUTURE + number,
            actions=EventActions(state_delta=delta),
        )
        appended = await self.service.append_event(session, event)
        return appended.model_dump(), shown(session)

    async def get(self, who, name, most, number):
        config = GetSessionConfig(num_recent_events=most)
        return shown(await self.service.get_session(**who, session_id=name, config=config))

    async def delete(self, who, name, number):
        return await self.service.delete_session(**who, session_id=name)

    async def list(self, who, number):
        return [shown(each) for each in (await self.service.list_sessions(**who)).sessions]

    async def state(self, who, number):
        return await self.service.get_user_state(**who)


def shown(session):
    if session is None:
        return None
    told = session.model_dump(exclude={"last_update_time"})
    at = session.last_update_time
    return told, at if at >= FUTURE else None


@settings(max_examples=40)
@given(calls=CALLS)
def test_the_same_calls_have_the_same_results_as_on_the_services_of_the_kit(
    service, tmp_path, calls
):
    app = f"app-{next(numbers)}"
    kits = [InMemorySessionService(), SqliteSessionService(str(tmp_path / "kit.db"))]
    ours, *theirs = [asyncio.run(Caller(each, app).outcomes(calls)) for each in (service, *kits)]
    for other in theirs:
        assert ours == other


def test_64_tasks_append_to_64_sessions_and_nothing_is_lost(service, repository):
    async def one(number):
        who = {"app_name": "app", "user_id": f"u{number % 8}"}
        session = await service.create_session(**who, session_id=f"{number}")
        for step in range(5):
            delta = {f"app:{number}": step, f"user:{number}": step, "k": step}
            event = Event(author="a", actions=EventActions(state_delta=delta))
            await service.append_event(session, event)

    async def all_of_them():
        await asyncio.gather(*(one(number) for number in range(64)))
        return (await service.list_sessions(app_name="app")).sessions

    sessions = asyncio.run(all_of_them())
    assert repository.message_count() == 64 * 5
    assert {each.id for each in sessions} == {f"{n}" for n in range(64)}
    for each in sessions:
        assert each.state["k"] == 4
        assert [each.state[f"app:{n}"] for n in range(64)] == [4] * 64
        mine = [key for key in each.state if key.startswith("user:")]
        assert len(mine) == 8
    assert repository.check() == []


def test_two_services_of_one_database_see_each_others_writes(service, database):
    other = HermesSessionService(database)

    async def both():
        mine = await service.create_session(**WHO, session_id="s")
        theirs = await other.get_session(**WHO, session_id="s")
        await other.append_event(theirs, Event(author="a", id="1"))
        with pytest.raises(StaleSessionError):
            await service.append_event(mine, Event(author="b", id="2"))
        fresh = await service.get_session(**WHO, session_id="s")
        await service.append_event(fresh, Event(author="b", id="2"))
        found = (await other.get_session(**WHO, session_id="s")).events
        await other.close()
        return [event.id for event in found]

    assert asyncio.run(both()) == ["1", "2"]


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/google-adk.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
