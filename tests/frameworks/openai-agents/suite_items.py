"""Items of the OpenAI Agents SDK in a store: every one comes back equal, or is refused."""

import asyncio
import itertools
import json

import pytest
from given import deep
from hypothesis import given, settings
from hypothesis import strategies as st
from turn import TURN, back, ordered

from hermes_store.adapters.openai_agents import HermesSession
from hermes_store.errors import HermesStoreError
from hermes_store.shapes.exact import NotJsonError

OTHERS = [
    {"type": "reasoning", "id": "rs_2", "summary": []},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": ""}]},
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": each} for each in ("One", "Two")],
    },
    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Open thoughts"}]},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x", "more": 1}]},
    {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"},
    {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text"}]},
    {"type": "mcp_call", "id": "m", "name": "ask", "arguments": "{}", "output": "yes"},
    {"type": "web_search_call", "id": "w", "action": {"query": "pin"}, "status": "completed"},
    {"type": "compaction", "id": "cmp", "encrypted_content": "gAAAA"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": {"not": "text"}},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
    {"type": "function_call_output", "call_id": "", "output": ""},
    {"role": "assistant", "content": ""},
    {"role": "tool", "content": []},
    {"role": "user", "content": None},
    {"role": "critic", "content": "A role that nobody knows"},
    {"content": "Nobody says it"},
    {"role": "user", "content": "NUL: \0"},
    {"type": "function_call_output", "call_id": "c", "output": "\x7fELF\0\0 and \udcff"},
    {"role": "user", "content": "half of a pair: \ud83d"},
    {"role": "user", "content": [{"type": "input_text", "text": "\udcff"}]},
    {"openai_agents": {"said": {}}},
    {"role": "user", "content": deep(300)},
    {"role": "user", "content": "x", "more": deep(300)},
    {"type": "function_call_output", "call_id": "c", "output": deep(300)},
    {},
]


@pytest.mark.parametrize("item", [*TURN, *OTHERS], ids=lambda item: json.dumps(item)[:50])
def test_an_item_comes_back_equal(session, item):
    assert back(session, [item, item]) == [item, item]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),  # with lone surrogates
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TYPES = [
    *("message", "function_call", "custom_tool_call", "mcp_call", "function_call_output"),
    *("shell_call_output", "reasoning", "compaction", ""),
]
PARTS = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["summary_text", "reasoning_text"]), "text": st.text(max_size=8)},
        optional={"annotations": JSON},
    ),
    max_size=2,
)
ITEMS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(TYPES) | JSON,
            "role": st.sampled_from(["user", "assistant", "system", "tool", "developer"]) | JSON,
            "content": TEXT | PARTS | JSON,
            "summary": PARTS | JSON,
            "output": TEXT | JSON,
            **dict.fromkeys(("call_id", "name", "arguments", "input", "id"), TEXT | JSON),
            "status": JSON,
            "openai_agents": JSON,
        },
    )
    | JSON,
    min_size=1,
    max_size=4,
)
numbers = itertools.count()


@settings(max_examples=250)
@given(items=ITEMS)
def test_whatever_json_an_item_holds_it_comes_back_equal(repository, items):
    session = HermesSession(f"any-{next(numbers)}", repository)
    written = json.loads(json.dumps(items))  # joins pairs of surrogates
    assert ordered(back(session, items)) == ordered(written)


@pytest.mark.parametrize("content", ["x", [{"score": float("-inf")}]])
def test_numbers_that_json_lacks_come_back_too(session, content):
    item = {"role": "user", "content": content, "logprobs": [float("-inf")]}
    assert back(session, [item]) == [item]


def test_an_item_with_characters_that_a_database_lacks_is_found_by_its_other_words(
    session, repository
):
    asyncio.run(
        session.add_items(
            [{"type": "custom_output", "call_id": "c", "output": "a\0 needle \udcff"}]
        )
    )
    assert repository.search_messages("needle")


@pytest.mark.parametrize("levels", [450, 600, 900, 100_000])
def test_however_deep_an_item_nests_it_comes_back_equal_or_is_refused(session, levels):
    item = {"role": "user", "content": deep(levels)}
    if levels > 500:
        with pytest.raises(NotJsonError, match="items: cannot be written as JSON"):
            asyncio.run(session.add_items([item]))
        items = []
    else:
        asyncio.run(session.add_items([item]))
        items = [item]
    assert asyncio.run(session.get_items()) == items


def test_an_item_that_is_no_json_is_a_type_error_and_nothing_is_stored(session, repository):
    for item in ({"content": object()}, object(), {1, 2}):
        with pytest.raises(TypeError, match="model_dump") as error:
            asyncio.run(session.add_items([TURN[0], item]))
        assert isinstance(error.value, NotJsonError)
        assert isinstance(error.value, HermesStoreError)
    circle = []
    circle.append(circle)
    with pytest.raises(NotJsonError):
        asyncio.run(session.add_items([{"role": "user", "content": circle}]))
    assert repository.session_count() == 0
