"""What other programs altered or deleted is missing, or named by an error; other conversations go on."""

import asyncio

import pytest
from given import JUNK, Outcomes, altered
from pydantic_ai.conversation import Conversation
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    UserPromptPart,
)

from hermes_store.adapters.pydantic_ai import HermesConversationStore
from hermes_store.adapters.pydantic_ai.places import EntryNotFoundError
from hermes_store.errors import InvalidArgumentError
from hermes_store.shapes.kept import AlteredError

ASKED = ModelRequest(parts=[UserPromptPart("Where is the needle?")])
ANSWERED = ModelResponse(
    parts=[ThinkingPart("Hm"), TextPart("There"), ToolCallPart("grep", {"for": "pin"}, "t1")]
)
MORE = ModelRequest(parts=[UserPromptPart("And now?")])
STORED = "pydantic-ai/c"


@pytest.fixture
def store(repository):
    made = HermesConversationStore(repository)
    for name in ("c", "other"):
        asyncio.run(made.save(Conversation(conversation_id=name, messages=[ASKED, ANSWERED])))
    return made


def load(store, name="c", **which):
    return asyncio.run(store.load(name, **which))


def go_on(store, conversation):
    conversation.messages.append(MORE)
    return asyncio.run(store.save(conversation))


def test_an_altered_entry_is_named_or_missing_and_other_conversations_are_loaded(store, repository):
    for message in repository.get_messages(STORED):
        outcomes = Outcomes(f"message {message['id']} of session '{STORED}'")
        for kept in altered(message["extra"]["pydantic_ai"]):
            repository.replace_message(STORED, message["id"], extra={"pydantic_ai": kept})
            if kept != message["extra"]["pydantic_ai"] | {"parent": "junk"}:
                outcomes.take(lambda: load(store))
        repository.replace_message(STORED, message["id"], extra=message["extra"])
        assert outcomes.read
        assert outcomes.errors == {AlteredError}
    assert load(store, "other").messages == load(store).messages == [ASKED, ANSWERED]


@pytest.mark.parametrize(
    "fields",
    [{"content": None}, {"content": {"a": 1}}, {"tool_calls": ["x"]}, {"tool_calls": [{}]}],
)
def test_a_message_edited_into_what_cannot_be_read_is_named(store, repository, fields):
    [_, message] = repository.get_messages(STORED)
    repository.replace_message(STORED, message["id"], **fields)
    with pytest.raises(AlteredError, match=f"message {message['id']} of session"):
        load(store)
    assert load(store, "other").messages == [ASKED, ANSWERED]


def test_a_conversation_that_was_cleared_is_missing_and_not_saved_on(store, repository):
    conversation = load(store)
    repository.clear_messages(STORED)
    with pytest.raises(ConversationConflict):
        go_on(store, conversation)
    with pytest.raises(EntryNotFoundError, match="it was deleted; load fewer messages") as caught:
        load(store)
    assert isinstance(caught.value, KeyError)
    assert load(store, "other").messages == [ASKED, ANSWERED]
    asyncio.run(store.delete("c"))
    asyncio.run(store.save(Conversation(conversation_id="c", messages=[ASKED])))
    assert load(store).messages == [ASKED]


def test_what_goes_on_from_a_deleted_message_is_named_and_the_last_ones_are_loaded(
    store, repository
):
    [first, second] = repository.get_messages(STORED)
    repository.delete_messages(STORED, [first["id"]])
    goes_on = f"from which message {second['id']} of session '{STORED}' goes on"
    with pytest.raises(EntryNotFoundError, match=goes_on):
        load(store)
    conversation = load(store, limit=1)
    assert conversation.messages == [ANSWERED]
    go_on(store, conversation)
    assert load(store, limit=2).messages == [ANSWERED, MORE]


def test_an_altered_record_is_named_and_left_out_of_the_list(store, repository):
    kept = repository.get_session(STORED)["extra"]["pydantic_ai"]
    outcomes = Outcomes(STORED)
    for junk in altered(kept):
        repository.update_session(STORED, extra={"pydantic_ai": junk})
        outcomes.take(lambda: asyncio.run(store.read_record("c")))
        listed = asyncio.run(store.read_records())
        assert "other" in [each.conversation_id for each in listed]
    assert outcomes.errors == {AlteredError}
    assert outcomes.read


@pytest.mark.parametrize(
    "record",
    [*JUNK[1:], {"head_id": ["e"], "revision": "r"}, {"branches": [5], "revision": "r"}],
    ids=repr,
)
@pytest.mark.parametrize("shares", [[], 5, [[]]], ids=repr)
def test_a_conversation_whose_fork_was_altered_deletes_nothing_that_the_fork_may_reach(
    store, repository, record, shares
):
    fork = asyncio.run(store.fork("c"))
    forked = f"pydantic-ai/{fork.conversation_id}"
    repository.update_session(forked, extra={"pydantic_ai": {"record": record, "shares": shares}})
    with pytest.raises(AlteredError, match=forked):
        asyncio.run(store.delete("c"))
    assert len(repository.get_messages(STORED)) == len(load(store).messages) == 2


@pytest.mark.parametrize("junk", [*JUNK, [1, 2], ["a", "b"], [1, "s", 3], [10**30, "s"]], ids=repr)
def test_a_place_that_was_altered_is_looked_for(store, repository, junk):
    for key, _ in repository.meta.items("pydantic-ai/entry/"):
        repository.meta.set(key, junk)
    assert load(store).messages == [ASKED, ANSWERED]
    go_on(store, load(store))
    assert load(store).messages == [ASKED, ANSWERED, MORE]


@pytest.mark.parametrize("head", [["e"], {}, 5])
def test_a_head_that_is_no_text_is_refused(store, head):
    with pytest.raises(InvalidArgumentError, match="is not a text"):
        asyncio.run(store.read_history(head))


@pytest.mark.parametrize("odd", [{1: "a", "1": "b"}, {True: "a", "true": "\0"}], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused(store, odd):
    called = ModelResponse(parts=[ToolCallPart("grep", {"inner": odd}, "t1")])
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        asyncio.run(store.save(Conversation(conversation_id="d", messages=[called])))
    assert load(store, "d") is None
