"""Conversations are ordinary sessions of the store, come back equal, and share entries."""

import asyncio
import itertools

import pages
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import (
    ConversationConflict,
)
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RunUsage

from hermes_store.adapters.pydantic_ai import HermesConversationStore

numbers = itertools.count()
TURN = [
    ModelRequest(parts=[SystemPromptPart("Be brief."), UserPromptPart("Where is the needle?")]),
    ModelResponse(
        parts=[
            ThinkingPart("In the haystack?", signature="c2ln"),
            TextPart("I look."),
            ToolCallPart("grep", {"for": "pin"}, "t1"),
        ],
        model_name="m",
        finish_reason="tool_call",
    ),
    ModelRequest(parts=[ToolReturnPart("grep", {"found": "barn.txt"}, "t1")]),
    ModelResponse(parts=[TextPart("In the barn.")], model_name="m"),
]


@pytest.fixture
def store(repository):
    return HermesConversationStore(repository)


def asked(text):
    return ModelRequest(parts=[UserPromptPart(text)])


def test_a_conversation_is_loaded_equal_and_its_messages_are_ordinary_ones(store, repository):
    async def both():
        usage = RunUsage(requests=2, input_tokens=7)
        conversation = Conversation(conversation_id="c", messages=list(TURN), usage=usage)
        await store.save(conversation, scope="ada")
        return conversation, await store.load("c")

    saved, loaded = asyncio.run(both())
    assert (loaded.messages, loaded.usage) == (saved.messages, saved.usage)
    question, answer, result, _ = repository.get_messages("pydantic-ai/c")
    assert (question["role"], question["content"]) == ("user", "Where is the needle?")
    assert (answer["reasoning"], answer["content"]) == ("In the haystack?", "I look.")
    [call] = answer["tool_calls"]
    assert call["function"] == {"name": "grep", "arguments": '{"for": "pin"}'}
    assert (result["role"], result["tool_name"], result["tool_call_id"]) == ("tool", "grep", "t1")
    assert result["content"] == {"found": "barn.txt"}
    for words in ("needle", "barn.txt", "pin"):
        assert repository.search_messages(words), words
    [listed] = repository.list_sessions_rich()
    assert (listed["preview"], listed["model"]) == ("Where is the needle?", "m")
    assert (listed["user_id"], listed["tool_call_count"]) == ("ada", 1)
    assert repository.check() == []


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
REQUESTS = st.builds(
    ModelRequest,
    parts=st.lists(
        st.builds(UserPromptPart, TEXT | st.lists(TEXT, max_size=2))
        | st.builds(SystemPromptPart, TEXT)
        | st.builds(ToolReturnPart, TEXT, JSON, TEXT)
        | st.builds(
            UserPromptPart,
            st.lists(st.builds(BinaryContent, st.binary(), media_type=st.just("image/png"))),
        ),
        max_size=3,
    ),
    instructions=st.none() | TEXT,
)
RESPONSES = st.builds(
    ModelResponse,
    parts=st.lists(
        st.builds(TextPart, TEXT)
        | st.builds(ThinkingPart, TEXT, signature=st.none() | TEXT)
        | st.builds(ToolCallPart, TEXT, st.none() | TEXT | st.dictionaries(TEXT, JSON), TEXT),
        max_size=4,
    ),
    model_name=st.none() | TEXT,
)


@settings(max_examples=100)
@given(messages=st.lists(REQUESTS | RESPONSES, max_size=4))
def test_whatever_a_message_holds_it_comes_back_as_the_adapter_reads_it(store, messages):
    name = f"c{next(numbers)}"

    async def both():
        await store.save(Conversation(conversation_id=name, messages=list(messages)))
        return (await store.load(name)).messages

    dumped = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    assert asyncio.run(both()) == ModelMessagesTypeAdapter.validate_python(dumped)


def test_a_text_with_a_nul_comes_back_equal_from_every_database(store):
    async def both():
        message = asked("\0x")
        await store.save(Conversation(conversation_id="c", messages=[message]))
        return [message], (await store.load("c")).messages

    saved, loaded = asyncio.run(both())
    assert loaded == saved


def test_of_two_racing_savers_exactly_one_has_a_conflict(store):
    async def race():
        await store.save(Conversation(conversation_id="c", messages=[asked("0")]))
        for number in range(6):
            both = [await store.load("c"), await store.load("c")]
            for place, each in enumerate(both):
                each.messages.append(asked(f"{number}-{place}"))
            done = await asyncio.gather(*map(store.save, both), return_exceptions=True)
            assert [type(each) for each in done if isinstance(each, Exception)] == [
                ConversationConflict
            ]
        return len((await store.load("c")).messages)

    assert asyncio.run(race()) == 7


def test_forks_saves_and_deletes_at_once_lose_no_entry_that_is_reached(store, repository):
    async def save(name, text):
        loaded = await store.load(name)
        loaded.messages.append(asked(text))
        await store.save(loaded)

    async def all_at_once():
        names = [f"c{number}" for number in range(6)]
        for name in names:
            await store.save(Conversation(conversation_id=name, messages=list(TURN)))
        calls = [
            call
            for name in names
            for call in (
                store.fork(name, at=3, new_conversation_id=f"{name}-f"),
                save(name, "more"),
                store.delete(name),
                store.fork(name, at=1, new_conversation_id=f"{name}-g"),
            )
        ]
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in done if isinstance(each, Exception)} <= {
            AttributeError,  # a save found nothing to load
            ConversationConflict,
            UserError,  # a fork found nothing to fork
        }
        lengths = {}
        for record in await store.list_conversations():
            lengths[record.conversation_id] = len(await store.read_history(record.head_id))
        return lengths

    for name, length in asyncio.run(all_at_once()).items():
        assert length == {"f": 3, "g": 1}.get(name[-1], 5), name
    assert repository.check() == []


def test_entries_that_a_fork_reaches_outlive_the_conversation_and_then_go(store, repository):
    async def forked():
        await store.save(Conversation(conversation_id="c", messages=list(TURN)))
        await store.fork("c", at=2, new_conversation_id="f")
        await store.delete("c")
        loaded = (await store.load("f")).messages
        assert await store.load("c") is None
        left = repository.message_count()
        await store.delete("f")
        return loaded, left

    assert asyncio.run(forked()) == (TURN[:2], 2)
    assert (repository.message_count(), repository.session_count()) == (0, 0)
    assert repository.meta.items("pydantic-ai/entry/") == []


def test_an_imported_conversation_is_loaded_and_goes_on(store, repository):
    async def exported():
        await store.save(Conversation(conversation_id="c", messages=list(TURN[:2])))
        await store.fork("c", at=1, new_conversation_id="f")
        exports = [*repository.iter_export()]
        await store.delete("c")
        await store.delete("f")
        return exports

    async def loaded():
        assert (await store.load("f")).messages == TURN[:1]
        conversation = await store.load("c")
        conversation.messages += TURN[2:]
        await store.save(conversation)
        return (await store.load("c")).messages

    repository.import_sessions(asyncio.run(exported()))
    assert asyncio.run(loaded()) == TURN


def test_an_entry_that_is_nowhere_is_a_key_error(store, repository):
    async def deleted():
        await store.save(Conversation(conversation_id="c", messages=[asked("0")]))
        [entry] = await store.load_entries("c")
        repository.delete_session("pydantic-ai/c")  # by a program that knows no entries
        for entry_id in (entry.id, "never stored"):
            with pytest.raises(KeyError, match=entry_id):
                await store.read_entry(entry_id)
        await store.save(Conversation(conversation_id="c", messages=list(TURN)))
        return (await store.load("c")).messages

    assert asyncio.run(deleted()) == TURN


def test_a_branch_that_was_left_can_be_taken_again(store):
    async def branched():
        await store.save(Conversation(conversation_id="c", messages=list(TURN)))
        old = await store.load_entries("c")
        again = await store.branch("c", at=2, expected_revision=(await store.load("c")).revision)
        again.messages.append(asked("Another way"))
        await store.save(again)
        back = await store.branch("c", from_entry=old[-1].id, expected_revision=again.revision)
        return back.messages, (await store.load("c", limit=1)).messages

    assert asyncio.run(branched()) == (TURN, TURN[-1:])


@pytest.mark.parametrize(
    ("code", "printed"), [*pages.python_blocks(pages.ROOT / "docs/frameworks/pydantic-ai.md")]
)
def test_what_the_page_shows_runs(code, printed, tmp_path, monkeypatch):
    pages.run(code, printed, tmp_path, monkeypatch)
