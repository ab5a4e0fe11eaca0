"""Lines that other programs altered are read as messages of theirs, and transcripts are listed."""

import asyncio

import pytest
from given import JUNK, Outcomes, altered

from hermes_store.adapters.claude_agent_sdk import HermesSessionStore
from hermes_store.errors import InvalidArgumentError

PROJECT = "-srv-project"
KEY = {"project_key": PROJECT, "session_id": "s"}
STORED = f"claude/{PROJECT}/s"
LINE = {"type": "user", "uuid": "u1", "message": {"role": "user", "content": "Where is it?"}}
OTHER = {"type": "user", "uuid": "u2", "message": {"role": "user", "content": "And \0 this?"}}


@pytest.fixture
def store(repository):
    made = HermesSessionStore(repository)
    asyncio.run(made.append(KEY, [LINE, OTHER]))
    asyncio.run(made.append({**KEY, "session_id": "other"}, [LINE]))
    return made


@pytest.mark.parametrize("place", [0, 1])
def test_an_altered_line_is_read(store, repository, place):
    message = repository.get_messages(STORED)[place]
    outcomes = Outcomes("nothing: a line is always read")
    for kept in altered(message["extra"]["claude_agent_sdk"]):
        repository.replace_message(STORED, message["id"], extra={"claude_agent_sdk": kept})
        outcomes.take(lambda: asyncio.run(store.load(KEY)))
        assert all(isinstance(each, dict) for each in asyncio.run(store.load(KEY)))
    assert outcomes.errors == set()


@pytest.mark.parametrize("junk", [*JUNK[1:], {"line": LINE}, {"text": "{"}], ids=repr)
def test_junk_in_the_place_of_a_line_shows_what_is_said(store, repository, junk):
    [message, _] = repository.get_messages(STORED)
    repository.replace_message(STORED, message["id"], extra={"claude_agent_sdk": junk})
    [line, other] = asyncio.run(store.load(KEY))
    assert (line["message"], other) == (LINE["message"], OTHER)


def test_an_altered_transcript_is_listed_and_goes_on(store, repository):
    kept = repository.get_session(STORED)["extra"]["claude_agent_sdk"]
    for junk in altered(kept):
        repository.update_session(STORED, extra={"claude_agent_sdk": junk})
        summaries = asyncio.run(store.list_session_summaries(PROJECT))
        listed = asyncio.run(store.list_sessions(PROJECT))
        assert {each["session_id"] for each in listed} == {"s", "other"}
        assert {type(each["mtime"]) for each in [*listed, *summaries]} == {int}
        assert {type(each["data"]) for each in summaries} == {dict}
        asyncio.run(store.append(KEY, [{"type": "tag", "tag": "t"}]))


@pytest.mark.parametrize("odd", [{1: "a", "1": "b"}, {True: "a", "true": "\0"}], ids=repr)
def test_keys_of_which_json_would_make_one_are_refused(store, odd):
    with pytest.raises(InvalidArgumentError, match="the same in JSON"):
        asyncio.run(store.append(KEY, [{"type": "x", "input": odd}]))
    assert asyncio.run(store.load(KEY)) == [LINE, OTHER]
