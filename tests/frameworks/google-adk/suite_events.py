"""Events are ordinary messages of the store, and come back equal whatever they hold."""

import asyncio
import itertools
import json

import pytest
from google.adk.events.event import Event
from google.adk.events.event_actions import EventActions
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_store.adapters.google_adk import HermesSessionService
from hermes_store.errors import InvalidArgumentError

WHO = {"app_name": "app", "user_id": "ada"}
STORED = "adk/app/ada/s"


def content(role, *parts):
    return types.Content(role=role, parts=[types.Part(**part) for part in parts])


TURN = [
    Event(author="user", content=content("user", {"text": "Where is the needle?"})),
    Event(
        author="searcher",
        invocation_id="i1",
        finish_reason=types.FinishReason.STOP,
        content=content(
            "model",
            {"text": "Look in the haystack", "thought": True, "thought_signature": b"\x01"},
            {"text": "I look.", "thought_signature": b"\xff"},
            {
                "function_call": types.FunctionCall(id="t1", name="grep", args={"for": "pin"}),
                "thought_signature": b"\x02",
            },
        ),
    ),
    Event(
        author="searcher",
        content=content(
            "user",
            {
                "function_response": types.FunctionResponse(
                    id="t1", name="grep", response={"result": "barn.txt"}
                )
            },
        ),
    ),
    Event(author="searcher", actions=EventActions(state_delta={"found": True})),
]


async def stored(service, events, session_id="s"):
    session = await service.create_session(**WHO, session_id=session_id)
    for event in events:
        await service.append_event(session, event)
    return (await service.get_session(**WHO, session_id=session_id)).events


@pytest.fixture
def service(repository):
    return HermesSessionService(repository)


def test_a_turn_stands_in_the_columns_and_comes_back_equal(service, repository):
    assert asyncio.run(stored(service, TURN)) == TURN
    question, answer, result, change = repository.get_messages(STORED)
    assert (question["role"], question["content"]) == ("user", "Where is the needle?")
    assert (answer["role"], answer["name"], answer["content"]) == (
        "assistant",
        "searcher",
        "I look.",
    )
    assert (answer["reasoning"], answer["finish_reason"]) == ("Look in the haystack", "STOP")
    assert answer["tool_calls"] == [
        {
            "id": "t1",
            "type": "function",
            "function": {"name": "grep", "arguments": '{"for": "pin"}'},
        }
    ]
    assert (result["role"], result["tool_name"], result["tool_call_id"]) == ("tool", "grep", "t1")
    assert result["content"] == {"result": "barn.txt"}
    assert (change["role"], change["content"]) == ("system", None)
    assert [each["external_id"] for each in repository.get_messages(STORED)] == [
        event.id for event in TURN
    ]


def test_events_are_found_listed_counted_and_exported(service, repository):
    asyncio.run(stored(service, TURN))
    for words in ("needle", "barn.txt", "pin", "grep"):
        assert repository.search_messages(words), words
    [listed] = repository.list_sessions_rich()
    assert (listed["preview"], listed["source"]) == ("Where is the needle?", "google-adk")
    assert (listed["user_id"], listed["message_count"], listed["tool_call_count"]) == ("ada", 4, 1)
    [exported] = repository.iter_export()
    assert len(exported["messages"]) == 4
    assert repository.check() == []


def test_no_text_is_stored_twice(service, repository):
    asyncio.run(stored(service, TURN))
    beside = json.dumps([each["extra"] for each in repository.get_messages(STORED)])
    for text in ("needle", "haystack", "I look", "grep", "barn", "t1", "STOP"):
        assert text not in beside


def test_a_message_of_another_program_is_an_event_too(service, repository):
    asyncio.run(stored(service, TURN))
    repository.append_message(STORED, "user", "And the thread?")
    repository.append_message(STORED, "assistant", [{"type": "text", "text": "In the box."}])

    async def read():
        return (await service.get_session(**WHO, session_id="s")).events

    call = {"id": "c", "type": "function", "function": {"name": "ask", "arguments": "{}"}}
    repository.append_message(STORED, "assistant", None, tool_calls=[call])
    *_, question, answer, silent = asyncio.run(read())
    assert silent.content is None
    assert (question.author, question.content.parts[0].text) == ("user", "And the thread?")
    assert "In the box." in answer.content.parts[0].text


# --- whatever they hold ---------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
PARTS = st.one_of(
    st.builds(types.Part, text=TEXT),
    st.builds(types.Part, text=TEXT, thought=st.booleans(), thought_signature=st.binary()),
    st.builds(
        types.Part,
        function_call=st.builds(
            types.FunctionCall,
            id=st.none() | TEXT,
            name=st.none() | TEXT,
            args=st.none() | OBJECT,
        ),
        thought_signature=st.none() | st.binary(max_size=4),
    ),
    st.builds(
        types.Part,
        function_response=st.builds(
            types.FunctionResponse,
            id=st.none() | TEXT,
            name=st.none() | TEXT,
            response=st.none() | OBJECT,
        ),
    ),
    st.builds(
        types.Part,
        inline_data=st.builds(types.Blob, data=st.binary(), mime_type=st.just("image/png")),
    ),
    st.builds(
        types.Part, executable_code=st.builds(types.ExecutableCode, code=TEXT, language=st.none())
    ),
)
CONTENTS = st.builds(
    types.Content,
    role=st.none() | st.sampled_from(["user", "model", "", "other"]),
    parts=st.none() | st.lists(PARTS, max_size=4),
)
EVENTS = st.builds(
    Event,
    content=st.none() | CONTENTS,
    author=st.sampled_from(["", "user", "agent"]) | TEXT,
    invocation_id=TEXT,
    timestamp=st.floats(-10, 1e11) | st.integers(0, 4),
    custom_metadata=st.none() | OBJECT,
    output=JSON,
    finish_reason=st.none() | st.sampled_from(list(types.FinishReason)),
    actions=st.builds(
        EventActions,
        state_delta=st.dictionaries(TEXT.map("k".__add__), JSON, max_size=2),
        agent_state=st.none() | OBJECT,
        route=st.none() | st.booleans() | TEXT,
    ),
    long_running_tool_ids=st.none() | st.sets(TEXT, max_size=2),
    branch=st.none() | TEXT,
    error_code=st.none() | TEXT,
)
numbers = itertools.count()


@settings(max_examples=100)
@given(events=st.lists(EVENTS, max_size=3))
def test_whatever_an_event_holds_it_comes_back_equal(service, events):
    found = asyncio.run(stored(service, events, str(next(numbers))))
    assert found == sorted(events, key=lambda event: event.timestamp)


def test_a_text_with_a_nul_comes_back_equal_from_every_database(service):
    events = [
        Event(author="a\0", invocation_id="\0", content=content("model", {"text": "\0x"})),
        Event(author="a", content=content("model", {"text": "\0", "thought": True})),
    ]
    assert asyncio.run(stored(service, events)) == events


def test_what_no_json_can_hold_is_refused_and_nothing_is_stored(service, repository):
    async def append():
        session = await service.create_session(**WHO, session_id="s")
        event = Event(author="a", actions=EventActions(state_delta={"user:k": float("nan")}))
        with pytest.raises(InvalidArgumentError):
            await service.append_event(session, event)
        assert (session.events, session.state) == ([], {})

    asyncio.run(append())
    assert repository.message_count() == 0
    assert repository.meta.items() == []


def test_what_is_no_json_is_stored_as_the_kit_writes_it(service):
    async def both():
        session = await service.create_session(**WHO, session_id="s", state={"f": print})
        await service.append_event(
            session, Event(author="a", actions=EventActions(state_delta={"g": {1: b"x"}}))
        )
        return (await service.get_session(**WHO, session_id="s")).state

    assert asyncio.run(both()) == {"f": repr(print), "g": {"1": "x"}}
