"""What every session service owes its callers: events, and writers that race."""

import asyncio

import pytest
from contract_services import (
    WHO,
    by_all,
    by_all_that_see_stale_writers,
    by_all_that_store_once,
    by_all_with_one_moment,
    changed,
    run,
)
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types
from pydantic import ValidationError


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
