"""What every session service of the kit owes its callers: upstream's services and ours, side by side.

A promise that one of upstream's own services does not keep is tested without that service, and the
reason stands beside it.
"""

import asyncio

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.adk.sessions.database_session_service import DatabaseSessionService
from google.adk.sessions.in_memory_session_service import InMemorySessionService
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types
from pydantic import ValidationError

from hermes_store import SessionRepository
from hermes_store.adapters.google_adk import HermesSessionService

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


@pytest.fixture
def service(request, tmp_path):
    kind = request.param
    if kind in {MEMORY, SQLITE, DATABASE}:
        yield {
            MEMORY: InMemorySessionService,
            SQLITE: lambda: SqliteSessionService(str(tmp_path / "kit.db")),
            DATABASE: lambda: DatabaseSessionService(f"sqlite+aiosqlite:///{tmp_path}/kit.db"),
        }[kind]()
        return
    database = request.getfixturevalue(f"{kind.removeprefix('hermes-')}_database")
    with SessionRepository(database) as repository:
        yield HermesSessionService(repository)


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


async def states(service, **who):
    found = (await service.list_sessions(**who)).sessions
    return {(each.user_id, each.id): each.state for each in found}


# --- sessions -------------------------------------------------------------------------------------


@by_all
@run
async def test_a_created_session_is_read_equal_and_gone_when_deleted(service):
    created = await service.create_session(**WHO, state={"k": [1, {"deep": None}]})
    which = {**WHO, "session_id": created.id}
    assert created.id
    assert created.state == {"k": [1, {"deep": None}]}
    assert await service.get_session(**which) == created
    await service.delete_session(**which)
    assert await service.get_session(**which) is None
    await service.delete_session(**which)  # once more is no error


@by_all
@run
async def test_an_id_that_is_taken_is_refused_and_the_session_stays_as_it_is(service):
    await service.create_session(**WHO, session_id="s", state={"k": "first"})
    with pytest.raises(AlreadyExistsError):
        await service.create_session(**WHO, session_id="s", state={"k": "second"})
    assert (await service.get_session(**WHO, session_id="s")).state == {"k": "first"}


@by_all_that_strip
@run
async def test_blanks_around_an_id_do_not_count(service):
    created = await service.create_session(**WHO, session_id="  s\t")
    assert created.id == "s"
    assert await service.get_session(**WHO, session_id=" s ") == created
    with pytest.raises(AlreadyExistsError):
        await service.create_session(**WHO, session_id="s ")
    await service.delete_session(**WHO, session_id="\ns")
    assert await service.get_session(**WHO, session_id="s") is None
    assert (await service.create_session(**WHO, session_id="  ")).id.strip()


@by_all
@run
async def test_the_same_id_of_another_user_or_app_is_another_session(service):
    first = await service.create_session(app_name="a", user_id="b/c", session_id="d")
    await service.append_event(first, changed(k=1))
    for app, user, name in (("a/b", "c", "d"), ("a", "b", "c/d"), ("a", "b%2Fc", "d")):
        assert await service.get_session(app_name=app, user_id=user, session_id=name) is None
        other = await service.create_session(app_name=app, user_id=user, session_id=name)
        assert (other.state, other.events) == ({}, [])


@by_all
@run
async def test_lists_have_no_events_and_the_oldest_update_comes_first(service):
    sessions = {}
    for user, name in (("ada", "1"), ("ada", "2"), ("bob", "3")):
        sessions[name] = await service.create_session(
            app_name="app", user_id=user, session_id=name, state={"n": name}
        )
    later = sessions["3"].last_update_time
    for number, name in enumerate(("2", "3", "1")):
        await service.append_event(sessions[name], changed(at=later + 10 + number))
    listed = (await service.list_sessions(app_name="app")).sessions
    assert [each.id for each in listed] == ["2", "3", "1"]
    assert [each.events for each in listed] == [[], [], []]
    assert [each.state for each in listed] == [{"n": "2"}, {"n": "3"}, {"n": "1"}]
    assert [each.last_update_time for each in listed] == pytest.approx(
        [later + 10, later + 11, later + 12], abs=1e-6
    )
    only = (await service.list_sessions(app_name="app", user_id="ada")).sessions
    assert [each.id for each in only] == ["2", "1"]
    assert (await service.list_sessions(app_name="app", user_id="eve")).sessions == []


# --- state ----------------------------------------------------------------------------------------


@by_all
@run
async def test_state_of_an_app_and_a_user_is_shared_and_that_of_a_session_is_not(service):
    first = await service.create_session(
        app_name="app", user_id="ada", session_id="1", state={"app:a": 1, "user:u": 1, "s": 1}
    )
    event = changed(**{"app:b": 2, "user:v": [2], "t": None, "app:a": 3})
    await service.append_event(first, event)
    await service.create_session(app_name="app", user_id="ada", session_id="2")
    await service.create_session(app_name="app", user_id="bob", session_id="3")
    await service.create_session(app_name="other", user_id="ada", session_id="4")
    app, user = {"app:a": 3, "app:b": 2}, {"user:u": 1, "user:v": [2]}
    assert await states(service, app_name="app") == {
        ("ada", "1"): {**app, **user, "s": 1, "t": None},
        ("ada", "2"): {**app, **user},
        ("bob", "3"): app,
    }
    assert await states(service, app_name="other") == {("ada", "4"): {}}
    assert await service.get_user_state(app_name="app", user_id="ada") == {"u": 1, "v": [2]}
    assert await service.get_user_state(app_name="app", user_id="bob") == {}
    assert await service.get_user_state(app_name="other", user_id="ada") == {}


@by_all
@run
async def test_temporary_state_is_in_the_object_and_nowhere_in_the_store(service):
    session = await service.create_session(**WHO, state={"temp:a": 1}, session_id="s")
    event = changed(**{"temp:b": 2, "k": 3})
    await service.append_event(session, event)
    assert session.state["temp:b"] == 2
    assert event.actions.state_delta == {"k": 3}
    again = await service.get_session(**WHO, session_id="s")
    assert again.state == {"k": 3}
    assert again.events[0].actions.state_delta == {"k": 3}


# --- events ---------------------------------------------------------------------------------------


@by_all
@run
async def test_an_event_with_everything_comes_back_equal(service):
    session = await service.create_session(**WHO, session_id="s")
    event = Event(
        invocation_id="i",
        author="agent",
        content=types.Content(
            role="model", parts=[types.Part.from_bytes(data=b"\x00\xff", mime_type="image/png")]
        ),
        grounding_metadata=types.GroundingMetadata(
            web_search_queries=["q"], search_entry_point=types.SearchEntryPoint(sdk_blob=b"\xfb")
        ),
        usage_metadata=types.GenerateContentResponseUsageMetadata(prompt_token_count=1),
        citation_metadata=types.CitationMetadata(),
        actions=EventActions(artifact_delta={"f": 0}, transfer_to_agent="b", escalate=True),
        long_running_tool_ids={"t1", "t2"},
        error_code="E",
        error_message="failed",
        interrupted=True,
        turn_complete=True,
        partial=False,
        custom_metadata={"k": {"v": [None]}},
        timestamp=1_700_000_000.123,
        input_transcription=types.Transcription(text="in", finished=True),
    )
    await service.append_event(session, event)
    assert await service.get_session(**WHO, session_id="s") == session
    assert session.events == [event]


@by_all
@run
async def test_the_time_of_a_session_is_that_of_its_newest_event(service):
    session = await service.create_session(**WHO, session_id="s")
    at = session.last_update_time + 10
    await service.append_event(session, changed(at=at))
    again = await service.get_session(**WHO, session_id="s")
    assert [session.last_update_time, again.last_update_time] == pytest.approx([at, at], abs=1e-6)


@by_all
@run
async def test_a_partial_event_is_given_back_and_not_stored(service):
    session = await service.create_session(**WHO, session_id="s")
    event = Event(author="agent", partial=True, actions=EventActions(state_delta={"k": 1}))
    assert await service.append_event(session, event) is event
    assert (session.events, session.state) == ([], {})
    assert (await service.get_session(**WHO, session_id="s")).events == []


@by_all
@run
async def test_the_last_events_and_those_from_a_time_on_can_be_asked_for(service):
    session = await service.create_session(**WHO, session_id="s")
    for at in range(1, 6):
        await service.append_event(session, changed(at=at))

    async def times(**config):
        found = await service.get_session(**WHO, session_id="s", config=GetSessionConfig(**config))
        return [event.timestamp for event in found.events]

    assert await times() == [1, 2, 3, 4, 5]
    assert await times(num_recent_events=0) == []
    assert await times(num_recent_events=3) == [3, 4, 5]
    assert await times(num_recent_events=9) == [1, 2, 3, 4, 5]
    assert await times(after_timestamp=4) == [4, 5]
    assert await times(after_timestamp=50) == []
    assert await times(after_timestamp=4, num_recent_events=3) == [4, 5]
    assert await times(after_timestamp=2, num_recent_events=3) == [3, 4, 5]
    with pytest.raises(ValidationError, match="num_recent_events"):
        GetSessionConfig(num_recent_events=-1)


@by_all_with_one_moment
@run
async def test_events_come_by_time_and_those_of_one_moment_in_the_order_of_their_appends(service):
    session = await service.create_session(**WHO, session_id="s")
    for name, at in (("b", 20.0), ("c", 20.0), ("a", 10.0), ("d", 30.0)):
        session = await service.get_session(**WHO, session_id="s")
        event = Event(author="agent", invocation_id=name, timestamp=at)
        await service.append_event(session, event)
    found = await service.get_session(**WHO, session_id="s")
    assert [event.invocation_id for event in found.events] == ["a", "b", "c", "d"]
    config = GetSessionConfig(num_recent_events=3)
    found = await service.get_session(**WHO, session_id="s", config=config)
    assert [event.invocation_id for event in found.events] == ["b", "c", "d"]


@by_all
@run
async def test_an_event_of_a_session_that_is_not_there_is_refused(service):
    session = await service.create_session(**WHO, session_id="s")
    await service.delete_session(**WHO, session_id="s")
    with pytest.raises(SessionNotFoundError):
        await service.append_event(session, changed(k=1))
    assert session.events == []


@by_all_that_store_once
@run
async def test_an_event_that_is_sent_again_is_stored_once_and_its_twin_is_kept(service):
    session = await service.create_session(**WHO, session_id="s")
    event = Event(id="e", author="agent", actions=EventActions(state_delta={"k": 1}))
    await service.append_event(session, event)
    await service.append_event(session, event.model_copy(deep=True))
    twin = Event(id="e", author="agent", invocation_id="another")
    await service.append_event(session, twin)
    assert (await service.get_session(**WHO, session_id="s")).events == [event, twin]


# --- writers that do not know of each other -------------------------------------------------------


@by_all_that_see_stale_writers
@run
async def test_a_session_that_changed_since_it_was_read_is_not_written_over(service):
    old = await service.create_session(**WHO, session_id="s")
    new = await service.get_session(**WHO, session_id="s")
    at = new.last_update_time
    await service.append_event(new, changed(at=at, k=1))  # at the very time of the creation, too
    await service.append_event(new, changed(at=at + 1, k=2))
    with pytest.raises(StaleSessionError):
        await service.append_event(old, changed(at=at + 2, k=3, other=1))
    assert old.events == []
    found = await service.get_session(**WHO, session_id="s")
    assert (len(found.events), found.state) == (2, {"k": 2})


@by_all_that_see_stale_writers
@run
async def test_of_two_racing_writers_one_is_stored_and_one_is_told(service):
    await service.create_session(**WHO, session_id="s")
    for number in range(8):
        first = await service.get_session(**WHO, session_id="s")
        second = first.model_copy(deep=True)
        at = first.last_update_time + 10
        outcomes = await asyncio.gather(
            service.append_event(first, changed(at=at + 1, **{f"a{number}": 1})),
            service.append_event(second, changed(at=at + 2, **{f"b{number}": 1})),
            return_exceptions=True,
        )
        assert sorted(type(each) for each in outcomes if isinstance(each, Exception)) == [
            StaleSessionError
        ]
    found = await service.get_session(**WHO, session_id="s")
    assert (len(found.events), len(found.state)) == (8, 8)


@by_all
@run
async def test_of_tasks_that_create_one_id_exactly_one_creates_it(service):
    await service.create_session(**WHO)  # upstream's makes its tables at the first call
    made = await asyncio.gather(
        *(service.create_session(**WHO, session_id="s", state={"n": n}) for n in range(8)),
        return_exceptions=True,
    )
    [created] = [each for each in made if not isinstance(each, Exception)]
    assert {type(each) for each in made if each is not created} == {AlreadyExistsError}
    assert (await service.get_session(**WHO, session_id="s")).state == created.state


@by_all_that_see_stale_writers
@run
async def test_tasks_that_share_one_session_object_all_append(service):
    session = await service.create_session(**WHO, session_id="s")
    at = session.last_update_time
    await asyncio.gather(
        *(service.append_event(session, changed(at=at + n, **{f"k{n}": n})) for n in range(16))
    )
    found = await service.get_session(**WHO, session_id="s")
    assert len(found.events) == len(found.state) == len(session.events) == 16


@by_all_that_see_stale_writers
@run
async def test_a_session_that_was_not_read_here_is_known_by_its_last_event(service):
    session = await service.create_session(**WHO, session_id="s")
    at = session.last_update_time
    await service.append_event(session, changed(at=at + 10))
    rebuilt = type(session).model_validate(session.model_dump())
    rebuilt.last_update_time -= 0.001
    older = rebuilt.model_copy(update={"events": []}, deep=True)
    await service.append_event(rebuilt, changed(at=at + 20))
    with pytest.raises(StaleSessionError):
        await service.append_event(older, changed(at=at + 30))
    assert len((await service.get_session(**WHO, session_id="s")).events) == 2
