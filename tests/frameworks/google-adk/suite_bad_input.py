"""What cannot be stored is refused by a typed error, and harms nothing that was stored before."""

import asyncio

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.genai import types

from hermes_store import AsyncSessionRepository
from hermes_store.adapters.google_adk import HermesMemoryService, HermesSessionService
from hermes_store.errors import InvalidArgumentError

WHO = {"app_name": "app", "user_id": "ada"}


def said(text, **more):
    content = types.Content(role="user", parts=[types.Part(text=text)])
    return Event(author="user", content=content, **more)


def called(args):
    return types.Part(function_call=types.FunctionCall(name="f", args=args))


@pytest.fixture
def service(repository):
    return HermesSessionService(repository)


def nested(levels):
    return {"a": nested(levels - 1)} if levels else {}


NO_JSON = [b"\xff", nested(300), float("nan")]


@pytest.mark.parametrize("value", NO_JSON, ids=repr)
def test_a_state_that_no_json_can_hold_is_refused_and_nothing_is_stored(service, repository, value):
    with pytest.raises(InvalidArgumentError):
        asyncio.run(service.create_session(**WHO, state={"k": value, "app:k": 1}))
    assert (repository.session_count(), repository.meta.items()) == (0, [])


@pytest.mark.parametrize("key", [5, "\ud800", "user:\ud800"])
def test_a_name_in_the_state_that_is_no_text_is_refused(service, repository, key):
    with pytest.raises(InvalidArgumentError):
        asyncio.run(service.create_session(**WHO, state={key: 1}))
    assert repository.session_count() == 0


@pytest.mark.parametrize(
    "event",
    [
        Event(author="a", custom_metadata={"k": object()}),
        Event(author="a", custom_metadata={"k": nested(300)}),
        Event(author="a", actions=EventActions(state_delta={"k": b"\xff"})),
        Event(author="a", content=types.Content(role="model", parts=[called({"n": 10**5000})])),
    ],
    ids=["object", "deep", "bytes", "digits"],
)
def test_an_event_that_no_json_can_hold_is_refused_and_the_session_goes_on(service, event):
    async def both():
        session = await service.create_session(**WHO, session_id="s")
        with pytest.raises(InvalidArgumentError):
            await service.append_event(session, event)
        await service.append_event(session, said("still here"))
        return (await service.get_session(**WHO, session_id="s")).events

    assert [each.content.parts[0].text for each in asyncio.run(both())] == ["still here"]


@pytest.mark.parametrize("timestamp", [1_700_000_000_000.0, 253_402_300_800.0, 1e300])
def test_an_event_of_a_time_without_a_date_is_found_by_the_memory_and_so_are_the_others(
    service, repository, timestamp
):
    async def found():
        session = await service.create_session(**WHO, session_id="s")
        await service.append_event(session, said("a needle", timestamp=1.0))
        await service.append_event(session, said("a needle", timestamp=timestamp))
        memory = HermesMemoryService(repository)
        answer = await memory.search_memory(**WHO, query="needle")
        return sorted(each.timestamp or "" for each in answer.memories)

    assert asyncio.run(found()) == ["", "1970-01-01T00:00:01+00:00"]


@pytest.mark.parametrize("wrong", [None, 5])
def test_names_that_are_no_texts_are_refused(service, wrong):
    which = {**WHO, "session_id": "s"}
    for name in which:
        for call in (service.get_session, service.delete_session):
            with pytest.raises(InvalidArgumentError, match="is not a text"):
                asyncio.run(call(**{**which, name: wrong}))


def test_a_query_that_is_none_finds_nothing(repository):
    memory = HermesMemoryService(repository)
    assert asyncio.run(memory.search_memory(**WHO, query=None)).memories == []


def test_a_session_to_which_others_append_without_a_pause_is_read_as_it_was(service, repository):
    async def both():
        writer = await service.create_session(**WHO, session_id="s")
        await service.append_event(writer, said("first"))
        reader = HermesSessionService(_Interrupted(repository, service, writer))
        return await reader.get_session(**WHO, session_id="s")

    found = asyncio.run(both())
    assert [each.content.parts[0].text for each in found.events] == ["first"]


class _Interrupted(AsyncSessionRepository):
    """Behind each of its reads of messages, another task appends."""

    def __init__(self, repository, service, session):
        super().__init__(repository)
        self._by = service, session

    async def get_messages(self, *arguments, **keywords):
        found = await super().get_messages(*arguments, **keywords)
        service, session = self._by
        await service.append_event(session, said("more"))
        return found


@pytest.mark.parametrize("name", ["adk/app/x", "adk/app/ada/s/more", "adk/app/"])
def test_a_session_that_another_program_named_alike_is_not_listed(service, repository, name):
    asyncio.run(service.create_session(**WHO, session_id="s"))
    repository.create_session(name, "other")
    for user in (None, "ada"):
        listed = asyncio.run(service.list_sessions(app_name="app", user_id=user)).sessions
        assert [each.id for each in listed] == ["s"]
