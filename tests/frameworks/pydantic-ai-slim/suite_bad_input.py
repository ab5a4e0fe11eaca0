"""What cannot be stored is refused by a typed error, and harms nothing that was stored before."""

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest
from pydantic_ai.conversation_store import ConversationEntry, ConversationRecord
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from hermes_store.adapters.pydantic_ai import HermesConversationStore
from hermes_store.errors import InvalidArgumentError

ASKED = ModelRequest(parts=[UserPromptPart("Where is the needle?")])
RECORD = ConversationRecord(
    conversation_id="c", head_id="e1", revision="r1", updated_at=datetime(2026, 1, 2, tzinfo=UTC)
)
LATER = datetime(2026, 1, 3, tzinfo=UTC).replace(tzinfo=None)
FIRST = ConversationEntry(id="e1", parent_id=None, message=ASKED)


@pytest.fixture
def store(repository):
    return HermesConversationStore(repository)


def write(store, record, *entries):
    asyncio.run(store.write_record(record, new_entries=entries, expected_revision=None))


@pytest.mark.parametrize(
    "entries",
    [
        [("e1", "e1")],
        [("e1", "e2"), ("e2", "e1")],
        [("e2", "e1"), ("e1", None)],
    ],
)
def test_entries_that_come_before_themselves_are_refused_and_nothing_is_stored(
    store, repository, entries
):
    new = [ConversationEntry(id=each, parent_id=at, message=ASKED) for each, at in entries]
    with pytest.raises(InvalidArgumentError, match="each after the one it points at"):
        write(store, RECORD, *new)
    assert repository.message_count() == 0


def test_a_history_that_another_program_made_a_circle_is_refused_and_does_not_run_for_ever(
    store, repository
):
    write(store, RECORD, FIRST)
    [message] = repository.get_messages("pydantic-ai/c")
    extra = message["extra"]
    extra["pydantic_ai"]["parent"] = "e1"
    repository.replace_message("pydantic-ai/c", message["id"], extra=extra)
    with pytest.raises(InvalidArgumentError, match="'e1' comes before itself"):
        asyncio.run(store.read_history("e1"))


@pytest.mark.parametrize("wrong", [{"updated_at": None}, {"branches": None}, {"scope": 5}])
def test_a_record_that_could_not_be_read_again_is_refused_and_the_others_are_listed(store, wrong):
    write(store, RECORD, FIRST)
    other = dataclasses.replace(RECORD, conversation_id="d", **wrong)
    with pytest.raises(InvalidArgumentError):
        write(store, other)
    assert asyncio.run(store.read_records()) == [RECORD]


def test_a_time_without_a_zone_is_listed_as_one_of_utc(store):
    later = dataclasses.replace(RECORD, conversation_id="d", updated_at=LATER)
    write(store, RECORD, FIRST)
    write(store, later)
    assert asyncio.run(store.read_records()) == [later, RECORD]


@pytest.mark.parametrize("limit", [-1, "1", 1.0])
def test_a_limit_that_is_no_count_is_refused(store, limit):
    write(store, RECORD, FIRST)
    for read in (store.read_records(limit=limit), store.read_history("e1", limit=limit)):
        with pytest.raises(InvalidArgumentError, match="limit"):
            asyncio.run(read)


@pytest.mark.parametrize(
    "message",
    [
        ModelRequest(parts=[ToolReturnPart("grep", object(), "t1")]),
        ModelResponse(parts=[ToolCallPart("grep", {"n": 10**5000}, "t1")]),
        ModelResponse(parts=[], finish_reason="a reason of tomorrow"),
        ModelRequest(parts=[ToolReturnPart(None, "31", "t1")]),
    ],
    ids=["object", "digits", "unknown", "nameless"],
)
def test_a_message_that_could_not_be_read_again_is_refused_and_nothing_is_stored(
    store, repository, message
):
    with pytest.raises(InvalidArgumentError, match="cannot be written as JSON"):
        write(store, RECORD, ConversationEntry(id="e1", parent_id=None, message=message))
    assert repository.session_count() == 0


def test_the_latest_time_that_there_is_does_not_keep_a_message_from_being_stored(store):
    message = ModelResponse(parts=[], timestamp=datetime.max.replace(tzinfo=UTC))
    write(store, RECORD, ConversationEntry(id="e1", parent_id=None, message=message))
    assert asyncio.run(store.read_entry("e1")).message == message


@pytest.mark.parametrize("name", [None, 5, b"c"])
def test_a_name_that_is_no_text_is_refused(store, name):
    with pytest.raises(InvalidArgumentError, match="is not a text"):
        asyncio.run(store.read_record(name))


@pytest.mark.parametrize("odd", ["a\ud800b", "a\0b"])
def test_texts_of_a_record_that_no_column_can_hold_come_back_as_they_were(store, odd):
    record = dataclasses.replace(RECORD, scope=odd, revision=odd)
    write(store, record, FIRST)
    assert asyncio.run(store.read_record("c")) == record
    assert asyncio.run(store.read_records(scope=odd)) == [record]
    assert asyncio.run(store.read_records(scope="a\ufffdb")) == []
    asyncio.run(store.write_record(RECORD, expected_revision=odd))
    assert asyncio.run(store.read_record("c")) == RECORD
