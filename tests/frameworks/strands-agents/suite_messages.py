"""Messages of Strands in a store: whatever JSON they hold, they come back equal."""

import itertools
import json

import pytest
from conversation import CALLED, CONVERSATION, RESULT, stored
from given import deep
from hypothesis import given, settings
from hypothesis import strategies as st
from strands.types.session import Session, SessionAgent, SessionMessage, SessionType

from hermes_store.adapters.strands import HermesSessionRepository
from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes.exact import NotJsonError

OTHERS = [
    {"role": "user", "content": []},
    {"role": "user", "content": [{"text": "Two"}, {"text": "texts"}]},
    {"role": "user", "content": [{"text": "an image"}, {"image": {"source": {"bytes": b"\0\1"}}}]},
    {"role": "user", "content": [RESULT["content"][0], RESULT["content"][0]]},
    {"role": "user", "content": [RESULT["content"][0], {"text": "and more"}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "u", "content": []}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "u", "content": [{"json": {}}]}}]},
    {"role": "user", "content": [{"toolResult": {"toolUseId": 7, "content": [{"text": "x"}]}}]},
    {"role": "assistant", "content": [{"toolUse": {"toolUseId": "u", "name": "f", "input": "x"}}]},
    {"role": "assistant", "content": [CALLED["content"][2], {"text": "after the call"}]},
    {"role": "assistant", "content": [{"reasoningContent": {"redactedContent": b"\xff"}}]},
    {"role": "assistant", "content": [{"text": "NUL \0, half \ud83d"}]},
    {
        "role": "assistant",
        "content": [{"toolUse": {"toolUseId": "u", "name": "f", "input": {"a": float("inf")}}}],
    },
    {"role": "critic", "content": [{"text": "a role that nobody knows"}]},
    {"content": "no blocks"},
    {"role": "user", "content": [{"toolResult": {"toolUseId": "u", "content": [deep(300)]}}]},
    {"role": "assistant", "content": [{"reasoningContent": deep(300)}]},
]


@pytest.mark.parametrize("message", [*CONVERSATION, *OTHERS], ids=lambda each: repr(each)[:60])
def test_a_message_comes_back_equal(sessions, message):
    before = SessionMessage(message, 0)
    assert stored(sessions, [message])[0].message == message
    sessions.update_message("s", "default", before)
    assert sessions.read_message("s", "default", 0).message == message


TEXT = st.text(max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = st.one_of(
    st.fixed_dictionaries({"text": TEXT}, optional={"more": JSON}),
    st.fixed_dictionaries(
        {"toolUse": JSON | st.fixed_dictionaries({"toolUseId": TEXT, "name": TEXT, "input": JSON})}
    ),
    st.fixed_dictionaries(
        {
            "toolResult": JSON
            | st.fixed_dictionaries(
                {
                    "toolUseId": TEXT | JSON,
                    "content": st.lists(st.fixed_dictionaries({"text": TEXT}), max_size=2) | JSON,
                },
                optional={"status": JSON},
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "reasoningContent": JSON
            | st.fixed_dictionaries(
                {
                    "reasoningText": st.fixed_dictionaries(
                        {"text": TEXT}, optional={"signature": TEXT | JSON}
                    )
                }
            )
        }
    ),
    JSON,
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": st.lists(BLOCKS, max_size=4)},
    optional={"tracking_id": TEXT, "metadata": JSON},
) | st.dictionaries(st.sampled_from(["role", "content", "whole", "text"]), JSON)
numbers = itertools.count()


@settings(max_examples=200)
@given(message=MESSAGES, redacted=st.none() | MESSAGES, state=JSON)
def test_whatever_json_is_stored_comes_back_equal(repository, message, redacted, state):
    sessions, session_id = HermesSessionRepository(repository), f"any-{next(numbers)}"
    sessions.create_session(Session(session_id, SessionType.AGENT))
    sessions.create_agent(session_id, SessionAgent("a", {"state": state}, {}))
    assert ordered(sessions.read_agent(session_id, "a").state) == ordered({"state": state})
    sessions.create_message(session_id, "a", SessionMessage(message, 0, redacted))
    [back] = sessions.list_messages(session_id, "a")
    assert ordered(back.message) == ordered(message)
    assert ordered(back.redact_message) == ordered(redacted)


def ordered(value):
    """JSON text, which tells True from 1; pairs of surrogates are joined."""
    return json.dumps(json.loads(json.dumps(value)), sort_keys=True)


@pytest.mark.parametrize("given", [{1}, object(), [float("nan"), {1}]])
def test_a_call_that_is_no_json_is_refused_and_nothing_is_stored(sessions, given):
    stored(sessions, CONVERSATION)
    call = {"toolUse": {"toolUseId": "t", "name": "f", "input": given}}
    message = SessionMessage({"role": "assistant", "content": [call]}, 99)
    with pytest.raises(InvalidArgumentError, match="give what JSON can hold"):
        sessions.create_message("s", "default", message)
    assert len(sessions.list_messages("s", "default")) == len(CONVERSATION)


@pytest.mark.parametrize("page", [{"limit": -1}, {"offset": -1}, {"offset": None}, {"limit": "1"}])
def test_a_page_that_is_no_count_is_refused(sessions, page):
    stored(sessions, CONVERSATION)
    with pytest.raises(InvalidArgumentError, match="whole number"):
        sessions.list_messages("s", "default", **page)


@pytest.mark.parametrize("name", [None, 5])
def test_a_name_that_is_no_text_is_refused(sessions, name):
    with pytest.raises(InvalidArgumentError, match="is not a text"):
        sessions.read_session(name)


@pytest.mark.parametrize("levels", [250, 300, 600, 100_000])
def test_however_deep_a_message_nests_it_comes_back_equal_or_is_refused(sessions, levels):
    message = {"role": "user", "content": [{"toolResult": {"content": deep(levels)}}]}
    state = SessionAgent("default", {"deep": deep(levels)}, {})
    if levels > 500:
        with pytest.raises(NotJsonError, match="session_message: cannot be written as JSON"):
            sessions.create_message("s", "default", SessionMessage(message, 0))
        with pytest.raises(NotJsonError, match="agent: cannot be written as JSON"):
            sessions.update_agent("s", state)
        return
    sessions.create_message("s", "default", SessionMessage(message, 0))
    sessions.update_agent("s", state)
    [back] = sessions.list_messages("s", "default")
    assert back.message == message
    assert sessions.read_agent("s", "default").state == state.state
