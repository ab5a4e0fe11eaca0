"""What other programs altered is read as a message of theirs, or named by an error; the rest is read."""

import asyncio

import pytest
from given import JUNK, Outcomes, altered
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.genai import types

from hermes_store.adapters.google_adk import HermesMemoryService, HermesSessionService
from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes.kept import AlteredError

WHO = {"app_name": "app", "user_id": "ada"}
STORED = "adk/app/ada/s"


def event(*parts, **state):
    content = types.Content(role="model", parts=[*parts])
    actions = EventActions(state_delta=state)
    return Event(author="agent", invocation_id="i", content=content, actions=actions)


def said(text, **state):
    return event(types.Part(text=text), **state)


def called(args):
    call = types.FunctionCall(id="f1", name="weather", args=args)
    return event(types.Part(text="Where?", thought=True), types.Part(function_call=call))


@pytest.fixture
def service(repository):
    async def filled():
        made = HermesSessionService(repository)
        for name in ("s", "other"):
            session = await made.create_session(**WHO, session_id=name)
            await made.append_event(session, called({"city": "Bern"}))
            await made.append_event(session, said("a needle"))
        return made

    return asyncio.run(filled())


def get(service, name="s"):
    return asyncio.run(service.get_session(**WHO, session_id=name))


def listed(service):
    return [each.id for each in asyncio.run(service.list_sessions(**WHO)).sessions]


def test_an_altered_event_is_one_of_another_program_or_an_error_names_it(service, repository):
    [message, _] = repository.get_messages(STORED)
    outcomes = Outcomes(f"message {message['id']} of session '{STORED}'")
    for kept in altered(message["extra"]["google_adk"]):
        repository.replace_message(STORED, message["id"], extra={"google_adk": kept})
        outcomes.take(lambda: get(service))
    assert outcomes.read >= len(JUNK)
    assert outcomes.errors == {AlteredError}
    assert len(get(service, "other").events) == 2


@pytest.mark.parametrize("junk", JUNK[1:], ids=repr)
def test_junk_in_the_place_of_an_event_shows_its_text_and_the_session_goes_on(
    service, repository, junk
):
    [_, message] = repository.get_messages(STORED)
    repository.replace_message(STORED, message["id"], extra={"google_adk": junk})
    session = get(service)
    assert session.events[-1].content.parts[0].text == "a needle"
    asyncio.run(service.append_event(session, said("more", seen=1)))
    assert get(service).state == {"seen": 1}


def test_an_event_that_the_kit_refuses_is_found_by_the_memory_as_its_text(service, repository):
    [_, message] = repository.get_messages(STORED)
    kept = {"rest": {"actions": 5, "author": "agent"}}
    repository.replace_message(STORED, message["id"], extra={"google_adk": kept})
    with pytest.raises(AlteredError, match=f"message {message['id']}"):
        get(service)
    memory = HermesMemoryService(repository)
    found = asyncio.run(memory.search_memory(**WHO, query="needle")).memories
    assert [each.content.parts[0].text for each in found] == ["a needle", "a needle"]


def test_an_altered_session_is_read_and_listed_and_goes_on(service, repository):
    kept = repository.get_session(STORED)["extra"]["google_adk"]
    for number, junk in enumerate(altered(kept), start=1):
        repository.update_session(STORED, extra={"google_adk": junk})
        assert sorted(listed(service)) == ["other", "s"]
        asyncio.run(service.append_event(get(service), said("more", seen=number)))
        assert get(service).state["seen"] == number
    assert len(get(service).events) == number + 2


@pytest.mark.parametrize("tool_calls", [*JUNK[1:], [{"function": {"arguments": "{"}}]], ids=repr)
def test_altered_calls_of_an_event_are_read_or_named(service, repository, tool_calls):
    [message, _] = repository.get_messages(STORED)
    repository.replace_message(STORED, message["id"], tool_calls=tool_calls)
    outcomes = Outcomes(STORED)
    outcomes.take(lambda: get(service))
    assert len(get(service, "other").events) == 2


@pytest.mark.parametrize("args", [{1: "a", "1": "b"}, {True: "a", "true": "b"}], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused(service, args):
    session = get(service)
    for wrong in (called({"inner": args}), said("x", state=[args])):
        with pytest.raises(InvalidArgumentError, match="the same in JSON"):
            asyncio.run(service.append_event(session, wrong))
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        asyncio.run(service.create_session(**WHO, state={"k": args}))
    asyncio.run(service.append_event(session, called({"inner": {1: "a", "2": "b"}})))
    assert len(get(service).events) == 3
